"""What the agent draws: the window of the code porteur, in a process of its own (§5.10)."""
