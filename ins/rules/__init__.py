"""Rules of identity (RNIV, référentiel INS), pure: no clock, no database, no network."""
