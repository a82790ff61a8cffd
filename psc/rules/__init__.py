"""The law and the specification of Pro Santé Connect, in pure functions."""
