"""Sessions of the counter: who is signed in on which workstation, and the lock."""
