"""The card of a health professional: decoders (pure), APDU volets, and what every driver shares."""
