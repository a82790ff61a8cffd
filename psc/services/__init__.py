"""Use cases of Pro Santé Connect."""
