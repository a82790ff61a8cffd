"""Real readers through PC/SC (agent.md §5.9).

`scard` is the seam: the few calls of the system we make, and the fault each may raise. `moniteur`
is one thread that watches readers and cards; `lecteur` is one thread a reader, where a card is
opened, read, and closed; `pilote` joins them on the agent's loop. `erreurs` and `affectations`
decide, and touch nothing.

What the service says is never believed for long: a context dies with the service, a connection
with its card, and a slot may lie until it is shaken (`Ouvrier.shake`).
"""
