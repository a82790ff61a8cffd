"""Workstations: enrolment, tokens, nonces, receipts, signature requests (agent.md §5)."""
