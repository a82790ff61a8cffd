"""What several tests read: the examples of the specifications that are ours to reuse."""

import re
from pathlib import Path

EXEMPLES = Path(__file__).parent / "exemples"


def lire_tsv_codes():
    """Return the fifty rows (id, content, channel, class, number, follow-up, message)."""
    lignes = []
    texte = (EXEMPLES / "qr-contenus.tsv").read_text(encoding="utf-8")
    for ligne in texte.splitlines():
        if not ligne or ligne.startswith("#"):
            continue
        colonnes = [*ligne.split("\t"), "", "", ""][:7]
        colonnes[1] = _unescape(colonnes[1])
        lignes.append(tuple(colonnes))
    return lignes


def _unescape(texte):
    texte = re.sub(r"(.)\{x(\d+)\}", lambda m: m.group(1) * int(m.group(2)), texte)
    simples = {"\\r": "\r", "\\n": "\n", "\\t": "\t", "\\\\": "\\"}
    return re.sub(
        r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\[rnt\\]",
        lambda m: (
            chr(int(m.group(1) or m.group(2), 16))
            if m.group(1) or m.group(2)
            else simples[m.group(0)]
        ),
        texte,
    )
