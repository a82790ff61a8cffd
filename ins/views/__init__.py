"""Screens of the identity, one file per question asked."""
