"""What lies on the desk: cards, codes, boxes, services. Talks to the agent and simulators."""

import io
import json
import random
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import segno

from simulators.cartes import carte_list
from simulators.plateau.etiquettes import labels

GS = "\x1d"
HUMEURS = (
    "normal",
    "lent",
    "tres_lent",
    "panne",
    "panne_503",
    "reponse_perdue",
    "doublon",
    "absurde",
    "bizarre",
)


class Injoignable(Exception):
    """The agent or a simulator does not answer."""


@dataclass(frozen=True)
class Adresses:
    """Where the tray finds what it plays with."""

    agent: str
    services: dict[str, str]
    produit: str


def _agent(adresses: Adresses, demande: dict[str, Any]) -> dict[str, Any]:
    """Send one line to the agent's scripted driver and return its answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as prise:
            prise.settimeout(3)
            prise.connect(adresses.agent)
            prise.sendall(json.dumps(demande).encode() + b"\n")
            ligne = prise.makefile().readline()
    except OSError as exc:
        raise Injoignable("L'agent du poste ne répond pas.") from exc
    reponse: dict[str, Any] = json.loads(ligne or "{}")
    if not reponse.get("ok"):
        raise ValueError(str(reponse.get("message") or "L'agent refuse ce geste."))
    return reponse


def _controle(url: str, corps: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
    """Call a simulator's control page; POST when there is a body."""
    requete = urllib.request.Request(  # noqa: S310 - loopback addresses given by the launcher
        url,
        data=None if corps is None else json.dumps(corps).encode(),
        headers={"Content-Type": "application/json"},
        method="GET" if corps is None else "POST",
    )
    try:
        with urllib.request.urlopen(requete, timeout=3) as reponse:  # noqa: S310
            return json.loads(reponse.read() or b"{}")
    except urllib.error.HTTPError as exc:
        exc.close()
        raise ValueError("Ce service simulé refuse ce geste.") from exc
    except (urllib.error.URLError, OSError, ValueError) as exc:
        raise Injoignable("Ce service simulé ne répond pas.") from exc


def _try(lire: Callable[[], Any], defaut: Any) -> Any:  # noqa: ANN401
    try:
        return lire()
    except (Injoignable, ValueError):
        return defaut


def _last_entries(url: str) -> Any:  # noqa: ANN401
    return _controle(f"{url}/controle/journal")["entrees"][-12:]


def read_state(adresses: Adresses) -> dict[str, Any]:
    """Return everything the page shows; a part that is away shows as absent, never invented."""
    cartes = [
        {
            "fichier": c["fichier"],
            "genre": c["kind"],
            "nom": c["label"],
            "pourquoi": c.get("pourquoi", ""),
        }
        for c in carte_list()
    ]
    services = {
        nom: {
            "etat": _try(partial(_controle, f"{url}/controle/etat"), None),
            "journal": _try(partial(_last_entries, url), []),
        }
        for nom, url in adresses.services.items()
    }
    epu, vitale = adresses.services["ordonnance"], adresses.services["vitale"]
    return {
        "cartes": cartes,
        "agent": _try(lambda: _agent(adresses, {"verb": "state"})["state"], None),
        "services": services,
        "ordonnances": _try(lambda: _controle(f"{epu}/controle/ordonnances"), []),
        "ecps": _try(lambda: _controle(f"{adresses.services['psc']}/controle/telephones"), []),
        "telephones": _try(lambda: _controle(f"{vitale}/controle/foyers"), []),
        "etiquettes": [etiquette.shown() for etiquette in labels().values()],
        "humeurs": HUMEURS,
        "produit": adresses.produit,
    }


def draw_code(numero: str) -> bytes:
    """Return the QR code of a prescription number, as SVG."""
    sortie = io.BytesIO()
    segno.make(numero, error="m", micro=False).save(sortie, kind="svg", scale=4, border=4)
    return sortie.getvalue()


def _box_text(cip13: str) -> str:
    """Return what the datamatrix of a box says: GTIN, expiry, lot, serial, separated by GS."""
    hasard = random.SystemRandom()
    peremption = (date.today() + timedelta(days=500)).strftime("%y%m%d")  # noqa: DTZ011
    serie = "".join(hasard.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(12))
    return f"010{cip13}17{peremption}10L{hasard.randrange(1000, 9999)}{GS}21{serie}"


def _insert(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    carte = next(c for c in carte_list() if c["fichier"] == corps["carte"])
    lecteur = str(corps.get("reader") or carte["kind"])
    carte.pop("fichier")
    return _agent(adresses, {"verb": "insert", "reader": lecteur, "card": carte})


def _scan(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    appareil = str(corps.get("device") or "comptoir")
    return _agent(adresses, {"verb": "scan", "device": appareil, "text": str(corps["texte"])})


def _phone(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    """Show the phone of a household to the scanner: a fresh code each time."""
    url = f"{adresses.services['vitale']}/controle/codes"
    return _scan(adresses, {"texte": _controle(url, {"foyer": str(corps["foyer"])})["texte"]})


def _label(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    return _scan(adresses, {"texte": labels()[str(corps["cle"])].texte})


def _pin(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    if corps.get("annuler"):
        return _agent(adresses, {"verb": "pin_cancel"})
    if corps.get("confirmer"):
        return _agent(adresses, {"verb": "pin_confirm"})
    return _agent(adresses, {"verb": "pin", "digits": str(corps["chiffres"])})


def _mood(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    voulu: dict[str, Any] = {
        c: corps[c] for c in ("nom", "fois", "latence_ms", "operation") if c in corps
    }
    etat: dict[str, Any] = _controle(
        f"{adresses.services[str(corps['service'])]}/controle/humeur", voulu
    )
    return etat


def _event(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    url = f"{adresses.services['ordonnance']}/controle/evenement"
    fait: dict[str, Any] = _controle(
        url, {"numero": str(corps["numero"]), "evenement": str(corps["evenement"])}
    )
    return fait


def _approve(adresses: Adresses, corps: dict[str, Any]) -> dict[str, Any]:
    """Answer a request of Pro Santé Connect, as the phone or the card reader would."""
    url = f"{adresses.services['psc']}/controle/telephone"
    fait: dict[str, Any] = _controle(url, {"ref": str(corps["ref"]), "geste": str(corps["geste"])})
    return fait


GESTES: dict[str, Callable[[Adresses, dict[str, Any]], dict[str, Any]]] = {
    "/inserer": _insert,
    "/retirer": lambda a, c: _agent(a, {"verb": "remove", "reader": str(c["reader"])}),
    "/scanner": _scan,
    "/boite": lambda a, c: _scan(a, {"texte": _box_text(str(c["cip13"]))}),
    "/telephone": _phone,
    "/etiquette": _label,
    "/pin": _pin,
    "/humeur": _mood,
    "/evenement": _event,
    "/ecps": _approve,
}
