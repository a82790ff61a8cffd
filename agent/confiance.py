"""What this workstation trusts, on disk: its key, its signed enrolment, and how they change."""

import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import jws
from agent.fichiers import write_private
from agent.policy import Enrolement
from agent.protocol.classification import Motifs

CLE, ENROLEMENT = "poste.key", "enrolement.json"
TYPE_CONFIG = "agent-config+jwt"
# An agent that no officine trusts: no origin enters, nothing is signed.
NON_ENROLE = Enrolement(wid="", origines=(), emetteur="", cles=[])


class ConfigRefusee(ValueError):
    """A configuration that is not the server's, or older than the one held; the text is a code."""


def save_key(dossier: Path, cle: Ed25519PrivateKey) -> None:
    """Keep the workstation's key, 0600 (agent.md §5.4, point 2)."""
    pem = cle.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(dossier / CLE, pem)


def load_key(dossier: Path, *, create: bool) -> Ed25519PrivateKey:
    """Return the workstation's key; SystemExit with a sentence when absent."""
    fichier = dossier / CLE
    if not fichier.exists():
        if not create:
            raise SystemExit("Ce poste n'a pas de clé : lancez d'abord « python -m agent cle ».")
        save_key(dossier, Ed25519PrivateKey.generate())
    cle_lue = serialization.load_pem_private_key(fichier.read_bytes(), None)
    if not isinstance(cle_lue, Ed25519PrivateKey):
        raise SystemExit("La clé du poste n'est pas une clé Ed25519.")
    return cle_lue


def load_enrolment(dossier: Path) -> tuple[Enrolement, Motifs]:
    """Return what the server said, after checking its signature with its own key."""
    try:
        objet = json.loads((dossier / ENROLEMENT).read_text(encoding="utf-8"))
        enrolement = read_signed(objet, list(objet["jwks"]["keys"]))
        return enrolement, read_motifs(objet)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise SystemExit(
            "Poste non associé à l'officine : l'enrôlement manque ou est faux."
        ) from exc


def read_signed(objet: dict[str, Any], cles: list[dict[str, str]]) -> Enrolement:
    """Return the enrolment of a signed object. Raises ConfigRefusee, KeyError, TypeError."""
    try:
        signe = jws.verify(objet["config_jws"], TYPE_CONFIG, cles)
    except jws.JwsRefuse as exc:
        raise ConfigRefusee(str(exc)) from exc
    if signe != {nom: valeur for nom, valeur in objet.items() if nom != "config_jws"}:
        raise ConfigRefusee("contenu")
    return Enrolement.from_dict(objet)


def read_motifs(objet: dict[str, Any]) -> Motifs:
    """Return the grammars of a verified enrolment; what a later server adds is left aside.

    Raises ConfigRefusee.
    """
    connus = {champ.name for champ in fields(Motifs)}
    try:
        lus = dict(objet["config"]["motifs"])
    except (KeyError, TypeError, ValueError) as exc:
        raise ConfigRefusee("motifs") from exc
    return Motifs(**{nom: valeur for nom, valeur in lus.items() if nom in connus})


def check_update(tenu: Enrolement, objet: object) -> Enrolement:
    """Return the newer configuration of the same server for the same poste, or ConfigRefusee.

    An older `config_seq`, or the same one saying something else, is refused (§5.4, point 5).
    """
    if not isinstance(objet, dict):
        raise ConfigRefusee("forme")
    try:
        neuf = read_signed(objet, tenu.cles)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ConfigRefusee("forme") from exc
    if (neuf.wid, neuf.emetteur) != (tenu.wid, tenu.emetteur):
        raise ConfigRefusee("autre_poste")
    if neuf.seq < tenu.seq:
        raise ConfigRefusee("ancienne")
    if neuf.seq == tenu.seq and replace(neuf, cles=tenu.cles) != tenu:
        raise ConfigRefusee("rejouee")
    return neuf


def save_enrolment(dossier: Path, objet: dict[str, Any]) -> None:
    """Keep a verified enrolment, readable by this user only."""
    write_private(
        dossier / ENROLEMENT, json.dumps(objet, ensure_ascii=False, indent=1).encode("utf-8")
    )


def wipe(dossier: Path) -> None:
    """Forget the key and the enrolment; the key's bytes are overwritten first (§5.4, point 6)."""
    fichier = dossier / CLE
    if fichier.exists():
        with fichier.open("r+b") as sortie:
            sortie.write(b"\0" * fichier.stat().st_size)
            sortie.flush()
            os.fsync(sortie.fileno())
    for nom in (CLE, ENROLEMENT):
        (dossier / nom).unlink(missing_ok=True)
