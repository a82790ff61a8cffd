"""What the drivers of Linux read alike: a line of /sys, what waits on a node of /dev."""

import errno
import os
from pathlib import Path


def read_line(fichier: Path) -> str:
    """Return the line of a file of /sys, empty when there is none."""
    try:
        return fichier.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def read_now(fd: int, maximum: int) -> bytes:
    """Return what came on a node that does not block, maybe nothing. OSError when it is gone."""
    try:
        octets = os.read(fd, maximum)
    except BlockingIOError:
        return b""
    if not octets:
        # The loop said that there was something to read: this is the end.
        raise OSError(errno.ENODEV, "noeud")
    return octets
