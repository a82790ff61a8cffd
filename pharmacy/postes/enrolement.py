"""Pairing a workstation by a short code, and ending it at once (agent.md §5.4)."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agent.protocol.enrolement import ALPHABET, LONGUEUR, comparison_code, tidy_code
from pharmacy import audit
from pharmacy.acteurs import Acteur, check_administration, peut
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.portes import code_of_repere
from pharmacy.models import CodeEnrolement, Poste
from pharmacy.postes import cles, relais
from pharmacy.postes.configuration import build_enrolment
from pharmacy.refus import Refus
from pharmacy.verrous import row_locked

CODE_MIN = 10
ESSAIS_MAX = 5
# How long an agent may come back for its answer once the titulaire said yes.
OUVERTS = (CodeEnrolement.Etat.EMIS, CodeEnrolement.Etat.DEMANDE, CodeEnrolement.Etat.CONFIRME)
_LISIBLE = re.compile(r"[^\w .:()+-]")


class EnrolementRefuse(Refus):
    """A pairing that does not go on; `statut` is the HTTP one."""

    def __init__(self, code: str, phrase: str, statut: int = 403) -> None:
        super().__init__(code, phrase)
        self.statut = statut


@dataclass(frozen=True)
class Presentation:
    """What an agent says when it asks to be paired."""

    cle_publique: str
    version: str
    systeme: str
    machine: str

    @classmethod
    def tidy(cls, corps: dict[str, Any]) -> "Presentation":
        """Read the request; ValueError when the key is not an Ed25519 one."""
        cle = str(corps.get("public_key") or "")
        cles.poste_key(cle)
        textes = (str(corps.get(n) or "") for n in ("agent_version", "os", "display_name"))
        version, systeme, machine = (_LISIBLE.sub("", t) for t in textes)
        return cls(cle, version[:20], systeme[:40], machine[:40])


def _check(acteur: Acteur) -> None:
    decision = peut(acteur, "postes.gerer")
    if not decision.ok:
        raise PermissionError(decision.phrase)


def add_poste(acteur: Acteur, libelle: str) -> Poste:
    """Create a workstation without agent. PermissionError without the right; ValueError empty."""
    _check(acteur)
    libelle = " ".join(libelle.split())[:60]
    if not libelle:
        raise ValueError("libelle")
    with transaction.atomic():
        poste = Poste.objects.create(
            officine_id=acteur.officine_id,
            code=f"poste-{uuid4().hex[:8]}",
            libelle=libelle,
            wid="p_" + uuid4().hex[:12].upper(),
        )
        audit.note(acteur, "poste.ajouter", f"poste:{poste.pk}")
    return poste


def issue_code(acteur: Acteur, poste: Poste) -> CodeEnrolement:
    """Return a new code of eight characters for this poste: the former ones are dead.

    Ten minutes, single use, five tries (agent.md §5.4, point 1). PermissionError without the right.
    """
    _check(acteur)
    code = "".join(secrets.choice(ALPHABET) for _ in range(LONGUEUR))
    with transaction.atomic():
        _end(CodeEnrolement.objects.filter(poste=poste, officine_id=acteur.officine_id))
        while code_of_repere(code[:4]) is not None:
            code = "".join(secrets.choice(ALPHABET) for _ in range(LONGUEUR))
        donne = CodeEnrolement.objects.create(
            officine_id=acteur.officine_id,
            poste=poste,
            repere=code[:4],
            secret=code,
            cree_par_id=acteur.operateur_id,
            expire_le=timezone.now() + timedelta(minutes=CODE_MIN),
        )
        audit.note(acteur, "poste.code", f"poste:{poste.pk}")
    return donne


def _end(codes: Any, etat: str = CodeEnrolement.Etat.MORT) -> None:  # noqa: ANN401 - a queryset
    """Close the codes still open, and forget what they were."""
    codes.filter(etat__in=OUVERTS).update(etat=etat, secret="", repere=None)


def code_current(acteur: Acteur, poste: Poste) -> CodeEnrolement | None:
    """Return the last code of this poste, whatever became of it."""
    codes = CodeEnrolement.objects.filter(poste=poste, officine_id=acteur.officine_id)
    return codes.order_by("-pk").first()


def ask(corps: dict[str, Any]) -> dict[str, Any]:
    """Answer an agent that gives a code: what to compare, then, once confirmed, its enrolment.

    The same agent asks again until it is answered; another key with the same code is a wrong try.
    Raises EnrolementRefuse. Source: agent.md §5.4, points 3 to 5.
    """
    code = tidy_code(str(corps.get("code") or "")[:40])
    try:
        qui = Presentation.tidy(corps)
    except ValueError as exc:
        raise EnrolementRefuse("ENR-003", "La clé donnée par l'agent est illisible.", 400) from exc
    trouve = code_of_repere(code[:4]) if code else None
    if trouve is None:
        raise _inconnu()
    with officine_context(trouve[0]):
        with transaction.atomic():
            reponse = _answer(trouve, code, qui)
        if isinstance(reponse, EnrolementRefuse):
            raise reponse
        return reponse


def _inconnu() -> EnrolementRefuse:
    return EnrolementRefuse(
        "ENR-001", "Ce code n'est pas reconnu. Relisez-le, ou faites-en un autre dans Postes."
    )


def _answer(
    trouve: tuple[int, int], code: str, qui: Presentation
) -> dict[str, Any] | EnrolementRefuse:
    """Return the answer; a refusal is returned, not raised: the try it counts must stay written."""
    donne = (
        CodeEnrolement.objects.select_for_update(of=("self",), no_key=True)
        .select_related("poste__officine")
        .get(officine_id=trouve[0], pk=trouve[1])
    )
    meme = donne.cle_publique in {"", qui.cle_publique}
    if not (hmac.compare_digest(donne.secret, code) and meme):
        donne.essais += 1
        donne.save(update_fields=["essais"])
        if donne.essais >= ESSAIS_MAX:
            _end(CodeEnrolement.objects.filter(pk=donne.pk, officine_id=donne.officine_id))
            audit.note_system(donne.officine_id, "poste.code", f"poste:{donne.poste_id}", "mort")
        return _inconnu()
    if donne.expire_le <= timezone.now():
        _end(CodeEnrolement.objects.filter(pk=donne.pk, officine_id=donne.officine_id))
        return EnrolementRefuse("ENR-002", "Ce code a plus de dix minutes. Faites-en un autre.")
    if donne.etat == CodeEnrolement.Etat.CONFIRME:
        return build_enrolment(donne.poste, settings.ADRESSE)
    return _to_confirm(donne, code, qui)


def _to_confirm(donne: CodeEnrolement, code: str, qui: Presentation) -> dict[str, Any]:
    cle_serveur = cles.server_key().thumbprint()
    if donne.etat == CodeEnrolement.Etat.EMIS:
        donne.etat = CodeEnrolement.Etat.DEMANDE
        donne.cle_publique = qui.cle_publique
        donne.comparaison = comparison_code(code, qui.cle_publique, cle_serveur)
        donne.version_agent, donne.systeme = qui.version, qui.systeme
        donne.machine = qui.machine
        donne.save()
    reste = donne.expire_le - timezone.now()
    return {
        "etat": "a_confirmer",
        "server_key_id": cle_serveur,
        "expire_s": int(reste.total_seconds()),
    }


def decide(acteur: Acteur, poste: Poste, comparaison: str, *, accord: bool) -> bool:
    """Confirm or refuse the agent that shows these six digits; False when there is none any more.

    Confirmed, its key becomes the poste's. PermissionError without the right.
    """
    _check(acteur)
    with transaction.atomic():
        donne = (
            CodeEnrolement.objects.select_for_update(of=("self",), no_key=True)
            .filter(
                poste=poste,
                officine_id=acteur.officine_id,
                etat=CodeEnrolement.Etat.DEMANDE,
                comparaison=comparaison,
                expire_le__gt=timezone.now(),
            )
            .first()
        )
        if donne is None:
            return False
        if not accord:
            _end(
                CodeEnrolement.objects.filter(pk=donne.pk, officine_id=donne.officine_id),
                CodeEnrolement.Etat.REFUSE,
            )
            audit.note(acteur, "poste.refuser", f"poste:{poste.pk}")
            return True
        donne.etat = CodeEnrolement.Etat.CONFIRME
        donne.save(update_fields=["etat"])
        _attach(poste, donne)
        audit.note(acteur, "poste.associer_agent", f"poste:{poste.pk}")
    return True


def _attach(poste: Poste, donne: CodeEnrolement) -> None:
    tenu = Poste.objects.select_for_update(of=("self",), no_key=True).get(
        pk=poste.pk, officine_id=donne.officine_id
    )
    if tenu.cle_publique != donne.cle_publique:
        tenu.dernier_recu = ""
    tenu.cle_publique = donne.cle_publique
    tenu.kid = cles.poste_key(donne.cle_publique).thumbprint()
    tenu.version_agent = donne.version_agent
    tenu.etat = Poste.Etat.ASSOCIE
    tenu.save()


def revoke(acteur: Acteur, poste: Poste) -> None:
    """End the trust in a poste's agent now: no token, no reading, and its key is wiped.

    An agent linked by the relay learns it at once, the others when they next ask for their
    configuration. PermissionError without the right, AdministrationRequise outside the mode.
    Source: agent.md §5.4, point 6.
    """
    _check(acteur)
    check_administration(acteur)
    with transaction.atomic():
        siens = Poste.objects.filter(officine_id=acteur.officine_id)
        tenu = row_locked(siens.exclude(etat=Poste.Etat.REVOQUE), poste.pk)
        if tenu is None:
            return
        tenu.etat = Poste.Etat.REVOQUE
        tenu.save(update_fields=["etat"])
        _end(CodeEnrolement.objects.filter(poste=poste, officine_id=acteur.officine_id))
        audit.note(acteur, "poste.revoquer", f"poste:{poste.pk}")
        relais.ring_config(poste.pk)
