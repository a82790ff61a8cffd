"""The scanners of the workstation: one driver a kind of plug, bytes out (agent.md §4.1)."""
