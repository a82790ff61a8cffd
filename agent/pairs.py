"""Which operating-system user holds the other end of a connection on this machine (§5.7)."""

import os
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def find_owner(texte: str, pair: int, notre: int) -> int | None:
    """Return the user of the socket that goes from port `pair` to port `notre`, in a kernel table.

    `texte` is /proc/net/tcp: local address, remote address, state, …, uid in the eighth column.
    """
    for ligne in texte.splitlines()[1:]:
        champs = ligne.split()
        if len(champs) < 8:
            continue
        ports = [int(adresse.rpartition(":")[2], 16) for adresse in champs[1:3]]
        if ports == [pair, notre]:
            return int(champs[7])
    return None


def is_ours(pair: int, notre: int) -> bool:
    """Tell whether the peer belongs to the user of this process.

    Where the kernel has no such table (another system than Linux) nothing is known: the door's
    other checks stand alone.
    """
    textes = [t.read_text(encoding="ascii") for t in TABLES if t.exists()]
    if not textes:
        return True
    trouves = {find_owner(texte, pair, notre) for texte in textes} - {None}
    return trouves == {os.getuid()}
