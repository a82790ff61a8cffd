"""An appli carte Vitale at the counter: presented, answered or refused, closed with the sale.

Theory of operation. The scan writes an Envoi whose body holds the presented string, encrypted, and
a `ContexteApcv`. The worker gives the string to the service; whatever the answer, the body is wiped
then. The token goes to the ephemeral store alone, until the context or the sale ends; an answer
that comes later still is given back, nothing of it kept. Locks are taken in one order everywhere:
patient, sale, context, the last one presented first. Source: ins.md §5.3; agent.md §3.
"""

import json
import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ins.codec.apcv import ContexteLu, Validite
from ins.errors_apcv import sentence_of
from ins.models import ContexteApcv
from ins.selectors_apcv import BUDGET_S, contexte_current
from pharmacy import audit, chiffre, ephemere, flux
from pharmacy.acteurs import Acteur
from pharmacy.events import VenteAbandonnee, VenteTerminee
from pharmacy.models import Vente
from pharmacy.services.vente import VenteRefusee, check_droit, vente_locked
from pharmacy.suites import Suite
from teleservices.models import Envoi
from teleservices.outbox import Demande, enqueue
from teleservices.registre import Reponse

logger = logging.getLogger(__name__)
OUVRIR, RENOUVELER, FERMER = "apcv.ouvrir", "apcv.renouveler", "apcv.fermer"
PANNEAU = "droits"
Etat = ContexteApcv.Etat
_EN_COURS = (Envoi.Etat.A_ENVOYER, Envoi.Etat.EN_VOL, Envoi.Etat.INCERTAIN)
_FINIS = (Envoi.Etat.REFUSE, Envoi.Etat.ABANDONNE)


def present(acteur: Acteur, vente_id: int, chaine: str, mode: int = 2) -> Suite:
    """Take what a phone showed; the service is asked in the background, the sale goes on.

    The same string read twice is one reading. When the person of the sale came by this appli, a new
    presentation prolongs their context. VenteRefusee when the sale cannot take it or the service
    has no address. Source: ins.md §5.3; agent.md §3.2.
    """
    check_droit(acteur, "ins.appeler")
    if not settings.APCV_URL:
        raise VenteRefusee(
            "L'appli carte Vitale n'est pas réglée ici. Prenez la carte Vitale, ou continuez par "
            "le nom (F2).",
            "APCV-000",
        )
    with transaction.atomic():
        vente = vente_locked(acteur, vente_id)
        courant = contexte_current(vente)
        deja = _same_reading(acteur, vente, chaine)
        if deja is not None:
            return _again(deja)
        prolonge = courant if _is_for_patient(courant, vente) else None
        contexte = _ask(acteur, vente, chaine, mode, prolonge)
        audit.note(acteur, "ins.apcv.lire", f"apcv:{contexte.pk}", vente.patient_id)
        flux.announce_vente(acteur.officine_id, vente.pk, PANNEAU)
    return Suite("Appli carte Vitale lue : le service est interrogé…")


def _is_for_patient(contexte: ContexteApcv | None, vente: Vente) -> bool:
    return (
        contexte is not None
        and contexte.etat == Etat.CHOISI
        and contexte.patient_id == vente.patient_id
    )


def _key(vente: Vente, chaine: str) -> str:
    """Return the start of the idempotency key: a keyed digest, the string cannot be found again."""
    return f"apcv:{vente.pk}:{chiffre.empreinte('apcv', chaine)[:40]}:"


def _same_reading(acteur: Acteur, vente: Vente, chaine: str) -> ContexteApcv | None:
    """Return the reading of this very string in this sale, under way or answered."""
    return (
        ContexteApcv.objects.filter(
            officine_id=acteur.officine_id, vente=vente, envoi__cle__startswith=_key(vente, chaine)
        )
        .filter(etat__in=[Etat.DEMANDE, Etat.A_CHOISIR, Etat.CHOISI])
        .order_by("-pk")
        .first()
    )


def _again(contexte: ContexteApcv) -> Suite:
    if contexte.etat == Etat.A_CHOISIR:
        return Suite("Appli carte Vitale déjà lue : choisissez.", dialogue=choice_url(contexte))
    if contexte.etat == Etat.CHOISI:
        return Suite("Ce code a déjà servi dans cette vente.", "attention", code="APCV-001")
    return Suite("Appli carte Vitale déjà lue : le service est interrogé…")


