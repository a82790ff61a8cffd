"""Virtual cards that answer APDUs, and the bench around them (agent.md §6, §7)."""
