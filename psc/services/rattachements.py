"""Whose professional identity is whose: the one place that writes a link (psc.md §3.3).

An operator has one RPPS, that of their sheet (`Operateur.rpps`). A link says what became of it at
Pro Santé Connect in one environment: no row means « declared by the sheet ». Both are written
together: here, or from the sheet by `follow_sheet`; a proven one only here, with the password.
"""

from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur, peut
from pharmacy.events import RppsChange
from pharmacy.models import Operateur
from pharmacy.services import connexion, equipe
from pharmacy.services.equipe import SaisieRefusee
from pharmacy.services.vente import VenteRefusee
from pharmacy.session.middleware import acteur_of
from psc.echanges import Authentifie
from psc.models import RattachementPsc
from psc.reglages import environnement
from psc.rules.decision import Lien, Rattache
from psc.rules.identifiant import LONGUEUR_MAX, RppsRefuse, kind_of, parse_typed
from psc.rules.userinfo import Identite
from psc.services import sessions

Etat = RattachementPsc.Etat
DROIT = "psc.rattacher"
AVIS_CHANGE = "rpps_change"
_PRIS = "Cette identité est déjà celle d'un autre opérateur."


@dataclass(frozen=True)
class IdentiteSaisie:
    """What a link is made on: a RPPS, or a national identifier for who has none.

    `cle_juste` False is a warning for who typed: true RPPS have a wrong key.
    """

    rpps: str = ""
    national: str = field(default="", repr=False)
    cle_juste: bool = True


def read_typed(rpps: str, national: str = "") -> IdentiteSaisie:
    """Return what was typed on a link: one of the two. Raises SaisieRefusee.

    Source: psc.md §2.1, §3.3; cases 9, 22, 23, 27 (a RPPS inside another identifier is not read).
    """
    rpps, national = rpps.strip(), national.strip()
    if kind_of(national) == "rpps" and not rpps:
        rpps, national = national, ""
    if rpps and national:
        raise SaisieRefusee("national", "Donnez l'un ou l'autre, pas les deux.")
    if rpps:
        try:
            lu = parse_typed(rpps)
        except RppsRefuse as exc:
            raise SaisieRefusee("rpps", str(exc)) from exc
        return IdentiteSaisie(lu.valeur, cle_juste=lu.cle_juste)
    if not national:
        raise SaisieRefusee("rpps", "Donnez un RPPS, ou un identifiant national.")
    if len(national) > LONGUEUR_MAX or kind_of(national) == "inconnu":
        raise SaisieRefusee("national", "Cet identifiant n'a aucune des formes connues.")
    return IdentiteSaisie(national=national)


def _of_identity(identite: Identite) -> IdentiteSaisie:
    rpps = identite.rpps
    return IdentiteSaisie(rpps) if rpps else IdentiteSaisie("", identite.national)


# Reading.


def _here(officine_id: int) -> QuerySet[RattachementPsc]:
    """Return the links of an officine that are not over, in this environment."""
    return RattachementPsc.objects.filter(
        officine_id=officine_id, environnement=environnement()
    ).exclude(etat=Etat.RETIRE)


def current(operateur: Operateur) -> RattachementPsc | None:
    """Return the link of an operator, asked for included; None when only the sheet speaks."""
    return (
        _here(operateur.officine_id)
        .filter(operateur_id=operateur.pk)
        .select_related("responsable", "declare_par")
        .first()
    )


def as_rattache(operateur: Operateur, lien: RattachementPsc | None) -> Rattache:
    """Return an operator as the decision tables see them: a link only asked for is none."""
    if lien is not None and lien.etat == Etat.DEMANDE:
        lien = None
    return Rattache(
        operateur_id=operateur.pk,
        lien=Lien(lien.etat) if lien is not None else Lien.DECLARE,
        nom=operateur.nom,
        prenom=operateur.prenom,
        rpps=lien.rpps if lien is not None else operateur.rpps,
        national=lien.national if lien is not None else "",
        actif=operateur.actif,
        arrivee=operateur.arrivee,
        depart=operateur.depart,
        mot_de_passe_a_changer=operateur.mot_de_passe_temporaire,
    )


