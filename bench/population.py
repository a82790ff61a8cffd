"""Invented people by the million, drawn from a seed: common French names, and a long rare tail.

Frequencies fall as in a real base (a few names carry many people), so that « MARTIN » is a hard
search and « TREZOUVEL » an easy one. Nobody here exists.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

NOMS = (
    "MARTIN BERNARD THOMAS PETIT ROBERT RICHARD DURAND DUBOIS MOREAU LAURENT SIMON MICHEL LEFEBVRE "
    "LEROY ROUX DAVID BERTRAND MOREL FOURNIER GIRARD BONNET DUPONT LAMBERT FONTAINE ROUSSEAU "
    "VINCENT MULLER LEFEVRE FAURE ANDRE MERCIER BLANC GUERIN BOYER GARNIER CHEVALIER FRANCOIS "
    "LEGRAND GAUTHIER GARCIA PERRIN ROBIN CLEMENT MORIN NICOLAS HENRY ROUSSEL MATHIEU GAUTIER "
    "MASSON MARCHAND DUVAL DENIS DUMONT MARIE LEMAIRE NOEL MEYER DUFOUR MEUNIER BRUN BLANCHARD "
    "GIRAUD JOLY RIVIERE LUCAS BRUNET GAILLARD BARBIER ARNAUD MARTINEZ GERARD ROCHE RENARD SCHMITT "
    "ROY LEROUX COLIN VIDAL CARON PICARD ROGER FABRE AUBERT LEMOINE RENAUD DUMAS LACROIX OLIVIER "
    "PHILIPPE BOURGEOIS PIERRE BENOIT REY LECLERC PAYET ROLLAND LECLERCQ GUILLAUME LECOMTE LOPEZ "
    "JEAN DUPUY GUILLOT HUBERT BERGER CARPENTIER SANCHEZ DUPUIS MOULIN LOUIS DESCHAMPS HUET VASSEUR "
    "PEREZ BOUCHER FLEURY ROYER KLEIN JACQUET ADAM PARIS POIRIER MARTY AUBRY GUYOT CARRE CHARLES "
    "RENAULT CHARPENTIER MENARD MAILLARD BARON BERTIN BAILLY HERVE SCHNEIDER FERNANDEZ LE_GALL "
    "LE_GOFF DE_LA_TOUR D'ARTAGNAN DE_OLIVEIRA EL_AMRANI BEN_AMOR SAINT-JEAN DU_PONT LE_ROUX"
).split()
PRENOMS_F = (
    "MARIE JEANNE FRANCOISE MONIQUE CATHERINE NATHALIE ISABELLE JACQUELINE SYLVIE ANNE MARTINE "
    "MADELEINE NICOLE SUZANNE HELENE CHRISTINE MARGUERITE DENISE CHRISTIANE VALERIE SOPHIE LOUISE "
    "SANDRINE STEPHANIE VERONIQUE CELINE CHANTAL AURELIE JULIE CAROLINE EMILIE CAMILLE LEA MANON "
    "CHLOE SARAH LAURA ZOE ANAIS LUCIE ALICE EMMA INES JADE LINA ROSE ANNE-MARIE MARIE-LOU "
    "MARIE-CLAUDE ANNE-SOPHIE FATIMA YASMINE KHADIJA PALOMA"
).split()
PRENOMS_M = (
    "JEAN PIERRE MICHEL ANDRE PHILIPPE RENE LOUIS ALAIN JACQUES BERNARD MARCEL DANIEL ROGER PAUL "
    "ROBERT CLAUDE HENRI CHRISTIAN NICOLAS GEORGES MAURICE LAURENT PATRICK CHRISTOPHE DAVID JULIEN "
    "PASCAL THIERRY STEPHANE THOMAS MAXIME GUILLAUME ALEXANDRE LUCAS HUGO THEO ENZO GABRIEL RAPHAEL "
    "ARTHUR LEO NATHAN JULES ADAM MOHAMED MEHDI JEAN-PIERRE JEAN-CHRISTOPHE PIERRE-ALAIN "
    "JEAN-BAPTISTE FRANCOIS YVES GILLES"
).split()
_DEBUTS = "BA BRE CHA CAR DEL FAU GRI JO KER LAN MAR MON PEL QUE RAS SAL TRE VAL VER ZAM".split()
_MILIEUX = "BE CHE DI FAN GUI LO MI NA PO RIN SEL TA VOU ZOU".split()
_FINS = "BERT CHON DET EL FIER GNAC LLE MONT NEC RAND SARD TIER VEL ZAC".split()


@dataclass(frozen=True)
class Personne:
    """One invented person; `nom` is the birth name."""

    nom: str = field(repr=False)
    prenom: str = field(repr=False)
    prenoms: str = field(repr=False)
    naissance: date = field(repr=False)
    sexe: str = field(repr=False)
    cog: str
    nom_utilise: str = field(repr=False, default="")


def _weights(nombre: int) -> list[float]:
    """Return weights that fall with the rank, as family names do."""
    total, poids = 0.0, []
    for rang in range(1, nombre + 1):
        total += 1 / (rang + 4)
        poids.append(total)
    return poids


_POIDS_NOMS = _weights(len(NOMS))
_POIDS_F = _weights(len(PRENOMS_F))
_POIDS_M = _weights(len(PRENOMS_M))
_ORIGINE = date(1925, 1, 1)
_JOURS = (date(2025, 12, 31) - _ORIGINE).days


def _name(hasard: random.Random) -> str:
    """Four in ten carry a common name; the others, one of a few hundred thousand rare ones."""
    if hasard.random() < 0.4:
        return hasard.choices(NOMS, cum_weights=_POIDS_NOMS)[0].replace("_", " ")
    milieu = "".join(hasard.choice(_MILIEUX) for _ in range(hasard.choice((0, 1, 1, 2))))
    return hasard.choice(_DEBUTS) + milieu + hasard.choice(_FINS)


def people(nombre: int, graine: int) -> Iterator[Personne]:
    """Yield `nombre` people; the same seed gives the same ones."""
    hasard = random.Random(graine)  # noqa: S311 - invented people, no secret
    for _ in range(nombre):
        femme = hasard.random() < 0.54
        liste, poids = (PRENOMS_F, _POIDS_F) if femme else (PRENOMS_M, _POIDS_M)
        prenoms = hasard.choices(liste, cum_weights=poids, k=hasard.choice((1, 2, 2, 3)))
        prenoms = list(dict.fromkeys(prenoms))
        yield Personne(
            _name(hasard),
            prenoms[0],
            " ".join(prenoms),
            _ORIGINE + timedelta(days=hasard.randrange(_JOURS)),
            "F" if femme else "M",
            f"{hasard.randrange(1, 96):02d}{hasard.randrange(1, 600):03d}",
            _name(hasard) if femme and hasard.random() < 0.35 else "",
        )
