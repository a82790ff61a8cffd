"""Updates of the agent: a signed manifest, versions side by side, a way back (agent.md §5.13)."""
