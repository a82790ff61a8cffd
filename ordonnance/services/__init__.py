"""What the counter does with an Ordonnance Numérique: one module per step of ordonnance.md §4.1."""
