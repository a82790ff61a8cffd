"""Screens of Pro Santé Connect."""