def choice_url(contexte: ContexteApcv) -> str:
    """Return the address of the dialog where the beneficiary is chosen."""
    return f"/vente/{contexte.vente_id}/apcv/{contexte.pk}/"


def _ask(
    acteur: Acteur, vente: Vente, chaine: str, mode: int, prolonge: ContexteApcv | None
) -> ContexteApcv:
    operation = OUVRIR if prolonge is None else RENOUVELER
    cle, sujet = _key(vente, chaine), f"vente:{vente.pk}"
    # By the subject first, as its index is: « begins with » alone reads every row of the officine.
    faits = Envoi.objects.filter(
        officine_id=acteur.officine_id, operation__in=[OUVRIR, RENOUVELER], sujet=sujet
    )
    rang = faits.filter(cle__startswith=cle).count() + 1
    corps = {"mode": mode, "chaine": chaine}
    envoi = enqueue(
        acteur,
        Demande(
            operation,
            sujet,
            f"{cle}{rang}",
            corps=json.dumps(corps).encode(),
            vente_id=vente.pk,
        ),
    )
    return ContexteApcv.objects.create(
        officine_id=acteur.officine_id,
        vente=vente,
        envoi=envoi,
        operateur_id=acteur.operateur_id,
        mode=mode,
        prolonge=prolonge,
    )


def wipe_body(envoi: Envoi) -> None:
    """Forget the presented string: it has served, or never will."""
    if envoi.corps is not None:
        envoi.corps = None
        envoi.save(update_fields=["corps"])


def record(envoi: Envoi, reponse: Reponse) -> None:
    """Keep the persons read until one is chosen, and ask who this is for.

    Runs in the settling transaction. Demonstration data and a context already over are refused:
    nobody is qualified by them (cases 62 and 63). Source: ins.md §5.3, points 2 and 8.
    """
    lu: ContexteLu = reponse.contenu
    wipe_body(envoi)
    contexte = _held(envoi)
    if contexte.etat == Etat.CLOS:
        return _give_back(envoi, contexte, lu.validite)
    _purge(envoi.officine_id)
    flux.announce_vente(envoi.officine_id, contexte.vente_id, PANNEAU)
    contexte.identifiant = lu.validite.identifiant
    contexte.usage, contexte.expire_le = lu.usage, lu.validite.fin
    refus = _refusal(lu)
    contexte.code = refus
    contexte.etat = Etat.ECHEC if refus else Etat.A_CHOISIR
    contexte.donnees = None if refus else reponse.echange.reponse
    contexte.save()
    audit.note_system(envoi.officine_id, "ins.apcv.reponse", f"apcv:{contexte.pk}", refus or "ok")
    if refus:
        return _say(contexte, sentence_of(refus), refus)
    _keep_token(contexte, lu.validite)
    tard = (timezone.now() - envoi.cree_le).total_seconds() > BUDGET_S
    suite = Suite(
        "Appli carte Vitale lue : choisissez la personne (² F)."
        if tard
        else "Appli carte Vitale lue.",
        dialogue=None if tard else choice_url(contexte),
    )
    flux.announce_suite(envoi.officine_id, contexte.vente_id, suite.as_dict())
    return None


def _held(envoi: Envoi) -> ContexteApcv:
    """Return the presentation of a row, locked: the end of its sale closes it meanwhile."""
    return (
        ContexteApcv.objects.select_for_update(of=("self",), no_key=True)
        .select_related("prolonge")
        .get(officine_id=envoi.officine_id, envoi=envoi)
    )


def _give_back(envoi: Envoi, contexte: ContexteApcv, validite: Validite) -> None:
    """Keep nothing of an answer that comes once the sale is over: its context is closed at once."""
    contexte.identifiant, contexte.expire_le = validite.identifiant, validite.fin
    contexte.save(update_fields=["identifiant", "expire_le"])
    acteur = Acteur(envoi.operateur_id, envoi.officine_id, "", envoi.poste_id)
    _close_there(acteur, contexte)


def _close_there(acteur: Acteur, contexte: ContexteApcv) -> None:
    """Ask the service to delete a context that still lives."""
    if contexte.identifiant and contexte.expire_le and contexte.expire_le > timezone.now():
        enqueue(acteur, Demande(FERMER, f"apcv:{contexte.pk}", f"{FERMER}:{contexte.pk}"))


def _refusal(lu: ContexteLu) -> str:
    if lu.demonstration:
        return "APCV_DEMONSTRATION"
    return "APCV_EXPIRE" if lu.validite.fin <= timezone.now() else ""


