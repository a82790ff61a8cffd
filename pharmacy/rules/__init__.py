"""Pure rules of the core."""
