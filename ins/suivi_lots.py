"""Reads of the verification by lots: what is to verify, where a campaign stands, what it found."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone

from ins.codec.verification import INCONNU, NON_CONFORME, IdentiteAVerifier
from ins.models import IdentiteVerifiee, LotVerification, Verification
from pharmacy import parametres
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from teleservices.models import Envoi

VERIFIER_LOT = "ins.verifier_lot"
MOIS, LOTS_EN_VOL, AUTOMATIQUE = (
    "ins.verification_mois",
    "ins.verification_lots",
    "ins.verification_automatique",
)
# Patients not seen for longer are left alone (ins.md §2.7).
VUS_DEPUIS = timedelta(days=548)
_MOIS_JOURS = 30.44
# What a campaign lists; `toutes` lifts the two dates. Source: ins.md §2.7, §2.1 (gate table).
ELIGIBLES = """
    officine_id = %(officine)s AND actif AND statut IN ('RECUP', 'QUAL')
    AND (%(toutes)s OR (vu_le >= %(vus)s AND coalesce(ins_verifie_le, ins_obtenu_le) < %(avant)s))
"""
_COMPTES = """
    SELECT count(*) FILTER (
        WHERE vu_le >= %(vus)s AND coalesce(ins_verifie_le, ins_obtenu_le) < %(avant)s
    ), count(*)
    FROM pharmacy_patient
    WHERE officine_id = %(officine)s AND actif AND statut IN ('RECUP', 'QUAL')
"""
NOMBRES = ("conformes", "non_conformes", "non_verifiees", "ecartees")
LISTE_MAX = 200


@dataclass(frozen=True)
class Avancement:
    """Where a campaign stands, in identities."""

    verification: Verification
    conformes: int
    non_conformes: int
    non_verifiees: int
    ecartees: int
    lots: int
    attente: str = ""

    @property
    def traitees(self) -> int:
        """Those the service has spoken of, or that were put aside."""
        return self.conformes + self.non_conformes + self.non_verifiees + self.ecartees

    @property
    def part(self) -> int:
        """Return the share done, in hundredths; never 100 before the end."""
        if not self.verification.total:
            return 100
        return self.traitees * 100 // self.verification.total

    @property
    def active(self) -> bool:
        """Whether it still moves, or may."""
        etats = (Verification.Etat.EN_COURS, Verification.Etat.EN_PAUSE)
        return self.verification.etat in etats


def limits(officine_id: int) -> dict[str, int | date | datetime]:
    """Return the dates that make an INS due for verification, as parameters of ELIGIBLES."""
    maintenant = timezone.now()
    mois = parametres.entier(officine_id, MOIS)
    return {
        "officine": officine_id,
        "vus": (maintenant - VUS_DEPUIS).date(),
        "avant": maintenant - timedelta(days=mois * _MOIS_JOURS),
    }


def eligible_count(officine_id: int) -> dict[str, int]:
    """Return how many INS each scope of a campaign would verify."""
    with connection.cursor() as curseur:
        curseur.execute(_COMPTES, limits(officine_id))
        ligne = curseur.fetchone() or (0, 0)
    return {"a_verifier": int(ligne[0]), "toutes": int(ligne[1])}


def verification_last(acteur: Acteur) -> Verification | None:
    """Return the campaign under way, or the last one."""
    return (
        Verification.objects.filter(officine_id=acteur.officine_id)
        .select_related("demandee_par")
        .order_by("-pk")
        .first()
    )


def progress(verification: Verification) -> Avancement:
    """Return where a campaign stands, from the numbers its lots keep."""
    lots = LotVerification.objects.filter(
        officine_id=verification.officine_id, verification=verification
    )
    sommes = lots.aggregate(**{nom: Sum(nom, default=0) for nom in NOMBRES})
    return Avancement(verification, **sommes, lots=lots.count(), attente=_waiting(verification))


def _waiting(verification: Verification) -> str:
    """Return why lots wait for the service, without what a counter would do; empty if not."""
    bloque = (
        Envoi.objects.filter(
            officine_id=verification.officine_id,
            operation=VERIFIER_LOT,
            etat=Envoi.Etat.A_ENVOYER,
        )
        .exclude(dernier_code="")
        .order_by("-pk")
        .first()
    )
    return f"{bloque.dernier_message.split('. ')[0].rstrip('.')}." if bloque else ""


def refused_list(verification: Verification) -> list[Patient]:
    """Return the files whose INS was not confirmed by a campaign, at most two hundred."""
    lignes = (
        IdentiteVerifiee.objects.filter(
            officine_id=verification.officine_id,
            lot__verification=verification,
            code__in=[NON_CONFORME, INCONNU],
        )
        .select_related("patient")
        .order_by("pk")[:LISTE_MAX]
    )
    return [ligne.patient for ligne in lignes]


def identities_of(lot: LotVerification) -> list[IdentiteAVerifier]:
    """Return what a lot sends: its identities as they were listed, those changed since left out.

    The reference is the row of the lot: it says nothing of the person.
    """
    lignes = (
        IdentiteVerifiee.objects.filter(
            officine_id=lot.officine_id,
            lot=lot,
            patient__actif=True,
            patient__traits_version=F("traits_version"),
            patient__ins_empreinte=F("empreinte"),
        )
        .order_by("pk")
        .values_list(
            "pk",
            "patient__ins_matricule",
            "patient__ins_oid",
            "patient__nom_naissance",
            "patient__prenoms_naissance",
            "patient__premier_prenom",
            "patient__sexe",
            "patient__date_naissance",
            "patient__cog_naissance",
        )
    )
    return [
        IdentiteAVerifier(
            str(cle),
            str(matricule),
            oid,
            nom,
            prenoms or premier,
            sexe,
            jour.isoformat() if jour else "",
            cog,
        )
        for cle, matricule, oid, nom, prenoms, premier, sexe, jour, cog in lignes
    ]
