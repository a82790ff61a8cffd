"""Verification of the whole file: a campaign, its lots, and who may start, pause or stop it.

Theory of operation. Starting lists the identities and cuts them in lots of 500; nothing is sent
there. At most N lots have a row in the outbox (`feed`), on the batch queue and behind a breaker of
their own, so that a counter never waits for them. The handler deposits a lot, then the same row
asks for its results until the service has finished; each lot that ends lets the next one in
(`advance`). Pause keeps new lots from leaving; stop gives up those not deposited. What INSi could
not verify (91) is asked again in new lots, twice at most, later. Recovery is never done by lots.
Source: ins.md §2.7, §3.7; requirement INS-34.
"""

from datetime import date, datetime, timedelta
from uuid import uuid4

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from ins.client import insi_client
from ins.codec.verification import A_REDEMANDER, LOT_MAX
from ins.models import IdentiteVerifiee, LotVerification, Verification
from ins.suivi_lots import ELIGIBLES, LOTS_EN_VOL, VERIFIER_LOT, eligible_count, limits
from pharmacy import audit, parametres
from pharmacy.acteurs import Acteur
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.verrous import row_locked
from teleservices.errors import NotReady
from teleservices.outbox import Demande, enqueue
from teleservices.services import envois_stop

ESSAIS_MAX = 3
_REPRISE = timedelta(minutes=10)
RECUPERATION = "recuperation"
RIEN = "INS-115"
REFUS_RECUPERATION = (
    "L'INS se récupère patient par patient, à l'occasion d'une visite : le référentiel INS ne "
    "permet pas de récupérer toute une base. La vérification des INS déjà obtenues reste possible."
)
_EN_COURS = (Verification.Etat.EN_COURS, Verification.Etat.EN_PAUSE)
_REMPLIR = f"""
    INSERT INTO ins_identiteverifiee
        (officine_id, lot_id, patient_id, traits_version, empreinte, code)
    SELECT p.officine_id, lot.id, p.id, p.traits_version, p.ins_empreinte, ''
    FROM (
        SELECT *, (row_number() OVER (ORDER BY id) - 1) / %(taille)s AS rang
        FROM pharmacy_patient WHERE {ELIGIBLES}
    ) p
    JOIN (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS rang
        FROM ins_lotverification
        WHERE verification_id = %(verification)s AND officine_id = %(officine)s
    ) lot USING (rang)
"""  # noqa: S608 - constants of this file
_COMPTER = """
    UPDATE ins_lotverification lot SET nombre = (
        SELECT count(*) FROM ins_identiteverifiee v WHERE v.lot_id = lot.id
    ) WHERE verification_id = %(verification)s AND officine_id = %(officine)s AND releve_le IS NULL
"""
_REPRENDRE = """
    UPDATE ins_identiteverifiee v SET lot_id = lot.id, code = ''
    FROM (
        SELECT v.id, (row_number() OVER (ORDER BY v.id) - 1) / %(taille)s AS rang
        FROM ins_identiteverifiee v JOIN ins_lotverification l ON l.id = v.lot_id
        WHERE l.verification_id = %(verification)s AND l.officine_id = %(officine)s
            AND l.essai = %(essai)s AND v.code = %(code)s
    ) a
    JOIN (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS rang FROM ins_lotverification
        WHERE verification_id = %(verification)s AND officine_id = %(officine)s
            AND essai = %(essai)s + 1
    ) lot USING (rang)
    WHERE v.id = a.id
"""


def start(acteur: Acteur, perimetre: str, *, automatique: bool = False) -> Verification:
    """Start the verification of the INS of the officine; return the campaign.

    VenteRefusee for a recovery in bulk (never), when one is under way, when nothing is to verify,
    or when the INSI-AUTO certificate is missing. Source: ins.md §2.7, §6 case 80; INS-34.
    """
    check_droit(acteur, "ins.verifier_lot")
    if perimetre == RECUPERATION:
        audit.note(acteur, "ins.verifier_lot", resultat="refus", precision=RECUPERATION)
        raise VenteRefusee(REFUS_RECUPERATION, "INS-112")
    if perimetre not in Verification.Perimetre.values:
        raise VenteRefusee("Choisissez les INS à vérifier.", "INS-113")
    _check_certificate()
    try:
        with transaction.atomic():
            return _start(acteur, perimetre, automatique=automatique)
    except IntegrityError as exc:
        raise VenteRefusee("Une vérification est déjà en cours.", "INS-114") from exc


