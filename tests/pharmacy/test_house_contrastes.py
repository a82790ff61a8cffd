"""The colours of the counter keep their contrasts, by day and by night.

Source: ux.md « Look » (AA everywhere, AAA for what is read during a sale);
WCAG 2.1 §1.4.3, §1.4.6, §1.4.11.
"""

import re
from pathlib import Path

import pytest

FEUILLE = Path(__file__).resolve().parents[2] / "static/css/comptoir.css"
THEMES = ("jour", "nuit", "nuit, choisie")
FONDS = ("papier", "surface", "creux")
LU_EN_VENTE = [
    *[
        ("encre", fond)
        for fond in (*FONDS, "vert-pale", "ambre-pale", "rouge-pale", "national-pale")
    ],
    *[("encre-douce", fond) for fond in (*FONDS, "vert-pale", "ambre-pale")],
    *[(teinte, fond) for teinte in ("vert", "ambre", "rouge", "national") for fond in FONDS],
    *[(teinte, f"{teinte}-pale") for teinte in ("vert", "ambre", "rouge", "national")],
    ("sur-vert", "vert"),
    ("sur-vert", "vert-vif"),
    ("sur-ruban-simulateur", "ruban-simulateur"),
    ("sur-ruban-bac-a-sable", "ruban-bac-a-sable"),
]
BORDS = [
    (bord, fond)
    for bord in ("trait-fort", "ambre-trait", "rouge-trait", "national-trait", "anneau")
    for fond in FONDS
]


def read_tokens(theme: str) -> dict[str, str]:
    """Return the colours declared after the comment that names the theme."""
    bloc = re.search(
        rf"/\* {theme} \*/(.*?)\n\s*}}", FEUILLE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert bloc is not None, theme
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", bloc.group(1)))


def compute_luminance(couleur: str) -> float:
    """Return the relative luminance of « #rrggbb »."""
    canaux = [int(couleur[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    rouge, vert, bleu = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in canaux
    )
    return 0.2126 * rouge + 0.7152 * vert + 0.0722 * bleu


def compute_ratio(une: str, autre: str) -> float:
    """Return the contrast ratio of two colours."""
    sombre, claire = sorted((compute_luminance(une), compute_luminance(autre)))
    return (claire + 0.05) / (sombre + 0.05)


def test_black_on_white_is_21_and_a_known_grey_is_4_54() -> None:
    assert compute_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert compute_ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("texte", "fond"), LU_EN_VENTE)
def test_what_is_read_in_a_sale_is_aaa(theme: str, texte: str, fond: str) -> None:
    tokens = read_tokens(theme)
    assert compute_ratio(tokens[texte], tokens[fond]) >= 7


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("bord", "fond"), BORDS)
def test_borders_and_focus_ring_are_seen(theme: str, bord: str, fond: str) -> None:
    tokens = read_tokens(theme)
    assert compute_ratio(tokens[bord], tokens[fond]) >= 3


def test_the_chosen_night_is_the_night_of_the_system() -> None:
    assert read_tokens("nuit, choisie") == read_tokens("nuit")


def test_no_colour_outside_the_tokens() -> None:
    ailleurs = FEUILLE.read_text(encoding="utf-8").split("@layer base {", 1)[1]
    ecran = ailleurs.split("@layer impression {", 1)
    hors_impression = ecran[0] + (ecran[1].split("@layer", 1)[1] if "@layer" in ecran[1] else "")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=\s*[;,)])", hors_impression) == []
