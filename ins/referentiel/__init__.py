"""Dated reference tables of the identity, in our own format."""
