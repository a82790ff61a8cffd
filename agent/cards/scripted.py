"""The scripted driver: cards are JSON files (agent.md §7), keys are real, faults are played.

It says `simulated` in every receipt; a production server refuses it.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from agent.cards.atr import classify_atr
from agent.cards.base import ASigner, Carte, Emettre, EtatPin
from agent.cards.code_porteur import CodePorteur
from agent.cards.cps.scripte import CpsScripte
from agent.cards.cps.usage import Cps, UsageCps
from agent.cards.vitale import check_vitale, is_key_right, iso_date, keep_administrative
from agent.protocol.messages import ErreurAgent

LECTEURS = ("vitale", "cps", "apcv")
# What a card of each reader is called in events; the phone is laid, not inserted.
GENRES = {"vitale": "vitale", "cps": "cps", "apcv": "apcv_nfc"}
# The use that `reader.assign` may tell each, beside « ignore ».
USAGES = {"vitale": "vitale", "cps": "cps", "apcv": "nfc"}
APCV_MAX = 4096

T = TypeVar("T")


class _Lecteur:
    def __init__(self, nom: str) -> None:
        self.nom = nom
        self.branche = True
        self.ignore = False
        self.carte: dict[str, Any] | None = None
        self.insertion = ""
        self.fautes: list[dict[str, Any]] = []
        self.retrait = asyncio.Event()


class PiloteScripte:
    """Readers in memory, driven by the control socket."""

    nom = "scripte"
    simule = True

    def __init__(
        self,
        dossier_cles: Path,
        emettre: Emettre,
        essais: Path,
        codes: CodePorteur | None = None,
    ) -> None:
        self.dossier_cles = dossier_cles
        self.emettre = emettre
        self.fichier_essais = essais
        self.postes = {nom: _Lecteur(nom) for nom in LECTEURS}
        self.codes = codes or CodePorteur(emettre)
        self.cps = UsageCps(self, self.codes, emettre)
        self.pannes: list[str] = []

    # Readers

    def lecteurs(self) -> list[dict[str, Any]]:
        """Return the readers and what they hold."""
        return [
            {
                "name": f"Lecteur scripté {poste.nom}",
                "id": poste.nom,
                "kind": "nfc" if poste.nom == "apcv" else "contact",
                "use": "ignore" if poste.ignore else poste.nom,
                "state": "gone" if not poste.branche else "card" if poste.carte else "empty",
                "insertion_id": poste.insertion if poste.carte else None,
            }
            for poste in self.postes.values()
        ]

    def degrade(self) -> list[str]:
        """Return what was told not to work."""
        return self.pannes

    def inserer(self, lecteur: str, fichier: dict[str, Any]) -> None:
        """Put a card in. KeyError for an unknown reader; ValueError when unplugged or malformed."""
        poste = self.postes[lecteur]
        if not poste.branche:
            raise ValueError("lecteur_debranche")
        if fichier.get("schema") != "officine.carte-sim/1":
            raise ValueError("carte_inconnue")
        if poste.carte is not None:
            self.retirer(lecteur)
        poste.carte, poste.insertion = fichier, uuid4().hex[:12]
        poste.retrait = asyncio.Event()
        poste.fautes = list(fichier.get("faults") or [])
        if any(f.get("do") == "mute" for f in poste.fautes):
            self.emettre("card.error", {"reader": lecteur, "code": "E_CARD_MUTE"})
        else:
            self.emettre(
                "card.inserted",
                {
                    "reader": lecteur,
                    "kind": GENRES.get(str(fichier.get("kind")), "autre"),
                    "insertion_id": poste.insertion,
                    "atr_class": classify_atr(_atr(fichier)).classe,
                },
            )
        self.emettre("readers.changed", {"readers": self.lecteurs()})

    def retirer(self, lecteur: str) -> None:
        """Take the card out, even during a reading."""
        poste = self.postes[lecteur]
        if poste.carte is None:
            return
        fichier, insertion = poste.carte, poste.insertion
        poste.carte = None
        poste.retrait.set()
        if lecteur == "cps":
            self.cps.card_removed(insertion)
        genre = GENRES.get(str(fichier.get("kind")), "autre")
        self.emettre("card.removed", {"reader": lecteur, "kind": genre, "insertion_id": insertion})
        self.emettre("readers.changed", {"readers": self.lecteurs()})

    def brancher(self, lecteur: str, *, present: bool) -> None:
        """Plug or unplug a reader."""
        if not present:
            self.retirer(lecteur)
        self.postes[lecteur].branche = present
        self.emettre("readers.changed", {"readers": self.lecteurs()})

    def carte(self, genre: str, lecteur: str = "") -> Carte:
        """Return the card of a kind."""
        if lecteur and lecteur != genre:
            raise ErreurAgent("E_NO_READER")
        poste = self.postes[genre]
        if not poste.branche or poste.ignore:
            raise ErreurAgent("E_NO_READER")
        if poste.carte is None:
            raise ErreurAgent("E_APCV_NOT_PRESENTED" if genre == "apcv" else "E_NO_CARD")
        if any(f.get("do") == "mute" for f in poste.fautes):
            raise ErreurAgent("E_CARD_MUTE")
        atr = str(poste.carte.get("atr") or "")
        classe = classify_atr(_atr(poste.carte)).classe
        if poste.carte.get("kind") != genre or (genre == "vitale" and classe != "vitale2"):
            raise ErreurAgent("E_CARD_UNKNOWN", atr_class=classe)
        contenu = poste.carte.get(genre)
        generation = str(contenu.get("generation") or "") if isinstance(contenu, dict) else ""
        return Carte(genre, genre, poste.insertion, atr, generation, simulee=True)

    async def ceder(self, lecteur: str, duree_s: float) -> None:
        """Refuse: no other program uses readers in memory."""
        raise ErreurAgent("E_NOT_SUPPORTED")

    def reprendre(self, lecteur: str) -> None:
        """Refuse, as `ceder`."""
        raise ErreurAgent("E_NOT_SUPPORTED")

    def affecter(self, lecteur: str, usage: str) -> None:
        """Leave a reader aside, or take it back: each reader in memory has one use."""
        poste = self.postes.get(lecteur)
        if poste is None:
            raise ErreurAgent("E_NO_READER")
        if usage not in {*USAGES.values(), "ignore"}:
            raise ErreurAgent("E_PROTO_PAYLOAD", path="use")
        if usage not in {USAGES[lecteur], "ignore"}:
            raise ErreurAgent("E_NOT_SUPPORTED")
        poste.ignore = usage == "ignore"
        self.emettre("readers.changed", {"readers": self.lecteurs()})

    async def _contact(self, carte: Carte) -> dict[str, Any]:
        """Play the time and the faults of a contact; return the card's content."""
        poste = self.postes[carte.lecteur]
        fichier = poste.carte
        retrait = poste.retrait
        delai = float((fichier or {}).get("protocol", {}).get("delay_ms") or 0) / 1000
        for faute in [f for f in poste.fautes if f.get("on") == "apdu"]:
            if not faute.get("repeat"):
                poste.fautes.remove(faute)
            delai += self._suffer(carte.lecteur, faute)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(retrait.wait(), delai)
        if not poste.branche:
            raise ErreurAgent("E_READER_GONE")
        if poste.carte is not None and poste.insertion != carte.insertion_id:
            raise ErreurAgent("E_CARD_CHANGED")
        if retrait.is_set() or fichier is None:
            raise ErreurAgent("E_CARD_REMOVED")
        return fichier

    def _suffer(self, lecteur: str, faute: dict[str, Any]) -> float:
        """Play one fault; return the seconds it adds to the contact."""
        match faute.get("do"):
            case "pull":
                self.retirer(lecteur)
            case "delay" | "hang":
                return float(faute.get("ms") or 3_600_000) / 1000
            case "garbage" | "truncate" if lecteur == "vitale":
                raise ErreurAgent("E_VITALE_DATA", block="identite")
            case "garbage" | "truncate" if lecteur == "apcv":
                raise ErreurAgent("E_APCV_MALFORMED")
            case "garbage" | "truncate":
                raise ErreurAgent("E_CPS_READ")
            case "sw":
                raise ErreurAgent("E_CARD_PROTOCOL", sw=str(faute.get("sw"))[:4])
        return 0.0

    # Vitale

    async def lire_vitale(self, carte: Carte) -> dict[str, Any]:
        """Return the normalised object of §7.1, dates told calendar or lunar."""
        fichier = await self._contact(carte)
        data = json.loads(json.dumps(fichier.get("vitale")))
        check_vitale(data)
        for beneficiaire in data["beneficiaires"]:
            iso = iso_date(beneficiaire["date_naissance"])
            beneficiaire["date_naissance_iso"] = iso
            beneficiaire["lunaire"] = iso is None
        cps_absente = self.postes["cps"].carte is None
        limites = keep_administrative(data) if cps_absente else []
        return {
            **data,
            "source": "vitale_sim",
            "simulated": True,
            "atr": carte.atr,
            "anomalies": [] if is_key_right(data["assure"]) else ["cle_nir"],
            "limites": limites,
            "cps_absente": cps_absente,
        }

    # Appli carte Vitale

    async def lire_apcv(self, carte: Carte) -> dict[str, Any]:
        """Return the string of the phone, as it gives it."""
        contenu = (await self._contact(carte)).get("apcv")
        texte = contenu.get("texte") if isinstance(contenu, dict) else None
        if not (isinstance(texte, str) and 0 < len(texte) <= APCV_MAX and texte.isprintable()):
            raise ErreurAgent("E_APCV_MALFORMED")
        return {"contexteApCV": texte, "mode": 2}

    # CPS (see `agent.cards.cps.usage.Acces`)

    async def use(self, carte: Carte, acte: Callable[[Cps], T], *, code: bool = False) -> T:
        """Play an act on the CPS in the reader; `code` changes nothing in memory."""
        del code
        return acte(self._cps_of(await self._contact(carte)))

    def leave(self) -> None:
        """Do nothing: a card in memory keeps no code."""

    def forget_card(self) -> None:
        """Do nothing, as `leave`."""

    def _cps_of(self, fichier: dict[str, Any]) -> CpsScripte:
        return CpsScripte(fichier, self.dossier_cles, self.fichier_essais)

    async def lire_cps(self, carte: Carte) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        return await self.cps.lire(carte)

    async def lire_situations(self, carte: Carte) -> dict[str, Any]:
        """Return the situations d'exercice, the code asked for if it must be."""
        return await self.cps.situations(carte)

    def nom_cps(self) -> str | None:
        """Return the name of what reads a CPS here."""
        return self.nom

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands."""
        fichier = self.postes["cps"].carte
        if fichier is None:
            return EtatPin("absente", 0)
        try:
            etat = self._cps_of(fichier).pin_state()
        except ErreurAgent:
            return EtatPin("absente", 0)
        donne = etat.essais and self.codes.is_given(self.postes["cps"].insertion)
        return EtatPin("presentee", etat.essais) if donne else etat

    async def lire_pin(self) -> EtatPin:
        """Return where the holder's code stands."""
        return self.pin_state()

    def pin_lock(self) -> None:
        """Forget the code."""
        self.codes.lock()

    async def signer(self, carte: Carte, demande: ASigner) -> tuple[list[bytes], bytes]:
        """Ask for the code if needed, then sign each SHA-256 digest."""
        return await self.cps.signer(carte, demande)


def _atr(fichier: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(str(fichier.get("atr") or ""))
    except ValueError:
        return b""
