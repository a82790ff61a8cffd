"""Rules of the Ordonnance Numérique: model, states, matching, control. Pure."""
