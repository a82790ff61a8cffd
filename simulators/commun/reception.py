"""What every CNAM service checks before it reads what is asked (ins.md §3.1 to §3.3)."""

import threading
from typing import Any

from simulators.commun.contextes import context, is_skewed, software
from simulators.commun.fautes import Refus
from simulators.commun.soap import (
    BAM,
    LPS,
    WSA,
    WSSE,
    Message,
    MessageRefuse,
    check_schema,
    raw,
    text,
)
from simulators.commun.types import Requete

IDAM_CONNUS = frozenset({"SIMULATEUR01", "XX00TEST0001"})


def _check_no_empty(message: Message) -> None:
    """Refuse an empty element; the coverage may be, and an assertion is made of such ones."""
    blocs = [e for e in message.entete if e.tag != f"{{{WSSE}}}Security"]
    for bloc in (*blocs, message.corps):
        for element in bloc.iter():
            vide = len(element) == 0 and not raw(element).strip()
            if vide and element.tag != f"{{{BAM}}}COUVERTURE":
                raise MessageRefuse("element_vide")


class Reception:
    """Content type, action, contexts, identifiers that serve once, schema of the body.

    `actions` gives the one element that each SOAP action carries, `schemas` the schema of each.
    """

    def __init__(self, actions: dict[str, str], schemas: dict[str, Any]) -> None:
        self.actions = actions
        self.schemas = schemas
        self.vus: set[str] = set()
        self.verrou = threading.Lock()

    def forget(self) -> None:
        """Forget the identifiers seen."""
        with self.verrou:
            self.vus.clear()

    def check(self, message: Message, requete: Requete, identifiant: str) -> None:
        """Refuse what no service accepts: MessageRefuse, or Refus with the code of its fault."""
        genre, charset, action = requete.media()
        if (genre, charset) != ("application/soap+xml", "utf-8"):
            raise MessageRefuse("type_contenu")
        attendu = self.actions.get(action)
        if raw(message.header(WSA, "Action")) != action or attendu != message.corps.tag:
            raise MessageRefuse("action")
        self._check_contexts(message, requete, identifiant)
        _check_no_empty(message)
        check_schema(self.schemas[message.corps.tag], message.corps, "corps")

    def _check_contexts(self, message: Message, requete: Requete, identifiant: str) -> None:
        identifiants = [identifiant.lower()]
        for espace in (LPS, BAM):
            contexte = context(message, espace)
            if not text(contexte, espace, "Temps").endswith("Z"):
                raise MessageRefuse("temps_sans_z")
            if is_skewed(contexte, espace):
                raise MessageRefuse("temps_decale")
            emetteur = text(contexte, espace, "Emetteur")
            if requete.certificat_ou and emetteur not in {"", requete.certificat_ou}:
                raise MessageRefuse("emetteur_different_du_certificat")
            identifiants.append(f"{espace} {text(contexte, espace, 'Id').lower()}")
        with self.verrou:
            if self.vus & set(identifiants) and not requete.doublon:
                raise MessageRefuse("message_rejoue")
            self.vus.update(identifiants)
        if software(context(message, LPS)) not in IDAM_CONNUS:
            raise Refus("desir_550")
