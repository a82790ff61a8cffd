"""What a person does with a sending: try again, give up with a reason."""

from django.db import transaction
from django.utils import timezone

from pharmacy import audit, flux
from pharmacy.acteurs import Acteur, peut
from pharmacy.services.vente import VenteRefusee
from pharmacy.verrous import row_locked
from teleservices.etats import TransitionRefusee, check_transition
from teleservices.models import Envoi
from teleservices.outbox import ring_on_commit
from teleservices.registre import handler_get


def _locked(acteur: Acteur, envoi_id: int) -> Envoi:
    decision = peut(acteur, "file.agir")
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}")
    envoi = row_locked(Envoi.objects.filter(officine_id=acteur.officine_id), envoi_id)
    if envoi is None:
        raise VenteRefusee("Cet envoi n'existe pas dans votre officine.", "ENV-404")
    return envoi


def envoi_retry(acteur: Acteur, envoi_id: int) -> Envoi:
    """Make the row due now. An uncertain one is asked about first, never resent blindly.

    What it carries is told at once that it waits again (its state follows the row's).
    PermissionError without the right; VenteRefusee when its state forbids it.
    """
    with transaction.atomic():
        envoi = _locked(acteur, envoi_id)
        if envoi.etat == Envoi.Etat.REFUSE:
            check_transition(envoi.etat, Envoi.Etat.A_ENVOYER)
            envoi.etat = Envoi.Etat.A_ENVOYER
            envoi.dernier_code = envoi.dernier_message = ""
            envoi.regle_le = None
        elif envoi.etat not in {Envoi.Etat.A_ENVOYER, Envoi.Etat.INCERTAIN}:
            raise VenteRefusee("Cet envoi n'a rien à relancer.", "ENV-001")
        envoi.pas_avant = timezone.now()
        envoi.version += 1
        envoi.save()
        if not envoi.lecture:
            handler_get(envoi.operation).fail(envoi)
        audit.note(acteur, "envoi.relancer", f"envoi:{envoi.pk}")
        ring_on_commit(envoi)
        flux.announce_entete(acteur.officine_id)
    return envoi


def envoi_abandon(acteur: Acteur, envoi_id: int, motif: str) -> Envoi:
    """Give up for good, with a reason kept. VenteRefusee without reason, or while in flight."""
    motif = motif.strip()[:200]
    if not motif:
        raise VenteRefusee("Donnez le motif de l'abandon : il est gardé avec l'envoi.", "ENV-002")
    with transaction.atomic():
        envoi = _locked(acteur, envoi_id)
        try:
            check_transition(envoi.etat, Envoi.Etat.ABANDONNE)
        except TransitionRefusee as exc:
            raise VenteRefusee("Cet envoi est déjà réglé.", "ENV-003") from exc
        if envoi.etat == Envoi.Etat.EN_VOL:
            raise VenteRefusee("Cet envoi est en cours. Attendez sa réponse.", "ENV-004")
        envoi.etat = Envoi.Etat.ABANDONNE
        envoi.motif_abandon = motif
        envoi.regle_le = timezone.now()
        envoi.version += 1
        envoi.save(update_fields=["etat", "motif_abandon", "regle_le", "version"])
        handler_get(envoi.operation).fail(envoi)
        audit.note(acteur, "envoi.abandonner", f"envoi:{envoi.pk}")
        flux.announce_entete(acteur.officine_id)
    return envoi


def envois_stop(officine_id: int, sujet: str, motif: str) -> int:
    """Give up every row about `sujet` that has not left, for a reason of ours; return how many.

    One already in flight is skipped: its answer finds the file as it now is. Raises RuntimeError
    outside a transaction: what waits stops together with what made it stop. Source: ins.md §2.5,
    T17 (« exchange queues of this patient stopped »).
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("envois_stop() outside a transaction")
    lignes = Envoi.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).filter(
        officine_id=officine_id, sujet=sujet, etat=Envoi.Etat.A_ENVOYER
    )
    arretes = list(lignes.order_by("pk"))
    for envoi in arretes:
        envoi.etat = Envoi.Etat.ABANDONNE
        envoi.motif_abandon = motif[:200]
        envoi.regle_le = timezone.now()
        envoi.version += 1
        envoi.save(update_fields=["etat", "motif_abandon", "regle_le", "version"])
        handler_get(envoi.operation).fail(envoi)
        audit.note_system(officine_id, "envoi.arreter", f"envoi:{envoi.pk}")
    if arretes:
        flux.announce_entete(officine_id)
    return len(arretes)
