"""`python -m bench`: what the product adds to a bare client of the same services, in one run.

Ratios and milliseconds for people to read; nothing here fails on a time. Budgets of queries and
bytes are asserted by tests/bench, on the same screens.
"""