def _say(contexte: ContexteApcv, phrase: str, code: str) -> None:
    """Put what happened on the status line; the panel beside says what to do."""
    phrase = phrase.split(". ", 1)[0].removesuffix(".") + "."
    suite = Suite(phrase, "attention", code=code)
    flux.announce_suite(contexte.officine_id, contexte.vente_id, suite.as_dict())


def _keep_token(contexte: ContexteApcv, validite: Validite) -> None:
    duree = int((validite.fin - timezone.now()).total_seconds())
    officine_id, nom, jeton = contexte.officine_id, token_name(contexte), validite.jeton
    transaction.on_commit(lambda: ephemere.keep(officine_id, nom, jeton, duree))


def token_name(contexte: ContexteApcv) -> str:
    """Return the name of the token of a context in the ephemeral store."""
    return f"apcv:{contexte.identifiant}"


def _forget_tokens(contextes: Sequence[ContexteApcv]) -> None:
    noms = [(c.officine_id, token_name(c)) for c in contextes if c.identifiant]

    def forget() -> None:
        for officine_id, nom in noms:
            ephemere.forget(officine_id, nom)

    transaction.on_commit(forget)


def _purge(officine_id: int) -> None:
    """Forget what was read and never chosen, once its context is over."""
    ContexteApcv.objects.filter(
        officine_id=officine_id, donnees__isnull=False, expire_le__lt=timezone.now()
    ).update(donnees=None)


def record_renewal(envoi: Envoi, reponse: Reponse) -> None:
    """Put the new validity in the place of the former, for the same person of the same sale."""
    validite: Validite = reponse.contenu
    wipe_body(envoi)
    contexte = _held(envoi)
    if contexte.etat == Etat.CLOS:
        return _give_back(envoi, contexte, validite)
    flux.announce_vente(envoi.officine_id, contexte.vente_id, PANNEAU)
    ancien = contexte.prolonge
    assert ancien is not None  # noqa: S101 - a renewal always prolongs something
    contexte.identifiant, contexte.expire_le = validite.identifiant, validite.fin
    contexte.usage, contexte.patient_id = ancien.usage, ancien.patient_id
    contexte.numero, contexte.etat = ancien.numero, Etat.CHOISI
    contexte.save()
    ContexteApcv.objects.filter(pk=ancien.pk, officine_id=ancien.officine_id).update(etat=Etat.CLOS)
    _forget_tokens([ancien])
    _keep_token(contexte, validite)
    audit.note_system(envoi.officine_id, "ins.apcv.renouvele", f"apcv:{contexte.pk}")
    suite = Suite("Appli carte Vitale renouvelée.")
    flux.announce_suite(envoi.officine_id, contexte.vente_id, suite.as_dict())
    return None


def record_failure(envoi: Envoi) -> None:
    """Show what a refusal or a wait means; refused for good, the presented string is wiped."""
    contexte = ContexteApcv.objects.filter(officine_id=envoi.officine_id, envoi=envoi).first()
    if contexte is None:
        return
    if contexte.etat == Etat.CLOS:
        if envoi.etat in _FINIS:
            wipe_body(envoi)
        return
    flux.announce_vente(envoi.officine_id, contexte.vente_id, PANNEAU)
    contexte.code = envoi.dernier_code[:40]
    if envoi.etat in _FINIS:
        wipe_body(envoi)
        contexte.etat = Etat.ECHEC
        _say(contexte, sentence_of(contexte.code, envoi.dernier_message), contexte.code)
    contexte.save(update_fields=["code", "etat"])


def on_sale_over(evenement: VenteTerminee | VenteAbandonnee) -> None:
    """Forget all that the appli gave to a sale that ends, and close its contexts at the service."""
    ouverts = list(
        ContexteApcv.objects.select_for_update(of=("self",), no_key=True)
        .filter(officine_id=evenement.acteur.officine_id, vente_id=evenement.vente_id)
        .exclude(etat__in=[Etat.CLOS, Etat.ECHEC])
        .order_by("-pk")
    )
    if not ouverts:
        return
    ContexteApcv.objects.filter(
        officine_id=evenement.acteur.officine_id, pk__in=[c.pk for c in ouverts]
    ).update(etat=Etat.CLOS, donnees=None)
    _forget_tokens(ouverts)
    for contexte in ouverts:
        _close_there(evenement.acteur, contexte)
