"""The one gate: may this identity go out, under which form, and if not, why and what next.

Pure. Everything that leaves the officine about a person asks here: documents, messages, the DMP,
prints, national calls. Source: ins.md §2.1 « Gate table », §2.2, §2.10, §6bis; INS-20, INS-31.
"""

from dataclasses import dataclass

from pharmacy.decision import Decision

INS, LOCALE, AUCUNE = "ins", "locale", ""


@dataclass(frozen=True)
class EtatIdentite:
    """What the gate looks at: never a trait, never a matricule."""

    statut: str
    douteuse: bool = False
    fictive: bool = False
    anonyme: bool = False
    sexe_connu: bool = True
    lieu_connu: bool = True
    decedee: bool = False


@dataclass(frozen=True)
class Sortie(Decision):
    """A decision, and the form under which the identity goes: « ins », « locale », or none."""

    forme: str = AUCUNE


@dataclass(frozen=True)
class _Regle:
    """Statuses that let an action through; whether it is a national call, carries the INS."""

    statuts: frozenset[str]
    nationale: bool = False
    porte_ins: bool = False
    complete: bool = False
    choisie_apres_deces: bool = False


_TOUS = frozenset({"PROV", "RECUP", "VALI", "QUAL"})
_QUAL = frozenset({"QUAL"})
_AVEC_INS = frozenset({"RECUP", "QUAL"})
ACTIONS: dict[str, _Regle] = {
    "delivrer": _Regle(_TOUS),
    "ordonnance.lire": _Regle(_TOUS, nationale=True),
    "matricule.transmettre": _Regle(_QUAL, porte_ins=True),
    "document.produire": _Regle(frozenset({"VALI", "QUAL"}), complete=True),
    "dmp.alimenter": _Regle(
        _QUAL, nationale=True, porte_ins=True, complete=True, choisie_apres_deces=True
    ),
    "message.patient": _Regle(_QUAL, nationale=True, porte_ins=True, choisie_apres_deces=True),
    "message.professionnel": _Regle(_TOUS),
    "ins.imprimer": _Regle(_QUAL, porte_ins=True),
    "insi.recuperer": _Regle(_TOUS, nationale=True, choisie_apres_deces=True),
    "insi.verifier": _Regle(_AVEC_INS, nationale=True, choisie_apres_deces=True),
}
_RAISONS = {
    "PROV": ("Identité provisoire : l'INS n'est pas récupérée.", "Lisez la carte Vitale."),
    "RECUP": ("Identité non qualifiée.", "Contrôlez une pièce d'identité (² Q)."),
    "VALI": ("Identité validée, sans INS.", "Interrogez INSi (² I)."),
}
_REFUS = {
    "anonyme": ("Anonymat prévu par la loi : rien ne part de cette personne.", "Poursuivez."),
    "fictive": ("Identité fictive : rien ne part sous ce nom.", "Poursuivez la délivrance."),
    "douteuse": ("Identité douteuse : appel bloqué.", "Levez le doute, ou poursuivez."),
    "lieu": (
        "Le lieu de naissance manque : le document serait refusé.",
        "Interrogez INSi, ou complétez le dossier.",
    ),
    "sexe": ("Le sexe manque ou est indéterminé : le document serait refusé.", "Interrogez INSi."),
    "decedee": ("Personne décédée.", "Confirmez que l'acte est voulu."),
}


def _refuse(motif: str) -> Sortie:
    phrase, geste = _REFUS[motif]
    return Sortie(ok=False, phrase=phrase, geste=geste)


def peut_sortir_de(action: str, etat: EtatIdentite, *, confirme: bool = False) -> Sortie:
    """Tell whether an identity in this state allows `action`, and under which form it goes.

    `confirme`: a person confirmed the act for someone who died. KeyError for an unknown action.
    Only a qualified identity puts the matricule in what leaves (EXI SI 08). Source: ins.md §2.1.
    """
    regle = ACTIONS[action]
    if motif := _forbidden(regle, etat):
        return _refuse(motif)
    if etat.statut not in regle.statuts:
        phrase, geste = _RAISONS[etat.statut]
        return Sortie(ok=False, phrase=phrase, geste=geste)
    forme = INS if etat.statut == "QUAL" else LOCALE
    if regle.complete and forme == INS and not etat.sexe_connu:
        return _refuse("sexe")
    if regle.complete and forme == INS and not etat.lieu_connu:
        return _refuse("lieu")
    if regle.choisie_apres_deces and etat.decedee and not confirme:
        return _refuse("decedee")
    return Sortie(ok=True, forme=forme)


def _forbidden(regle: _Regle, etat: EtatIdentite) -> str:
    """Return why no status can help: anonymity, fiction, doubt; empty when nothing forbids."""
    sort = regle.nationale or regle.porte_ins or regle.complete
    if not sort:
        return ""
    if etat.anonyme:
        return "anonyme"
    if etat.fictive:
        return "fictive"
    # A prescription is read by its number: a doubt on the person does not stop the delivery.
    est_lecture = regle.statuts == _TOUS and not regle.choisie_apres_deces
    return "douteuse" if etat.douteuse and not est_lecture else ""


def peut_sortir(action: str, statut: str) -> Sortie:
    """Tell the same of an identity with no attribute and all its traits, by its status alone.

    Source: ins.md §2.1.
    """
    return peut_sortir_de(action, EtatIdentite(statut))
