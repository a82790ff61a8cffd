"""The scripted driver: cards are JSON files (agent.md §7), keys are real, faults are played.

It says `simulated` in every receipt; a production server refuses it.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from agent.cards.atr import classify_atr
from agent.cards.base import Carte, Emettre, EtatPin, FenetrePin
from agent.cards.vitale import check_vitale, is_key_right, iso_date
from agent.protocol.messages import ErreurAgent

LECTEURS = ("vitale", "cps", "apcv")
# What a card of each reader is called in events; the phone is laid, not inserted.
GENRES = {"vitale": "vitale", "cps": "cps", "apcv": "apcv_nfc"}
APCV_MAX = 4096
PIN_S = 60
PIN_VALIDE_S = 15 * 60


class _Lecteur:
    def __init__(self, nom: str) -> None:
        self.nom = nom
        self.branche = True
        self.carte: dict[str, Any] | None = None
        self.insertion = ""
        self.fautes: list[dict[str, Any]] = []
        self.retrait = asyncio.Event()


class PiloteScripte:
    """Readers in memory, driven by the control socket."""

    nom = "scripte"
    simule = True

    def __init__(self, dossier_cles: Path, emettre: Emettre, essais: Path) -> None:
        self.dossier_cles = dossier_cles
        self.emettre = emettre
        self.fichier_essais = essais
        self.postes = {nom: _Lecteur(nom) for nom in LECTEURS}
        self.fenetre: FenetrePin | None = None
        self._pin_jusqua = 0.0
        self._verrou_fenetre = asyncio.Lock()

    # Readers

    def lecteurs(self) -> list[dict[str, Any]]:
        """Return the readers and what they hold."""
        return [
            {
                "name": f"Lecteur scripté {poste.nom}",
                "id": poste.nom,
                "kind": "nfc" if poste.nom == "apcv" else "contact",
                "use": poste.nom,
                "state": "gone" if not poste.branche else "card" if poste.carte else "empty",
                "insertion_id": poste.insertion if poste.carte else None,
            }
            for poste in self.postes.values()
        ]

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
            self.pin_lock()
            self._close_window(None)
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
        if not poste.branche:
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
        """Refuse: each reader in memory has its use."""
        raise ErreurAgent("E_NOT_SUPPORTED")

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
        return {
            **data,
            "source": "vitale_sim",
            "simulated": True,
            "atr": carte.atr,
            "anomalies": [] if is_key_right(data["assure"]) else ["cle_nir"],
            "limites": [],
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

    # CPS

    async def lire_cps(self, carte: Carte) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        cps = _cps_of(await self._contact(carte))
        champs = (
            "id_nat",
            "nom",
            "prenom",
            "profession",
            "profession_libelle",
            "specialites",
            "type",
            "serie",
            "generation",
            "valide_du",
            "valide_au",
        )
        return {
            **{champ: cps.get(champ) for champ in champs},
            "certificat_auth_b64": base64.b64encode(self._cert(cps, "auth")).decode(),
            "certificat_sig_b64": base64.b64encode(self._cert(cps, "sig")).decode(),
            "simulated": True,
        }

    def _cert(self, cps: dict[str, Any], cle: str) -> bytes:
        try:
            return (self.dossier_cles / str(cps["keys"][cle]["cert_file"])).read_bytes()
        except (KeyError, TypeError, OSError) as exc:
            raise ErreurAgent("E_CPS_CERT") from exc

    def _cps(self) -> dict[str, Any] | None:
        try:
            return _cps_of(self.postes["cps"].carte or {})
        except ErreurAgent:
            return None

    def _essais(self, cps: dict[str, Any]) -> int:
        try:
            connus = json.loads(self.fichier_essais.read_text(encoding="ascii"))
        except (OSError, ValueError):
            connus = {}
        return int(connus.get(str(cps.get("serie")), cps["pin"]["tries_left"]))

    def _note_essais(self, cps: dict[str, Any], reste: int) -> None:
        try:
            connus = json.loads(self.fichier_essais.read_text(encoding="ascii"))
        except (OSError, ValueError):
            connus = {}
        connus[str(cps.get("serie"))] = reste
        self.fichier_essais.write_text(json.dumps(connus), encoding="ascii")

    def pin_state(self) -> EtatPin:
        """Return where the holder's code stands."""
        cps = self._cps()
        if cps is None:
            return EtatPin("absente", 0)
        essais = self._essais(cps)
        if essais == 0:
            return EtatPin("bloquee", 0)
        donne = asyncio.get_running_loop().time() < self._pin_jusqua
        return EtatPin("presentee" if donne else "a_presenter", essais)

    def pin_lock(self) -> None:
        """Forget the code."""
        self._pin_jusqua = 0.0

    async def signer(
        self,
        carte: Carte,
        cle: str,
        empreintes: list[bytes],
        demande: tuple[str, str],
        cert_sha256: str,
    ) -> tuple[list[bytes], bytes]:
        """Ask for the code if needed, then sign each SHA-256 digest (PKCS#1 v1.5)."""
        cps = _cps_of(await self._contact(carte))
        certificat = self._cert(cps, cle)
        if hashlib.sha256(certificat).hexdigest() != cert_sha256:
            raise ErreurAgent("E_CPS_NOT_MATCHING")
        if str(cps.get("valide_au") or "9999") < datetime.now().astimezone().date().isoformat():
            raise ErreurAgent("E_CPS_EXPIRED")
        await self._present_pin(carte, cps, demande)
        privee = self._private_key(cps, cle)
        signatures = [
            privee.sign(e, padding.PKCS1v15(), Prehashed(hashes.SHA256())) for e in empreintes
        ]
        self._check_own(certificat, empreintes, signatures)
        return signatures, certificat

    def _private_key(self, cps: dict[str, Any], cle: str) -> rsa.RSAPrivateKey:
        try:
            pem = (self.dossier_cles / str(cps["keys"][cle]["pem_file"])).read_bytes()
            privee = serialization.load_pem_private_key(pem, None)
        except (KeyError, OSError, ValueError, UnsupportedAlgorithm) as exc:
            raise ErreurAgent("E_CPS_READ") from exc
        if not isinstance(privee, rsa.RSAPrivateKey):
            raise ErreurAgent("E_SIGN_ALG")
        return privee

    def _check_own(
        self, certificat: bytes, empreintes: list[bytes], signatures: list[bytes]
    ) -> None:
        publique = x509.load_der_x509_certificate(certificat).public_key()
        if not isinstance(publique, rsa.RSAPublicKey):
            raise ErreurAgent("E_SIGN_FAILED")
        for empreinte, signature in zip(empreintes, signatures, strict=True):
            try:
                publique.verify(
                    signature, empreinte, padding.PKCS1v15(), Prehashed(hashes.SHA256())
                )
            except InvalidSignature as exc:
                raise ErreurAgent("E_SIGN_FAILED") from exc

    async def _present_pin(
        self, carte: Carte, cps: dict[str, Any], demande: tuple[str, str]
    ) -> None:
        async with self._verrou_fenetre:
            boucle = asyncio.get_running_loop()
            etat = self.pin_state()
            if etat.etat == "presentee":
                return
            if etat.etat == "bloquee":
                raise ErreurAgent("E_CPS_PIN_LOCKED")
            self.fenetre = FenetrePin(
                f"{cps.get('prenom') or ''} {cps.get('nom') or ''}".strip()
                or str(cps.get("id_nat")),
                demande[0],
                demande[1],
                etat.essais,
                carte.lecteur,
                boucle.create_future(),
            )
            self.emettre("cps.prompt", {"open": True, "purpose": demande[0]})
            try:
                code = await asyncio.wait_for(self.fenetre.reponse, PIN_S)
            except TimeoutError as exc:
                raise ErreurAgent("E_CPS_PIN_TIMEOUT") from exc
            finally:
                self.fenetre = None
                self.emettre("cps.prompt", {"open": False, "purpose": demande[0]})
            self._verify_pin(cps, code)
            self._pin_jusqua = boucle.time() + PIN_VALIDE_S

    def _verify_pin(self, cps: dict[str, Any], code: bytearray | None) -> None:
        """Spend one try for one keystroke made for it; the code is wiped whatever happens."""
        if code is None:
            present = self._cps() is not None
            raise ErreurAgent("E_CPS_PIN_CANCELLED" if present else "E_CARD_REMOVED")
        juste = code == str(cps["pin"]["value"]).encode()
        for i in range(len(code)):
            code[i] = 0
        maximum = int(cps["pin"]["tries_max"])
        reste = maximum if juste else self._essais(cps) - 1
        self._note_essais(cps, reste)
        self.emettre("cps.pin", {"state": self.pin_state().etat, "tries_left": reste})
        if not juste:
            raise ErreurAgent("E_CPS_PIN_WRONG" if reste else "E_CPS_PIN_LOCKED", tries_left=reste)

    def _close_window(self, code: bytearray | None) -> None:
        if self.fenetre is not None and not self.fenetre.reponse.done():
            self.fenetre.reponse.set_result(code)

    def repondre_pin(self, code: bytearray | None) -> bool:
        """Play the agent's window: digits, or None to give up. False when it is not open."""
        if self.fenetre is None or self.fenetre.reponse.done():
            return False
        self._close_window(code)
        return True


def _cps_of(fichier: dict[str, Any]) -> dict[str, Any]:
    cps = fichier.get("cps")
    pin = cps.get("pin") if isinstance(cps, dict) else None
    if not (isinstance(cps, dict) and isinstance(pin, dict)):
        raise ErreurAgent("E_CPS_READ")
    if not all(isinstance(pin.get(nom), int) for nom in ("tries_max", "tries_left")):
        raise ErreurAgent("E_CPS_READ")
    return cps


def _atr(fichier: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(str(fichier.get("atr") or ""))
    except ValueError:
        return b""
