"""Dated reference tables carried with the product, and how they are loaded: whole or not at all."""
