"""Dialogs of the Ordonnance Numérique, one module per moment."""