def known(officine_id: int, identite: Identite) -> list[Rattache]:
    """Return the operators attached to an identity, for the tables of §3.4 and §3.5.

    By their link, or by the RPPS of their sheet while nothing was proved. Who left is named only
    when nobody who is here is: the refusal of line 3. Two queries. Raises as `Identite.rpps`.
    """
    rpps = identite.rpps
    siens = _here(officine_id).exclude(etat=Etat.DEMANDE)
    nommes = siens.filter(rpps=rpps) if rpps else siens.filter(rpps="", national=identite.national)
    par_fiche = Q(rpps=rpps) if rpps else Q(pk=None)
    personnes = list(
        Operateur.objects.filter(
            Q(pk__in=nommes.values("operateur_id")) | par_fiche, officine_id=officine_id
        ).order_by("pk")
    )
    # Of a sheet and a link that disagree, the link speaks.
    liens = {lien.operateur_id: lien for lien in siens.filter(operateur__in=personnes)}
    vus = [as_rattache(personne, liens.get(personne.pk)) for personne in personnes]
    vus = [vu for vu in vus if not rpps or vu.rpps == rpps]
    return [vu for vu in vus if vu.actif] or vus


@dataclass(frozen=True)
class LigneLien:
    """One operator of the list: their link, or what their sheet says."""

    operateur: Operateur
    lien: RattachementPsc | None

    @property
    def identifiant(self) -> str:
        """Return what is shown: the RPPS, or the national identifier."""
        if self.lien is None:
            return self.operateur.rpps
        return self.lien.rpps or self.lien.national

    @property
    def etat(self) -> str:
        """Return the state, « absent » when there is nothing at all."""
        if self.lien is not None:
            return self.lien.etat
        return Etat.DECLARE.value if self.operateur.rpps else "absent"


def line_list(officine_id: int) -> list[LigneLien]:
    """Return who is here with their link, requests first; two queries."""
    liens = {
        lien.operateur_id: lien
        for lien in _here(officine_id).select_related("responsable", "declare_par")
    }
    personnes = Operateur.objects.filter(officine_id=officine_id, actif=True).order_by("code")
    lignes = [LigneLien(personne, liens.get(personne.pk)) for personne in personnes]
    return sorted(lignes, key=lambda ligne: ligne.etat != Etat.DEMANDE)


# Writing.


def check_right(acteur: Acteur, operateur: Operateur | None = None) -> None:
    """Raise PermissionError unless links may be managed by this actor."""
    decision = peut(acteur, DROIT, operateur)
    if not decision.ok:
        raise PermissionError(f"{decision.phrase} {decision.geste}".strip())


def _lock(officine_id: int, operateur_id: int) -> Operateur:
    """Return an operator, the row held: always before their link."""
    operateur = (
        Operateur.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk=operateur_id, officine_id=officine_id)
        .first()
    )
    if operateur is None:
        raise VenteRefusee("Cet opérateur n'existe pas dans votre officine.", "OPE-404")
    if not operateur.actif:
        raise VenteRefusee("Cet opérateur est parti : faites-le d'abord revenir.", "OPE-003")
    return operateur


def _note(acteur: Acteur, acte: str, lien: RattachementPsc, precision: str = "") -> None:
    audit.note(acteur, f"psc.lien.{acte}", f"operateur:{lien.operateur_id}", precision=precision)


def _free_from_departed(acteur: Acteur, saisie: IdentiteSaisie) -> None:
    """End the links of those who left: an identity is that of who is here (PSC-05)."""
    identite = Q(rpps=saisie.rpps) if saisie.rpps else Q(national=saisie.national)
    anciens = _here(acteur.officine_id).filter(identite, operateur__actif=False)
    for ancien in anciens.exclude(etat=Etat.DEMANDE):
        ancien.etat = Etat.RETIRE
        ancien.save(update_fields=["etat"])
        _note(acteur, "retirer", ancien, "parti")


def _create(
    acteur: Acteur, operateur: Operateur, saisie: IdentiteSaisie, etat: str, avis: str = ""
) -> RattachementPsc:
    """Replace the link of an operator. SaisieRefusee when the identity is somebody else's."""
    pris = (
        _here(acteur.officine_id)
        .exclude(operateur_id=operateur.pk)
        .exclude(etat=Etat.DEMANDE)
        .filter(Q(rpps=saisie.rpps) if saisie.rpps else Q(national=saisie.national))
    )
    champ = "rpps" if saisie.rpps else "national"
    if pris.filter(operateur__actif=True).exists():
        raise SaisieRefusee(champ, _PRIS)
    if etat != Etat.DEMANDE:
        _free_from_departed(acteur, saisie)
    _here(acteur.officine_id).filter(operateur_id=operateur.pk).update(etat=Etat.RETIRE)
    try:
        with transaction.atomic():
            return RattachementPsc.objects.create(
                officine_id=acteur.officine_id,
                operateur=operateur,
                environnement=environnement(),
                rpps=saisie.rpps,
                national=saisie.national,
                etat=etat,
                declare_par_id=acteur.operateur_id,
                avis=avis,
            )
    except IntegrityError as exc:
        # Two at once: the database kept the first (case 17).
        raise SaisieRefusee(champ, _PRIS) from exc


