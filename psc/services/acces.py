"""The relying party of this installation, and what it keeps in the database."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db.models import Q

from psc.client import PscClient
from psc.client_proxy import ProxyClient
from psc.documents import Garde
from psc.errors import error_of
from psc.models import DocumentPsc, JetonVu
from psc.partie import PartieDirecte, PartieProxy, PartieUtilisatrice
from psc.reglages import is_complete, read_reglages
from teleservices.tls import Materiel
from teleservices.transport import HttpsTransport


class MagasinBase:
    """The documents of the provider, shared by every process and kept through a restart."""

    def read(self, nom: str) -> Garde | None:
        """Return a document, None when there is none."""
        ligne = DocumentPsc.objects.filter(nom=nom, lu_le__isnull=False).first()
        if ligne is None or ligne.lu_le is None or ligne.contenu is None:
            return None
        return Garde(bytes(ligne.contenu), ligne.lu_le.timestamp())

    def keep(self, nom: str, garde: Garde) -> None:
        """Replace a document."""
        DocumentPsc.objects.update_or_create(
            nom=nom, defaults={"contenu": garde.contenu, "lu_le": _date(garde.lu_le)}
        )

    def claim(self, nom: str, quand: float, plancher_s: float) -> bool:
        """Tell whether a new request may leave now, and count it: one statement, one winner."""
        maintenant = _date(quand)
        libre = (
            Q(essaye_le__isnull=True)
            | Q(essaye_le__lte=maintenant - timedelta(seconds=plancher_s))
            | Q(essaye_le__gt=maintenant)
        )
        DocumentPsc.objects.bulk_create([DocumentPsc(nom=nom)], ignore_conflicts=True)
        return DocumentPsc.objects.filter(libre, nom=nom).update(essaye_le=maintenant) == 1


def _date(secondes: float) -> datetime:
    return datetime.fromtimestamp(secondes, UTC)


@lru_cache(maxsize=1)
def _transport(autorites: str, certificat: str, cle: str) -> HttpsTransport:
    return HttpsTransport(Materiel(autorites, certificat, cle))


def psc_client() -> PscClient:
    """Return the client of this installation. NotReady (psc_non_regle) when it is not set."""
    if not (settings.PSC_ACTIF and is_complete()):
        raise error_of("psc_non_regle")
    transport = _transport(settings.TLS_AC, settings.PSC_CERTIFICAT, settings.PSC_CLE)
    return PscClient(read_reglages(), transport, MagasinBase())


def relying_party() -> PartieUtilisatrice:
    """Return who holds the role of relying party here. NotReady (psc_non_regle) when nobody does.

    In « proxy » the sign-in stays this server's: a proxy has no page. Source: psc.md §3.11; PSC-18.
    """
    if not (settings.PSC_ACTIF and is_complete()) or settings.PSC_MODE == "relais":
        raise error_of("psc_non_regle")
    if settings.PSC_MODE == "direct":
        return PartieDirecte(psc_client())
    transport = _transport(settings.TLS_AC, settings.PSC_CERTIFICAT, settings.PSC_CLE)
    return PartieProxy(ProxyClient(settings.PSC_PROXY, settings.PSC_CLIENT_ID, transport))


def is_replayed(emetteur: str, jti: str, expire_le: datetime) -> bool:
    """Record a logout token and tell whether it was taken before: two at once, one is new.

    Source: psc.md §5.6.
    """
    empreinte = hashlib.sha256(jti.encode()).hexdigest()
    _, nouveau = JetonVu.objects.get_or_create(
        emetteur=emetteur, empreinte=empreinte, defaults={"expire_le": expire_le}
    )
    return not nouveau
