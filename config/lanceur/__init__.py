"""The launcher: embedded PostgreSQL and Valkey, every process of the demonstration officine.

Standard library and psycopg only: it starts before Django and outlives what it starts. Children die
with it (parent-death signal), so that even `kill -9` leaves nothing behind.
"""