def declare(acteur: Acteur, operateur_id: int, saisie: IdentiteSaisie) -> RattachementPsc:
    """Write who an operator is at Pro Santé Connect, and the RPPS of their sheet with it.

    A proven link is not replaced so: see `change`. SaisieRefusee when the identity is somebody
    else's; PermissionError without the right. Source: psc.md §3.3; PSC-05.
    """
    check_right(acteur)
    with transaction.atomic():
        operateur = _lock(acteur.officine_id, operateur_id)
        lien = current(operateur)
        if lien is not None and lien.prouve_le is not None:
            raise VenteRefusee(
                "Ce rattachement est prouvé : un titulaire le change, avec son mot de passe.",
                "PSC-102",
            )
        equipe.check_rpps_free(operateur, saisie.rpps)
        lien = _create(acteur, operateur, saisie, Etat.DECLARE)
        equipe.write_rpps(acteur, operateur, saisie.rpps)
        _note(acteur, "declarer", lien)
    return lien


def propose(acteur: Acteur, saisie: IdentiteSaisie) -> RattachementPsc:
    """Ask for one's own link: declared at once with the right, else it waits for the titulaire.

    Source: psc.md §3.3, « Who »; §3.4 line 4; cases 12, 13.
    """
    if peut(acteur, DROIT).ok:
        return declare(acteur, acteur.operateur_id, saisie)
    with transaction.atomic():
        operateur = _lock(acteur.officine_id, acteur.operateur_id)
        lien = current(operateur)
        if (lien is not None and lien.etat != Etat.DEMANDE) or operateur.rpps:
            raise VenteRefusee(
                "Vous avez déjà un rattachement : le titulaire peut le changer.", "PSC-103"
            )
        equipe.check_rpps_free(operateur, saisie.rpps)
        lien = _create(acteur, operateur, saisie, Etat.DEMANDE)
        _note(acteur, "demander", lien)
    return lien


def request(operateur: Operateur, identite: Identite) -> RattachementPsc:
    """File the link of who gave their local secret and came with an identity nobody has.

    Declared at once when they hold the right; else it waits, and opens nothing meanwhile. A sheet
    that already says this RPPS needs no approval. Source: psc.md §3.4 line 4; cases 12, 13.
    """
    acteur = acteur_of(operateur, None)
    saisie = (
        IdentiteSaisie(identite.rpps) if identite.rpps else IdentiteSaisie("", identite.national)
    )
    lien = current(operateur)
    if lien is not None and (lien.rpps, lien.national) == (saisie.rpps, saisie.national):
        return lien
    if lien is None and saisie.rpps and saisie.rpps == operateur.rpps:
        with transaction.atomic():
            return _create(acteur, operateur, saisie, Etat.DECLARE)
    return propose(acteur, saisie)


def _owned(acteur: Acteur, lien_id: int, *etats: str) -> tuple[Operateur, RattachementPsc]:
    """Return the operator, held, and their link, in one of these states. VenteRefusee."""
    lien = _here(acteur.officine_id).filter(pk=lien_id).first()
    if lien is None:
        raise VenteRefusee("Ce rattachement n'existe plus.", "PSC-404")
    operateur = _lock(acteur.officine_id, lien.operateur_id)
    lien = _here(acteur.officine_id).filter(pk=lien_id, etat__in=etats).first()
    if lien is None:
        raise VenteRefusee("Ce rattachement vient de changer. Relisez-le.", "PSC-104")
    return operateur, lien


def approve(acteur: Acteur, lien_id: int) -> RattachementPsc:
    """Accept a request: the link is declared, the sheet says the RPPS.

    Source: psc.md §3.4, case 13.
    """
    check_right(acteur)
    with transaction.atomic():
        operateur, lien = _owned(acteur, lien_id, Etat.DEMANDE)
        equipe.check_rpps_free(operateur, lien.rpps)
        saisie = IdentiteSaisie(lien.rpps, lien.national)
        demandeur = lien.declare_par_id
        lien = _create(acteur, operateur, saisie, Etat.DECLARE)
        lien.declare_par_id = demandeur
        lien.save(update_fields=["declare_par"])
        equipe.write_rpps(acteur, operateur, saisie.rpps)
        _note(acteur, "approuver", lien)
    return lien


