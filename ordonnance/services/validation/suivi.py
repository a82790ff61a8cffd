"""What becomes of the sending, carried to the execution and to the screen (§1.6, §5.3)."""

from ordonnance.codec.demande import corps_sans_verrou
from ordonnance.models import Execution, OrdonnanceNumerique
from ordonnance.services.commun import announce, move, wire_key
from ordonnance.services.recuperation import read_again
from ordonnance.services.validation.promesse import demande_of
from pharmacy import flux
from pharmacy.acteurs import Acteur
from teleservices.models import Envoi
from teleservices.outbox import enqueue

# An execution cut in doubt is looked for under these states.
_ETATS = {
    Envoi.Etat.A_ENVOYER: "a_transmettre",
    Envoi.Etat.EN_VOL: "a_transmettre",
    Envoi.Etat.ENVOYE: "transmise",
    Envoi.Etat.REFUSE: "a_corriger",
    Envoi.Etat.INCERTAIN: "incertaine",
    Envoi.Etat.ABANDONNE: "annulee",
}


def follow(envoi: Envoi) -> None:
    """Carry the state of the sending to the execution and to the prescription, in words on screen.

    Source: design.md, « States of an Envoi » ; ordonnance.md §1.6.
    """
    execution = _execution_locked(envoi)
    if _is_superseded(envoi) or _resend_without_lock(envoi, execution):
        return
    etat = _ETATS[Envoi.Etat(envoi.etat)]
    if etat == "annulee" and execution.etat == "incertaine":
        # Given up in doubt: it may be recorded, so it still counts (§1.6). The queue keeps why.
        _tell(execution)
        return
    if etat == execution.etat:
        _tell(execution)
        return
    execution.etat = etat
    champs = ["etat"]
    if etat == "transmise":
        execution.accuse_le = envoi.regle_le
        champs.append("accuse_le")
    if etat == "annulee":
        execution.annulee_le = envoi.regle_le
        execution.motif_annulation = envoi.motif_abandon[:40]
        champs += ["annulee_le", "motif_annulation"]
    execution.save(update_fields=champs)
    numerique = execution.numerique
    numerique.dernier_code = envoi.dernier_code[:20]
    numerique.save(update_fields=["dernier_code"])
    if numerique.etat != etat:
        move(numerique, *_path(numerique.etat, etat))
    if envoi.dernier_code == "EPU-010" and etat == "a_corriger":
        read_again(envoi, numerique)
    _tell(execution)


def _execution_locked(envoi: Envoi) -> Execution:
    """Return the execution of a sending, locked after its prescription, as a correction does."""
    execution_id = int(envoi.sujet.removeprefix("exec:"))
    OrdonnanceNumerique.objects.select_for_update(of=("self",), no_key=True).get(
        executions=execution_id, officine_id=envoi.officine_id
    )
    return (
        Execution.objects.select_for_update(of=("self",), no_key=True)
        .select_related("numerique__ordonnance")
        .get(pk=execution_id, officine_id=envoi.officine_id)
    )


def _is_superseded(envoi: Envoi) -> bool:
    """Tell whether a later sending of the same execution took over: this one moves nothing."""
    return Envoi.objects.filter(
        officine_id=envoi.officine_id, sujet=envoi.sujet, pk__gt=envoi.pk
    ).exists()


def _path(avant: str, apres: str) -> tuple[str, ...]:
    """Return the moves between two states: a doubt settled or a retry may need a step between."""
    if avant in {"a_corriger", "incertaine"} and apres in {"incertaine", "annulee", "transmise"}:
        return ("a_transmettre", apres)
    return (apres,)


def _tell(execution: Execution) -> None:
    announce(execution.numerique)
    flux.announce_entete(execution.officine_id)


def _resend_without_lock(envoi: Envoi, execution: Execution) -> bool:
    """EPU-009: the lock lapsed before the sending; send once more without it, under a new key."""
    if envoi.dernier_code != "EPU-009" or not envoi.cle.endswith(":1"):
        return False
    cle = envoi.cle.removesuffix(":1") + ":2"
    corps = corps_sans_verrou(bytes(envoi.corps or b""), wire_key(cle))
    acteur = Acteur(envoi.operateur_id, envoi.officine_id, "", envoi.poste_id)
    enqueue(acteur, demande_of(execution, cle, corps, envoi.signataire_id))
    Envoi.objects.filter(pk=envoi.pk, officine_id=envoi.officine_id, etat=Envoi.Etat.REFUSE).update(
        etat=Envoi.Etat.ABANDONNE, motif_abandon="Réservation expirée : renvoyé sans elle"
    )
    execution.hors_ligne = True
    execution.save(update_fields=["hors_ligne"])
    _tell(execution)
    return True
