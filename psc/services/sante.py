"""How Pro Santé Connect fares, from what is kept: nothing is asked of the network here (§5.3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from psc.cles import parse_jwks
from psc.models import DocumentPsc
from psc.services import coupure
from teleservices.errors import TeleserviceError
from teleservices.models import Disjoncteur
from teleservices.tls import read_certificate

HORLOGE_AVERTIR_S, HORLOGE_FAUSSE_S = 30, 120
CERTIFICAT_JOURS = (60, 30, 7)
TACHE_VERIFIER = "psc.verifier"


@dataclass(frozen=True)
class Point:
    """One line of the page: what, in which state (ok, attention, alerte), what to do."""

    libelle: str
    ton: str
    constat: str
    geste: str = ""


def read_health() -> list[Point]:
    """Return what the page « État de Pro Santé Connect » says. Source: psc.md §4.3, §5.3, §5.4."""
    if not settings.PSC_ACTIF:
        geste = "Le titulaire et l'éditeur décident de l'ouvrir. Codes et mots de passe suffisent."
        return [Point("Pro Santé Connect", "attention", "n'est pas ouvert ici", geste)]
    documents = {
        ligne.nom.rpartition(" ")[2]: ligne
        for ligne in DocumentPsc.objects.filter(nom__startswith=f"{settings.PSC_EMETTEUR} ")
    }
    return [
        _service(),
        _document("Adresses du service", documents.get("decouverte"), timedelta(hours=24)),
        _keys(documents.get("jwks")),
        _clock(),
        _certificate(),
    ]


def _service() -> Point:
    ligne = Disjoncteur.objects.filter(
        service=coupure.SERVICE, environnement=settings.ENVIRONNEMENT
    ).first()
    if ligne is None or (ligne.dernier_succes is None and ligne.dernier_echec is None):
        return Point("Service", "attention", "aucun appel encore", "Demandez une vérification.")
    if ligne.a_regler:
        geste = "Notre identifiant, notre secret ou notre certificat est refusé : voyez l'éditeur."
        return Point("Service", "alerte", f"refuse ce logiciel ({ligne.a_regler})", geste)
    if ligne.ouvert_jusqua is not None and ligne.ouvert_jusqua > timezone.now():
        geste = "Chacun ouvre sa session par son code. Un nouvel essai part de lui-même."
        return Point("Service", "alerte", f"ne répond pas ({ligne.dernier_code})", geste)
    if ligne.echecs:
        return Point("Service", "attention", f"dernier appel sans réponse ({ligne.dernier_code})")
    return Point("Service", "ok", f"répond, dernier appel {_when(ligne.dernier_succes)}")


def _document(libelle: str, ligne: DocumentPsc | None, age: timedelta) -> Point:
    if ligne is None or ligne.lu_le is None:
        return Point(libelle, "attention", "jamais lues", "Demandez une vérification.")
    vieux = timezone.now() - ligne.lu_le > age
    geste = "Les anciennes servent encore. Demandez une vérification." if vieux else ""
    return Point(libelle, "attention" if vieux else "ok", f"lues {_when(ligne.lu_le)}", geste)


def _keys(ligne: DocumentPsc | None) -> Point:
    point = _document("Clés du service", ligne, timedelta(hours=12))
    if ligne is None or ligne.contenu is None:
        return point
    try:
        nombre = len(parse_jwks(bytes(ligne.contenu)))
    except TeleserviceError:
        return Point(point.libelle, "alerte", "illisibles", "Prévenez l'éditeur.")
    return Point(point.libelle, point.ton, f"{nombre}, {point.constat}", point.geste)


def _clock() -> Point:
    """Say by how much our clock is wrong: tokens of a minute forgive little (case 45)."""
    lue = coupure.read_clock()
    if lue is None:
        return Point("Horloge du serveur", "attention", "jamais comparée")
    ecart, quand = lue
    if abs(ecart) > HORLOGE_FAUSSE_S:
        ton, geste = "alerte", "Mettez le serveur à l'heure : personne ne peut se connecter."
    elif abs(ecart) > HORLOGE_AVERTIR_S:
        ton, geste = "attention", "Mettez le serveur à l'heure avant que la connexion échoue."
    else:
        ton, geste = "ok", ""
    sens = "en avance" if ecart > 0 else "en retard"
    constat = f"{abs(ecart)} s {sens}, comparée {_when(quand)}"
    return Point("Horloge du serveur", ton, constat, geste)


def _certificate() -> Point:
    """Say how long the client certificate still serves; warned at 60, 30 and 7 days (§5.4)."""
    if settings.PSC_AUTHENTIFICATION != "certificat":
        return Point("Certificat", "ok", "aucun : ce logiciel se nomme par un secret")
    try:
        expire_le = read_certificate(settings.PSC_CERTIFICAT).expire_le
    except (OSError, ValueError):
        return Point("Certificat", "alerte", "illisible", "Prévenez l'éditeur.")
    jours = (expire_le - timezone.now()).days
    constat = f"expire dans {jours} jours, le {expire_le:%d/%m/%Y}"
    if jours < CERTIFICAT_JOURS[1]:
        return Point("Certificat", "alerte", constat, "Renouvelez-le maintenant avec l'éditeur.")
    if jours < CERTIFICAT_JOURS[0]:
        return Point("Certificat", "attention", constat, "Demandez son renouvellement.")
    return Point("Certificat", "ok", constat)


def _when(quand: datetime | None) -> str:
    return f"le {timezone.localtime(quand):%d/%m à %H:%M}" if quand else "jamais"


def verify() -> None:
    """Ask the service for its public documents: called by a task, never by a page."""
    coupure.guarded(lambda client: client.refresh())