def suspend(acteur: Acteur, lien_id: int, motif: str) -> None:
    """Make a link open nothing, the sheet unchanged; their sessions end. SaisieRefusee: no reason.

    Source: psc.md §3.3, « Link status ».
    """
    check_right(acteur)
    if not motif.strip():
        raise SaisieRefusee("motif", "Donnez le motif : l'opérateur le lira.")
    with transaction.atomic():
        operateur, lien = _owned(acteur, lien_id, Etat.DECLARE, Etat.PROUVE)
        lien.etat, lien.motif_suspension = Etat.SUSPENDU, motif.strip()[:200]
        lien.save(update_fields=["etat", "motif_suspension"])
        _note(acteur, "suspendre", lien)
        sessions.end_of_operateur(operateur.officine_id, operateur.pk, "rattachement_suspendu")


def resume(acteur: Acteur, lien_id: int) -> None:
    """Give a suspended link its state again. PermissionError without the right."""
    check_right(acteur)
    with transaction.atomic():
        _operateur, lien = _owned(acteur, lien_id, Etat.SUSPENDU)
        lien.etat = Etat.PROUVE if lien.prouve_le else Etat.DECLARE
        lien.motif_suspension = ""
        lien.save(update_fields=["etat", "motif_suspension"])
        _note(acteur, "reprendre", lien)


def remove(acteur: Acteur, lien_id: int, mot_de_passe: str = "") -> None:
    """Take a link away, and the RPPS of the sheet with it; a request is only refused.

    Their sessions end. One that is proved wants what its change wants: taking it away, then
    declaring another, is changing it. PermissionError, ConnexionRefusee. Source: psc.md §3.3.
    """
    check_right(acteur)
    if _here(acteur.officine_id).filter(pk=lien_id, prouve_le__isnull=False).exists():
        _check_titulaire(acteur, mot_de_passe)
    with transaction.atomic():
        operateur, lien = _owned(acteur, lien_id, Etat.DEMANDE, *_VIVANTS)
        demande = lien.etat == Etat.DEMANDE
        lien.etat = Etat.RETIRE
        lien.save(update_fields=["etat"])
        _note(acteur, "refuser" if demande else "retirer", lien)
        if not demande:
            equipe.write_rpps(acteur, operateur, "")
            sessions.end_of_operateur(operateur.officine_id, operateur.pk, "rattachement_retire")


def _check_titulaire(acteur: Acteur, mot_de_passe: str) -> None:
    """Raise unless a titulaire gives their own password again; a wrong one counts."""
    if acteur.role != Operateur.Role.TITULAIRE:
        raise PermissionError("Un rattachement prouvé se change par un titulaire. PSC-105")
    connexion.confirm_password(acteur, mot_de_passe)


_VIVANTS = (Etat.DECLARE, Etat.PROUVE, Etat.SUSPENDU)


def change(
    acteur: Acteur, operateur_id: int, saisie: IdentiteSaisie, mot_de_passe: str
) -> RattachementPsc:
    """Replace the identity of a proven link: a titulaire, who gives their password again.

    The operator's sessions end, they are told at their next sign-in; the new link is to be proved.
    PermissionError, ConnexionRefusee (password), SaisieRefusee. Source: psc.md §3.3; case 21.
    """
    check_right(acteur)
    _check_titulaire(acteur, mot_de_passe)
    with transaction.atomic():
        operateur = _lock(acteur.officine_id, operateur_id)
        ancien = current(operateur)
        if ancien is None or ancien.prouve_le is None:
            raise VenteRefusee("Ce rattachement vient de changer. Relisez-le.", "PSC-104")
        if (ancien.rpps, ancien.national) == (saisie.rpps, saisie.national):
            raise SaisieRefusee("rpps", "C'est déjà l'identité de cet opérateur.")
        equipe.check_rpps_free(operateur, saisie.rpps)
        avis = AVIS_CHANGE if operateur.pk != acteur.operateur_id else ""
        lien = _create(acteur, operateur, saisie, Etat.DECLARE, avis)
        if ancien.responsable_id:
            lien.responsable_id = ancien.responsable_id
            lien.save(update_fields=["responsable"])
        equipe.write_rpps(acteur, operateur, saisie.rpps)
        _note(acteur, "changer", lien)
        sessions.end_of_operateur(operateur.officine_id, operateur.pk, "rattachement_change")
    return lien


