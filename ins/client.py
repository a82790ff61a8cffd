"""The adapter to INSi: one class, one method per remote operation (build, send, parse).

The structure certificate speaks for the officine: mutual TLS, no wsse:Security.
Source: ins.md §3.1 to §3.5.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from django.conf import settings

from ins.codec import (
    ACTIONS,
    DemandeTraits,
    DemandeVitale,
    ReponseInsi,
    corps_traits,
    corps_vitale,
    envelopper,
    parse_reponse,
)
from ins.codec import verification as cv
from ins.errors import error_of
from ins.rules.dates import parse_birth
from teleservices.errors import InvalidReply, NotReady, TeleserviceError, Unavailable
from teleservices.registre import Reponse, attach_evidence, send_kept
from teleservices.soap.contextes import Couverture, EnteteEnvoi, Logiciel
from teleservices.soap.lecture import Element
from teleservices.tls import Materiel, read_certificate
from teleservices.transport import Echange, HttpsTransport, Requete, Transport

logger = logging.getLogger(__name__)
# Seconds for one reply: three tries and their pauses hold in the 45 s of the counter.
LECTURE_S = 12.0
# Seconds for a whole question, however many calls it takes (ux.md: the panel gives up at 45 s).
BUDGET_S = 40.0
# A lot of 500 is bigger than one question, and nobody stands before it.
LECTURE_LOT_S = 30.0


@dataclass(frozen=True)
class Reglages:
    """What the installation says about INSi; `emetteur` is the OU of our certificate."""

    url: str
    emetteur: str
    logiciel: Logiciel
    environnement: str
    lecture_s: float = LECTURE_S
    budget_s: float = BUDGET_S


@dataclass(frozen=True)
class _Message:
    """One call ready to leave. `lire` reads its answer; without it, the answer of a recovery."""

    action: str
    corps: bytes | Element = field(repr=False)
    couverture: Couverture | None = field(default=None, repr=False)
    lire: Callable[[bytes], Any] | None = None
    lecture_s: float = 0.0


@dataclass(frozen=True)
class Recherche:
    """How first names are tried: `dernier` is the last call (elements, chaine, non).

    `limite` is how many calls are left for this visit; `ensemble`, one call with every first name.
    """

    dernier: str = "elements"
    limite: int = 10
    ensemble: bool = False


class InsiClient:
    """Talks to INSi. Every method raises the taxonomy of `teleservices.errors`."""

    def __init__(self, reglages: Reglages, transport: Transport) -> None:
        self.reglages = reglages
        self.transport = transport

    def recuperer_vitale(self, demande: DemandeVitale) -> Reponse:
        """Ask with what the card gives, said again in ContexteBAM. Source: ins.md §3.4, §5.2."""
        couverture = Couverture(
            demande.nir_assure, demande.naissance, demande.rang, demande.nir_certifie
        )
        return self._send(_Message(ACTIONS["vitale"], corps_vitale(demande), couverture))

    def recuperer_traits(self, demande: DemandeTraits, mode: Recherche | None = None) -> Reponse:
        """Ask with typed traits, first names one after the other (ins.md §3.6, steps 2 to 5, 7).

        « 01 » goes to the next first name; anything else ends the search. The last answer counts,
        every exchange is kept. Unavailable when the counter's time is over before the end.
        """
        essais = _tries(demande.prenoms, mode or Recherche())
        fin = time.monotonic() + self.reglages.budget_s
        avant: tuple[Echange, ...] = ()
        for rang, prenoms in enumerate(essais, 1):
            reponse = self._ask_traits(demande, prenoms, avant)
            if reponse.contenu.code != "01" or rang == len(essais):
                return replace(reponse, avant=avant)
            avant = (*avant, reponse.echange)
            if time.monotonic() + self.reglages.lecture_s > fin:
                break
        raise attach_evidence(
            Unavailable("delai_depasse", "INSi répond trop lentement. Relancez plus tard."),
            avant[-1],
            avant[:-1],
        )

    def verifier(self, identite: cv.IdentiteAVerifier) -> Reponse:
        """Ask whether an INS and its traits are those of one person (ins.md §3.7)."""
        return self._send(
            _Message(
                cv.ACTIONS["verifier"], cv.corps_verifier(identite), lire=cv.parse_verification
            )
        )

    def deposer_lot(self, corps: Element) -> Reponse:
        """Deposit a lot (`corps_deposer`); again under the same id, it keeps the same number."""
        message = _Message(
            cv.ACTIONS["deposer"], corps, lire=cv.parse_depot, lecture_s=LECTURE_LOT_S
        )
        return self._send(message)

    def relever_lot(self, numero: str) -> Reponse:
        """Ask where a lot stands; its results come with « TERMINE »."""
        message = _Message(
            cv.ACTIONS["relever"],
            cv.corps_relever(numero),
            lire=cv.parse_releve,
            lecture_s=LECTURE_LOT_S,
        )
        return self._send(message)

    def _ask_traits(
        self, demande: DemandeTraits, prenoms: tuple[str, ...], avant: tuple[Echange, ...]
    ) -> Reponse:
        question = replace(demande, prenoms=prenoms)
        try:
            return self._send(_Message(ACTIONS["traits"], corps_traits(question)))
        except TeleserviceError as erreur:
            if isinstance(erreur.reponse, Reponse):
                raise attach_evidence(erreur, erreur.reponse.echange, avant) from erreur
            raise

    def _send(self, message: _Message) -> Reponse:
        message_id = str(uuid4())
        action = message.action
        enveloppe = envelopper(message.corps, self._header(message, message_id))
        retour, echange = send_kept(
            self.transport,
            Requete(
                url=self.reglages.url,
                corps=enveloppe,
                entetes={"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'},
                lecture_s=message.lecture_s or self.reglages.lecture_s,
            ),
            message_id,
        )
        try:
            _check_http(retour.statut, retour.type_contenu)
            if message.lire is not None:
                return Reponse(message.lire(retour.corps), echange)
            return Reponse(_read(retour.corps, self.reglages.environnement), echange)
        except TeleserviceError as erreur:
            raise attach_evidence(erreur, echange) from erreur

    def _header(self, message: _Message, message_id: str) -> EnteteEnvoi:
        return EnteteEnvoi(
            message_id=message_id,
            action=message.action,
            contexte_id=str(uuid4()),
            temps=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            emetteur=self.reglages.emetteur,
            logiciel=self.reglages.logiciel,
            couverture=message.couverture,
        )


def _tries(prenoms: tuple[str, ...], mode: Recherche) -> list[tuple[str, ...]]:
    """Return the first names of each call, within what is left for this visit."""
    if mode.ensemble:
        return [prenoms]
    essais: list[tuple[str, ...]] = [(prenom,) for prenom in prenoms]
    if len(prenoms) > 1 and mode.dernier != "non":
        essais.append(prenoms if mode.dernier == "elements" else (" ".join(prenoms),))
    return essais[: max(1, mode.limite)]


def _read(corps: bytes, environnement: str) -> ReponseInsi:
    """Return the answer; a birth date that no rule can read is no answer (ins.md §1.3)."""
    try:
        reponse = parse_reponse(corps, environnement)
    except InvalidReply as refus:
        if refus.code == "xml_dtd":
            logger.warning("securite.reponse_avec_dtd service=insi")
        raise
    if reponse.individu is not None and parse_birth(reponse.individu.naissance) is None:
        raise InvalidReply("date_illisible", "La réponse d'INSi est illisible. Relancez plus tard.")
    return reponse


def _check_http(statut: int, type_contenu: str) -> None:
    """Tell a SOAP reply (a fault included) from what a proxy or a broken server says."""
    if "xml" in type_contenu and statut in {200, 400, 500}:
        return
    if statut in {502, 503, 504}:
        raise error_of("http_503", "Receiver")
    if statut >= 500:
        raise error_of("http_500", "Receiver")
    raise InvalidReply(
        f"http_{statut}",
        "La réponse d'INSi est illisible. Poursuivez la délivrance ; relancez plus tard.",
    )


@lru_cache(maxsize=4)
def _transport(autorites: str, certificat: str, cle: str) -> Transport:
    return HttpsTransport(Materiel(autorites, certificat, cle))


def insi_client(*, automatique: bool = False) -> InsiClient:
    """Return the client of this installation. NotReady when the certificate cannot be read.

    `automatique`: nobody asked for this very call, the certificate is INSI-AUTO; else INSI-MANU.
    Source: ins.md §3.2.
    """
    chemin, cle = certificate_paths(automatique=automatique)
    try:
        certificat = read_certificate(chemin)
    except (OSError, ValueError) as exc:
        raise NotReady(
            "certificat_absent", "Le certificat de l'officine est illisible. Prévenez le titulaire."
        ) from exc
    reglages = Reglages(
        url=settings.INSI_URL,
        emetteur=certificat.ou,
        logiciel=Logiciel(
            settings.INSI_IDAM,
            settings.VERSION,
            settings.INSTANCE_LPS,
            settings.NOM_LPS,
        ),
        environnement=settings.ENVIRONNEMENT,
    )
    return InsiClient(reglages, _transport(settings.TLS_AC, chemin, cle))


def certificate_paths(*, automatique: bool) -> tuple[str, str]:
    """Return certificate and key files of a call by a person, or by the installation itself."""
    if automatique:
        return settings.INSI_CERTIFICAT_AUTO, settings.INSI_CLE_AUTO
    return settings.INSI_CERTIFICAT, settings.INSI_CLE
