"""Pure part of the agent: messages, codes, keyboards. The server imports this and nothing else."""
