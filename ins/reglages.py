"""Settings of the identity: Paramètres Officine > Paramètres > Client, « Identitovigilance »."""

from ins.rules.copies import MOIS_MAX
from ins.rules.pieces import optional
from ins.rules.traits import Tolerances
from pharmacy.parametres import (
    OUI_NON,
    Reglage,
    ValeurRefusee,
    becomes,
    raises,
    register,
    valeurs,
)

PANNEAU, SECTION = "Client", "Identitovigilance"
RAPPELS = "ins.rappels_piece"
APPRENTI_QUALIFIE = "ins.apprenti_qualifie"
ADJOINT_FUSIONNE = "ins.adjoint_fusionne"
PERIMEE_ACCEPTEE = "ins.piece_perimee_acceptee"
PERIMEE_ANNEES = "ins.piece_perimee_annees"
PIECES_AJOUTEES = "ins.pieces_ajoutees"
COPIE_PIECE = "ins.copie_piece"
COPIE_MOIS = "ins.copie_mois"
# Setting -> (field of Tolerances, in short on the dialog, whole, what happens otherwise).
TOLERANCES = {
    "ins.tolerer_prenoms": (
        "prenoms_suivants",
        "prénoms suivants",
        "prénoms suivants absents ou dans un autre ordre",
        "tous les prénoms doivent s'y lire, dans l'ordre",
    ),
    "ins.tolerer_lieu": (
        "lieu_absent",
        "lieu absent",
        "lieu de naissance absent de la pièce",
        "le lieu de naissance doit s'y lire",
    ),
    "ins.tolerer_arrondissement": (
        "arrondissement",
        "arrondissement",
        "arrondissement au lieu de la commune",
        "Paris, Lyon et Marseille doivent être écrits comme au dossier",
    ),
    "ins.tolerer_date": (
        "date_interpretee",
        "date incomplète",
        "date incomplète, complétée par la règle",
        "le jour et le mois doivent s'y lire",
    ),
}


def read_codes(brut: str) -> str:
    """Return codes of documents, tidied: « eCN TC ». ValeurRefusee names the one unknown.

    Only documents of high confidence may be added: the others prove nothing (ins.md §2.3).
    """
    connus = {piece.code.casefold(): piece.code for piece in optional() if piece.niveau == "fort"}
    codes = []
    for mot in brut.replace(",", " ").split():
        code = connus.get(mot.casefold())
        if code is None:
            raise ValeurRefusee(
                f"« {mot[:12]} » n'est pas un code de pièce : {', '.join(connus.values())}."
            )
        codes.append(code)
    return " ".join(dict.fromkeys(codes))


def _names() -> str:
    return ", ".join(
        f"{piece.code} ({piece.libelle})" for piece in optional() if piece.niveau == "fort"
    )


REGLAGES = (
    Reglage(
        cle=RAPPELS,
        libelle="Rappels du contrôle d'identité",
        effet="Quand l'INS est récupérée et qu'aucune pièce n'est présentée, le contrôle se "
        "rouvre de lui-même ce nombre de délivrances, puis plus jamais.",
        panneau=PANNEAU,
        section=SECTION,
        defaut=3,
        mini=0,
        maxi=9,
    ),
    Reglage(
        cle=PIECES_AJOUTEES,
        libelle="Autres pièces proposées",
        effet=f"Aux pièces de toujours s'ajoutent celles dont le code est donné ici : {_names()}.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="",
        verifier=read_codes,
    ),
    Reglage(
        cle=PERIMEE_ACCEPTEE,
        libelle="Pièce périmée acceptée",
        effet="Une pièce périmée qualifie l'identité, avec un avertissement, si la photo "
        "permet de reconnaître la personne. Sinon elle ne qualifie jamais.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="oui",
        choix=OUI_NON,
        desserre=becomes("oui"),
    ),
    Reglage(
        cle=PERIMEE_ANNEES,
        libelle="Pièce périmée depuis (années au plus)",
        effet="Au-delà de ce délai, une pièce périmée ne qualifie plus l'identité.",
        panneau=PANNEAU,
        section=SECTION,
        defaut=5,
        mini=0,
        maxi=15,
        desserre=raises,
    ),
    Reglage(
        cle=COPIE_PIECE,
        libelle="Garder une copie des pièces",
        effet="Sur la page Identité, un pharmacien peut joindre une copie de la pièce contrôlée ; "
        "elle est chiffrée et supprimée à sa date. Sinon aucune copie n'est prise ; celles qui "
        "existent sont supprimées à leur date.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="non",
        choix=OUI_NON,
        desserre=becomes("oui"),
    ),
    Reglage(
        cle=COPIE_MOIS,
        libelle="Copies gardées (mois)",
        effet="Une copie prise désormais est supprimée après ce délai, cinq ans au plus.",
        panneau=PANNEAU,
        section=SECTION,
        defaut=12,
        mini=1,
        maxi=MOIS_MAX,
        desserre=raises,
    ),
    Reglage(
        cle=APPRENTI_QUALIFIE,
        libelle="Les apprentis et les étudiants qualifient",
        effet="Sinon ils récupèrent l'INS, et un collègue contrôle la pièce.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="oui",
        choix=OUI_NON,
        desserre=becomes("oui"),
    ),
    Reglage(
        cle=ADJOINT_FUSIONNE,
        libelle="Les adjoints lèvent un doute et fusionnent",
        effet="Sinon, seul le titulaire lève un doute, fusionne deux dossiers ou les sépare.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="oui",
        choix=OUI_NON,
        desserre=becomes("oui"),
    ),
)


def tolerances_of(officine_id: int) -> Tolerances:
    """Return the differences that an officine tolerates between a document and the traits.

    One query. Source: ins.md §2.4, « Tolerated » (put in settings).
    """
    lues = valeurs(officine_id, *TOLERANCES)
    return Tolerances(**{TOLERANCES[cle][0]: lue == "oui" for cle, lue in lues.items()})


def tolerated_words(officine_id: int) -> list[str]:
    """Return what the counter need not look at on a document, in words."""
    admis = tolerances_of(officine_id)
    return ["tirets", "accents"] + [
        mot for champ, mot, *_ in TOLERANCES.values() if getattr(admis, champ)
    ]


_TOLERANCES = tuple(
    Reglage(
        cle=cle,
        libelle=f"Toléré : {mots}",
        effet=f"Cette différence entre la pièce et le dossier ne compte pas ; sinon {sinon}.",
        panneau=PANNEAU,
        section=SECTION,
        defaut="oui",
        choix=OUI_NON,
        desserre=becomes("oui"),
    )
    for cle, (_, _, mots, sinon) in TOLERANCES.items()
)


def register_all() -> None:
    """Add the settings to the page (TIT-06, TIT-08)."""
    for reglage in (*REGLAGES, *_TOLERANCES):
        register(reglage)
