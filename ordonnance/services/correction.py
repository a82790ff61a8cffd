"""A refused execution: the prescription read again, its control done again (§5.3 (6))."""

from django.db import transaction
from django.utils import timezone

from ordonnance.models import Execution, OrdonnanceNumerique, Verrou
from ordonnance.rules.controle import BLOQUANT, JUSTIFIER
from ordonnance.rules.rapprochement import is_executable, statut_phrase
from ordonnance.selectors import Dossier, dossier_of, execution_of
from ordonnance.services.commun import announce, executant_of, locked, move
from ordonnance.services.recuperation import keep_again
from ordonnance.services.validation import (
    Verrouillage,
    check_answers,
    copy_lines,
    lines_to_send,
    missing_answers,
    promise,
)
from pharmacy import audit, flux
from pharmacy.acteurs import Acteur
from pharmacy.models import Operateur
from pharmacy.services.vente import VenteRefusee, check_droit
from pharmacy.suites import Suite
from teleservices.models import Envoi
from teleservices.registre import Reponse

_GRAVES = frozenset({JUSTIFIER, BLOQUANT})


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep the newer version, and resend by itself when nothing new has to be answered.

    Otherwise the execution stays to be corrected and a person does the control again. Inside the
    settling transaction. Source: ordonnance.md §5.3 (6), §2.6 (EPU-010).
    """
    operateur = Operateur.objects.get(pk=envoi.operateur_id, officine_id=envoi.officine_id)
    acteur = Acteur(operateur.pk, envoi.officine_id, operateur.role, envoi.poste_id, operateur.rpps)
    numerique = locked(acteur, int(envoi.sujet.removeprefix("on:")))
    if numerique.etat != "a_corriger":
        return
    connus = _answered(numerique)
    keep_again(numerique, reponse)
    dossier = _dossier(numerique)
    if dossier is not None and _is_same_control(acteur, dossier, connus):
        _correct_alone(acteur, dossier)
    else:
        _tell(numerique)


def _correct_alone(acteur: Acteur, dossier: Dossier) -> None:
    """Send again what nobody has to answer for; when it may not leave, a person is told.

    What was just read is kept all the same.
    """
    try:
        with transaction.atomic():
            _correct(acteur, dossier, valide_par=None)
            objet = f"on:{dossier.numerique.pk}"
            audit.note(acteur, "ordonnance.corriger", objet, resultat="automatique")
    except VenteRefusee:
        _tell(dossier.numerique)


def _dossier(numerique: OrdonnanceNumerique) -> Dossier | None:
    vente = numerique.ordonnance.vente
    return dossier_of(numerique, vente) if vente is not None else None


def _answered(numerique: OrdonnanceNumerique) -> set[tuple[str, str]]:
    """Return the serious differences a person already answered, by code and line."""
    execution = execution_of(numerique)
    if execution is None:
        return set()
    return {
        (ecart.code, ecart.ligne.id_national if ecart.ligne is not None else "")
        for ecart in execution.ecarts.select_related("ligne")
    }


def _is_same_control(acteur: Acteur, dossier: Dossier, connus: set[tuple[str, str]]) -> bool:
    graves = {(e.code, e.id_ligne or "") for e in dossier.ecarts if e.severite in _GRAVES}
    return (
        graves <= connus
        and is_executable(dossier.prescription.statut)
        and not missing_answers(acteur, dossier)
    )


def _tell(numerique: OrdonnanceNumerique) -> None:
    announce(numerique)
    vente_id = numerique.ordonnance.vente_id
    if vente_id is not None:
        suite = Suite("L'ordonnance a changé depuis sa lecture : revoyez le contrôle.", "attention")
        flux.announce_suite(numerique.officine_id, vente_id, suite.as_dict())


def validate_again(acteur: Acteur, numerique_id: int) -> Execution:
    """A person did the control of a refused execution again: it is sent anew.

    From any poste: the products of its sale no longer change. Raises ControleIncomplet when an
    answer is missing, VenteRefusee when the state forbids it.
    """
    check_droit(acteur, "ordonnance.executer")
    with transaction.atomic():
        numerique = locked(acteur, numerique_id)
        dossier = _dossier(numerique)
        if dossier is None or numerique.etat != "a_corriger":
            raise VenteRefusee("Cette exécution n'attend pas de correction.", "ORD-027")
        check_answers(acteur, dossier)
        audit.note(acteur, "ordonnance.corriger", f"on:{numerique.pk}")
        return _correct(acteur, dossier, valide_par=acteur.operateur_id)


def _correct(acteur: Acteur, dossier: Dossier, *, valide_par: int | None) -> Execution:
    """Send a refused execution again, its control done again: same uuid, new key, new body.

    The refused row is given up with its reason, its body kept. `valide_par` None: nothing new had
    to be answered, who validated stays. VenteRefusee while a sending is under way, while somebody
    holds the refused one (they lock it before the prescription), or when the prescription may no
    longer be executed. Source: ordonnance.md §5.3 (6).
    """
    numerique = dossier.numerique
    execution = (
        Execution.objects.select_for_update(of=("self",), no_key=True)
        .filter(officine_id=numerique.officine_id, numerique=numerique)
        .latest("pk")
    )
    envois = Envoi.objects.filter(
        officine_id=execution.officine_id,
        operation="ordonnance.executer",
        sujet=f"exec:{execution.pk}",
    )
    refuses = envois.filter(etat=Envoi.Etat.REFUSE)
    tenus = list(
        refuses.select_for_update(of=("self",), no_key=True, skip_locked=True).values_list(
            "pk", flat=True
        )
    )
    if envois.exclude(etat=Envoi.Etat.ABANDONNE).exclude(pk__in=tenus).exists():
        raise VenteRefusee("Un envoi de cette exécution est en cours.", "ORD-026")
    if not is_executable(dossier.prescription.statut):
        raise VenteRefusee(
            f"Cette ordonnance ne s'exécute plus : {statut_phrase(dossier.prescription)}. "
            "Abandonnez l'envoi avec le motif (File d'envoi).",
            "ORD-022",
        )
    a_envoyer = lines_to_send(dossier)
    verrouillage = _lock_again(execution)
    _renew(execution, dossier, verrouillage, acteur, valide_par)
    execution.lignes.all().delete()
    copy_lines(execution, dossier, a_envoyer)
    rang = envois.count() + 1
    envois.filter(pk__in=tenus).update(
        etat=Envoi.Etat.ABANDONNE,
        motif_abandon="Contrôle refait : remplacé par un nouvel envoi",
        regle_le=timezone.now(),
    )
    promise(acteur, dossier, execution, verrouillage, a_envoyer, rang)
    move(numerique, "a_transmettre")
    announce(numerique)
    flux.announce_entete(numerique.officine_id)
    return execution


def _lock_again(execution: Execution) -> Verrouillage:
    verrou = Verrou.objects.filter(
        officine_id=execution.officine_id,
        numerique_id=execution.numerique_id,
        id_execution=str(execution.uuid),
        expire_le__gt=timezone.now(),
    ).first()
    return Verrouillage(str(execution.uuid), str(verrou.jeton) if verrou is not None else "")


def _renew(
    execution: Execution,
    dossier: Dossier,
    verrouillage: Verrouillage,
    acteur: Acteur,
    valide_par: int | None,
) -> None:
    if valide_par is not None:
        execution.valide_par_id = valide_par
        execution.controle_le = timezone.now()
    execution.executant_rpps = executant_of(acteur).rpps
    execution.hors_ligne = verrouillage.hors_ligne
    execution.version_connue = dossier.prescription.version
    execution.etat = "a_transmettre"
    execution.save()