def _start(acteur: Acteur, perimetre: str, *, automatique: bool) -> Verification:
    nombre = eligible_count(acteur.officine_id)[perimetre]
    if not nombre:
        raise VenteRefusee("Aucune INS n'est à vérifier.", RIEN)
    verification = Verification.objects.create(
        officine_id=acteur.officine_id,
        perimetre=perimetre,
        automatique=automatique,
        demandee_par_id=acteur.operateur_id,
    )
    _make_lots(verification, nombre, essai=1)
    verification.total = _fill(verification)
    verification.save(update_fields=["total"])
    audit.note(
        acteur,
        "ins.verifier_lot",
        f"verification:{verification.pk}",
        precision=str(verification.total),
    )
    feed(verification, acteur)
    return verification


def _check_certificate() -> None:
    try:
        insi_client(automatique=True)
    except NotReady as exc:
        raise VenteRefusee(
            "Le certificat INSI-AUTO de l'officine est absent ou illisible. Installez-le, puis "
            "relancez.",
            "INS-116",
        ) from exc


def _make_lots(verification: Verification, nombre: int, essai: int) -> None:
    LotVerification.objects.bulk_create(
        LotVerification(
            officine_id=verification.officine_id,
            verification=verification,
            uuid=uuid4(),
            essai=essai,
            nombre=LOT_MAX,
        )
        for _ in range(-(-nombre // LOT_MAX))
    )


def _fill(verification: Verification) -> int:
    """List the identities of a campaign in its lots, by the database itself; return how many."""
    faits: dict[str, int | str | date | datetime] = {
        **limits(verification.officine_id),
        "verification": verification.pk,
        "taille": LOT_MAX,
        "toutes": verification.perimetre == Verification.Perimetre.TOUTES,
    }
    with connection.cursor() as curseur:
        curseur.execute(_REMPLIR, faits)
        listees = int(curseur.rowcount)
        curseur.execute(_COMPTER, faits)
    return listees


def feed(
    verification: Verification, acteur: Acteur, pas_avant: datetime | None = None
) -> list[LotVerification]:
    """Let lots into the outbox, N in flight at most; the caller holds the campaign.

    Return lots that are not over, those in flight first: none left when it is empty.
    """
    maximum = parametres.entier(verification.officine_id, LOTS_EN_VOL)
    # Lots leave in the order of their ids: those in flight come before those that wait.
    restants = _unfinished(verification, 2 * maximum)
    libres = max(0, maximum - sum(lot.envoi_id is not None for lot in restants))
    for lot in [lot for lot in restants if lot.envoi_id is None][:libres]:
        lot.envoi = enqueue(
            acteur,
            Demande(
                VERIFIER_LOT, f"lot:{lot.pk}", f"{VERIFIER_LOT}:{lot.uuid}", pas_avant=pas_avant
            ),
        )
        lot.save(update_fields=["envoi"])
    return restants


def _unfinished(verification: Verification, nombre: int) -> list[LotVerification]:
    return list(
        LotVerification.objects.filter(
            officine_id=verification.officine_id,
            verification=verification,
            releve_le__isnull=True,
        ).order_by("pk")[:nombre]
    )


def advance(verification_id: int, officine_id: int) -> None:
    """After a lot: let the next one in, ask again what could not be verified, or end.

    Runs in the transaction that settles the lot; the campaign is locked last, and for a moment.
    """
    verification = _locked(officine_id, verification_id)
    if verification is None or verification.etat not in _EN_COURS:
        return
    acteur = _actor(verification)
    active = verification.etat == Verification.Etat.EN_COURS
    if feed(verification, acteur) if active else _unfinished(verification, 1):
        return
    if not _ask_again(verification):
        verification.etat = Verification.Etat.TERMINEE
        verification.finie_le = timezone.now()
        verification.save(update_fields=["etat", "finie_le"])
        audit.note_system(officine_id, "ins.verifier_lot.fin", f"verification:{verification_id}")
    elif active:
        feed(verification, acteur, timezone.now() + _REPRISE)


def _ask_again(verification: Verification) -> int:
    """Move what INSi could not verify to new lots; return how many, 0 after the third demand."""
    lots = verification.lots.all()
    essai = lots.order_by("-essai").values_list("essai", flat=True).first() or ESSAIS_MAX
    a_redemander = IdentiteVerifiee.objects.filter(
        officine_id=verification.officine_id,
        lot__verification=verification,
        lot__essai=essai,
        code=A_REDEMANDER,
    ).count()
    if not a_redemander or essai >= ESSAIS_MAX:
        return 0
    _make_lots(verification, a_redemander, essai + 1)
    faits: dict[str, int | str] = {
        "officine": verification.officine_id,
        "verification": verification.pk,
        "essai": essai,
        "taille": LOT_MAX,
        "code": A_REDEMANDER,
    }
    with connection.cursor() as curseur:
        curseur.execute(_REPRENDRE, faits)
        curseur.execute(_COMPTER, faits)
    lots.filter(essai=essai).update(nombre=F("nombre") - F("non_verifiees"), non_verifiees=0)
    return a_redemander


def pause(acteur: Acteur, verification_id: int) -> Verification:
    """Let no new lot leave; those that left are followed to their end."""
    return _change(acteur, verification_id, Verification.Etat.EN_COURS, Verification.Etat.EN_PAUSE)


def resume(acteur: Acteur, verification_id: int) -> Verification:
    """Let lots leave again."""
    return _change(acteur, verification_id, Verification.Etat.EN_PAUSE, Verification.Etat.EN_COURS)


def stop(acteur: Acteur, verification_id: int) -> Verification:
    """End a campaign where it stands; the answers of lots already deposited are still taken."""
    with transaction.atomic():
        verification = _to_change(acteur, verification_id, _EN_COURS)
        verification.etat = Verification.Etat.ARRETEE
        verification.finie_le = timezone.now()
        verification.save(update_fields=["etat", "finie_le"])
        for lot in verification.lots.filter(numero="", releve_le=None).exclude(envoi=None):
            envois_stop(acteur.officine_id, f"lot:{lot.pk}", "Vérification des INS arrêtée")
        audit.note(acteur, "ins.verifier_lot.arreter", f"verification:{verification.pk}")
    return verification


def _change(acteur: Acteur, verification_id: int, depuis: str, vers: str) -> Verification:
    with transaction.atomic():
        verification = _to_change(acteur, verification_id, (depuis,))
        verification.etat = vers
        verification.save(update_fields=["etat"])
        if vers == Verification.Etat.EN_COURS:
            feed(verification, acteur)
        audit.note(acteur, f"ins.verifier_lot.{vers}", f"verification:{verification.pk}")
    return verification


def _to_change(acteur: Acteur, verification_id: int, depuis: tuple[str, ...]) -> Verification:
    check_droit(acteur, "ins.verifier_lot")
    verification = _locked(acteur.officine_id, verification_id)
    if verification is None:
        raise VenteRefusee("Cette vérification n'existe pas dans votre officine.", "INS-404")
    if verification.etat not in depuis:
        raise VenteRefusee(
            f"Cette vérification est {verification.get_etat_display().lower()}.", "INS-117"
        )
    return verification


def _locked(officine_id: int, verification_id: int) -> Verification | None:
    siennes = Verification.objects.filter(officine_id=officine_id)
    return row_locked(siennes.select_related("demandee_par"), verification_id)


def _actor(verification: Verification) -> Acteur:
    """Return who asked for the campaign: its lots leave in that name."""
    operateur = verification.demandee_par
    return Acteur(operateur.pk, verification.officine_id, operateur.role, rpps=operateur.rpps)
