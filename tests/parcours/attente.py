"""Waiting on facts."""

import time


def until(condition, quoi, delai_s=30.0):
    """Wait for a fact; the failure names it."""
    fin = time.monotonic() + delai_s
    while time.monotonic() < fin:
        lu = condition()
        if lu:
            return lu
        time.sleep(0.05)
    raise AssertionError(f"jamais arrivé : {quoi() if callable(quoi) else quoi}")
