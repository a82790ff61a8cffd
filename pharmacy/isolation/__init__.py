"""Isolation of the officines: two walls, the querysets and PostgreSQL row-level security.

The current officine is a context variable. Our database backend writes it into the connection
(`comptoir.officine`) each time one is taken, and erases it before it goes back to the pool, so that
a forgotten context reads nothing and writes nothing.
"""
