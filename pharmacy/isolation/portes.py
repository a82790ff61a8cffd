"""Ids that the doors give: what an agent without session says of itself, every officine."""

from django.db import connection


def officine_ids() -> list[int]:
    """Return the ids of every officine of the installation, suspended ones too."""
    with connection.cursor() as curseur:
        curseur.execute("SELECT officine_id FROM comptoir_journal_officines()")
        return [ligne[0] for ligne in curseur.fetchall()]


def _pair(fonction: str, texte: str) -> tuple[int, int] | None:
    with connection.cursor() as curseur:
        curseur.execute(f"SELECT * FROM {fonction}(%s)", [texte])  # noqa: S608 - our own names
        ligne = curseur.fetchone()
    return (ligne[0], ligne[1]) if ligne else None


def poste_of_wid(wid: str) -> tuple[int, int] | None:
    """Return (officine, poste) of a public identifier; None when no poste has it."""
    return _pair("comptoir_poste_par_wid", wid[:24].replace("\0", ""))


def code_of_repere(repere: str) -> tuple[int, int] | None:
    """Return (officine, code) of the first half of a pairing code; None when none has it."""
    return _pair("comptoir_code_enrolement", repere[:4].replace("\0", ""))