def follow_sheet(evenement: RppsChange) -> None:
    """Keep the link with the sheet, in the sheet's transaction.

    SaisieRefusee for a proven one: it changes in « Rattachements », with the password.
    Source: psc.md §3.3; case 9.
    """
    operateur = Operateur.objects.get(
        pk=evenement.operateur_id, officine_id=evenement.acteur.officine_id
    )
    lien = current(operateur)
    if lien is not None and lien.rpps == operateur.rpps and lien.etat != Etat.DEMANDE:
        return
    if lien is not None and lien.national and not operateur.rpps:
        return
    if lien is not None and lien.prouve_le is not None:
        raise SaisieRefusee(
            "rpps",
            "Cette identité est prouvée par Pro Santé Connect : changez-la dans « Rattachements ».",
        )
    if operateur.rpps:
        lien = _create(evenement.acteur, operateur, IdentiteSaisie(operateur.rpps), Etat.DECLARE)
        _note(evenement.acteur, "declarer", lien, "fiche")
    elif lien is not None and lien.etat != Etat.DEMANDE:
        lien.etat = Etat.RETIRE
        lien.save(update_fields=["etat"])
        _note(evenement.acteur, "retirer", lien, "fiche")


def prove(operateur: Operateur, authentifie: Authentifie) -> RattachementPsc:
    """Keep that this identity was accepted for this operator; what it said is kept each time.

    In the caller's transaction, once the decision tables said so. Source: psc.md §3.3; PSC-09.
    """
    identite, acteur = authentifie.identite, acteur_of(operateur, None)
    lien = current(operateur)
    if lien is None or lien.etat == Etat.DEMANDE:
        lien = _create(acteur, operateur, _of_identity(identite), Etat.DECLARE)
    if lien.etat == Etat.DECLARE:
        lien.etat, lien.prouve_le = Etat.PROUVE, timezone.now()
        _note(acteur, "prouver", lien)
    lien.dernier_sub, lien.dernier_emetteur = identite.sub, settings.PSC_EMETTEUR
    lien.derniers_noms = f"{identite.prenom} {identite.nom}"
    lien.save()
    return lien


# Under whom (PSC-15), and what is to be read.


def responsible_list(officine_id: int) -> list[Operateur]:
    """Return the pharmacists who are here today, under whom a préparateur may act."""
    roles = (Operateur.Role.TITULAIRE, Operateur.Role.ADJOINT, Operateur.Role.REMPLACANT)
    return list(
        Operateur.objects.en_poste()
        .filter(officine_id=officine_id, role__in=roles)
        .order_by("code")
    )


def entrust(acteur: Acteur, lien_id: int, responsable_id: int) -> None:
    """Write under which pharmacist's responsibility somebody acts. Source: PSC-15."""
    check_right(acteur)
    with transaction.atomic():
        operateur, lien = _owned(acteur, lien_id, *_VIVANTS)
        presents = {personne.pk for personne in responsible_list(acteur.officine_id)}
        if operateur.est_pharmacien or responsable_id not in presents:
            raise SaisieRefusee("responsable", "Choisissez un pharmacien présent.")
        lien.responsable_id = responsable_id
        lien.save(update_fields=["responsable"])
        _note(acteur, "responsable", lien, f"operateur:{responsable_id}")


def note_responsible(operateur: Operateur, lien: RattachementPsc) -> None:
    """Record, as a session opens, under whom somebody who is no pharmacist acts.

    Theirs if one was named, else the only titulaire who is here; « absent » when neither says.
    Source: PSC-15.
    """
    if operateur.est_pharmacien:
        return
    presents = responsible_list(operateur.officine_id)
    nommes = [p for p in presents if p.pk == lien.responsable_id]
    titulaires = [p for p in presents if p.role == Operateur.Role.TITULAIRE]
    seul = nommes or (titulaires if len(titulaires) == 1 else [])
    audit.note(
        acteur_of(operateur, None),
        "psc.responsable",
        f"operateur:{seul[0].pk}" if seul else "",
        resultat="ok" if seul else "absent",
    )


def has_notice(operateur: Operateur) -> bool:
    """Tell whether something is to be read at the sign-in (case 21)."""
    return _here(operateur.officine_id).filter(operateur_id=operateur.pk).exclude(avis="").exists()


def mark_read(acteur: Acteur) -> None:
    """Forget the notice that the operator has read."""
    with transaction.atomic():
        for lien in _here(acteur.officine_id).filter(operateur_id=acteur.operateur_id):
            lien.avis = ""
            lien.save(update_fields=["avis"])
            _note(acteur, "lu", lien)
