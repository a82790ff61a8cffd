"""Forms of the identity dialogs: nothing is preselected, what is missing is named."""

from typing import Any

from django import forms

from ins.rules.pieces import shown

REPONSES = (
    ("conforme", "La pièce montre exactement ces traits"),
    ("differente", "La pièce montre autre chose"),
    ("douteuse", "La pièce montre une autre personne"),
)
SANS_PIECE = (("aucune", "Aucune pièce présentée"), ("refusee", "Refuse de présenter une pièce"))


class DecisionForm(forms.Form):
    """« Is it this person? »: the answer looked at, yes or no, and why not."""

    appel = forms.IntegerField(min_value=1)
    reponse = forms.CharField(
        max_length=20, error_messages={"required": "Choisissez une des réponses."}
    )


class QualifierForm(forms.Form):
    """Which document, and what it shows, for the traits that were on the screen."""

    traits_version = forms.IntegerField(min_value=1)
    piece = forms.CharField(max_length=6, required=False)
    reponse = forms.ChoiceField(
        choices=REPONSES + SANS_PIECE,
        error_messages={
            "required": "Dites ce que montre la pièce, ou qu'il n'y en a pas.",
            "invalid_choice": "Choisissez une des réponses proposées.",
        },
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the document when an answer rests on one; only those offered are taken."""
        donnees = super().clean() or {}
        if donnees.get("reponse") in dict(REPONSES) and donnees.get("piece") not in {
            piece.code for piece in shown()
        }:
            self.add_error("piece", "Choisissez la pièce présentée.")
        return donnees
