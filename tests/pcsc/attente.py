"""Waiting on facts, with a deadline."""

import time

import pytest

DELAI_S = 5.0


def wait_for(fait, quoi, delai_s=DELAI_S):
    """Wait until `fait()` is true, return it; the test fails after the deadline."""
    fin = time.monotonic() + delai_s
    while not (vu := fait()):
        if time.monotonic() > fin:
            pytest.fail(f"{quoi} : pas vu en {delai_s} s")
        time.sleep(0.02)
    return vu
