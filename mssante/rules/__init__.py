"""Pure rules of MSSanté: no Django, no network."""
