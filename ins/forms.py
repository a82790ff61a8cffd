"""Forms of the identity dialogs: nothing is preselected, what is missing is named."""

from typing import Any

from django import forms

from ins.rules.pieces import shown
from ins.services.fusion import MOTIFS, Choix

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


class FusionForm(forms.Form):
    """Which file is kept, whose names and card, why; for the two files as they were shown."""

    vues = forms.CharField(max_length=80)
    garde = forms.IntegerField(
        min_value=1, error_messages={"required": "Choisissez le dossier que vous gardez."}
    )
    nom_utilise = forms.IntegerField(required=False)
    prenom_utilise = forms.IntegerField(required=False)
    carte = forms.IntegerField(required=False)
    motif = forms.ChoiceField(
        choices=list(MOTIFS.items()),
        error_messages={
            "required": "Dites pourquoi ces dossiers sont ceux d'une personne.",
            "invalid_choice": "Choisissez un des motifs proposés.",
        },
    )

    @property
    def choix(self) -> Choix:
        """Return what was chosen."""
        lu = self.cleaned_data
        return Choix(
            lu["motif"],
            lu["vues"],
            lu["nom_utilise"] or 0,
            lu["prenom_utilise"] or 0,
            lu["carte"] or 0,
        )
