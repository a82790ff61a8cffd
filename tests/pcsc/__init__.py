"""What runs against a real pcscd and the virtual cards of `simulators.pcsc` (mark `pcsc`).

Fixtures `banc` and `banc_ouvert` are in tests/conftest.py. Where it cannot run they fail with
its sentence: nothing is skipped.
"""
