"""The CPS through the official PKCS#11 library, in a process of its own (agent.md §1.4, §1.7)."""
