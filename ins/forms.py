"""Forms of the identity dialogs: nothing is preselected, what is missing is named."""

import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.utils import timezone

from ins.rules.pieces import shown
from ins.rules.question import Question
from pharmacy.models import Patient
from pharmacy.rules.naissance import is_possible, parse_said
from pharmacy.rules.noms import (
    CaractereRefuse,
    ProfilRefuse,
    check_birth_name,
    check_first_name,
    normalise,
)

REPONSES = (
    ("conforme", "La pièce montre exactement ces traits"),
    ("differente", "La pièce montre autre chose"),
    ("douteuse", "La pièce montre une autre personne"),
)
SANS_PIECE = (("aucune", "Aucune pièce présentée"), ("refusee", "Refuse de présenter une pièce"))


_COG = re.compile(r"[0-9][0-9AB][0-9]{3}")


class DecisionForm(forms.Form):
    """« Is it this person? »: the answer looked at, yes or no, and why not."""

    appel = forms.IntegerField(min_value=1)
    reponse = forms.CharField(
        max_length=20, error_messages={"required": "Choisissez une des réponses."}
    )
    dossier = forms.IntegerField(min_value=1, required=False)
    garder_nom = forms.BooleanField(required=False)


def clean_birth_name(texte: str) -> str:
    """Return a birth name as it is sent; ValidationError names what cannot be."""
    return _strict(texte, check_birth_name)


def clean_first_names(texte: str) -> tuple[str, ...]:
    """Return first names in order, one value each; a comma separates them as on a document."""
    net = _strict(texte.replace(",", " "), lambda _prenoms: None)
    for prenom in net.split():
        _strict(prenom, check_first_name)
    return tuple(net.split())


def _strict(texte: str, check: Callable[[str], None]) -> str:
    try:
        net = normalise(texte)
        check(net)
    except (CaractereRefuse, ProfilRefuse) as exc:
        raise forms.ValidationError(str(exc)) from exc
    return net


def clean_place(texte: str) -> str:
    """Return a birth place code, or nothing; ValidationError when it has not its shape."""
    net = texte.strip().upper()
    if net and not _COG.fullmatch(net):
        raise forms.ValidationError(
            "Le code du lieu a cinq caractères : 63113, 2A004 ; à l'étranger, 99 et trois chiffres."
        )
    return net


class TraitsForm(forms.Form):
    """A question by traits: birth name and first names; the rest comes from the file.

    Sex and birth date are asked for only when the file lacks them, because the service refuses a
    question without them (INS-11, T1). Never a matricule (INS-29).
    """

    nom = forms.CharField(
        label="Nom de naissance",
        max_length=100,
        error_messages={"required": "Donnez le nom de naissance."},
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    prenoms = forms.CharField(
        label="Prénoms de naissance, dans l'ordre",
        max_length=100,
        error_messages={"required": "Donnez au moins le premier prénom de naissance."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    sexe = forms.ChoiceField(
        label="Sexe à l'état civil",
        choices=(("M", "Masculin"), ("F", "Féminin")),
        widget=forms.RadioSelect,
        error_messages={
            "required": "INSi demande le sexe, F ou M, comme à l'état civil.",
            "invalid_choice": "INSi demande le sexe, F ou M, comme à l'état civil.",
        },
    )
    naissance = forms.CharField(
        label="Date de naissance",
        max_length=10,
        error_messages={"required": "INSi demande la date de naissance."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    lieu = forms.CharField(
        label="Code du lieu de naissance",
        max_length=5,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    confirme = forms.BooleanField(required=False)

    def __init__(self, data: Any, patient: Patient | None) -> None:  # noqa: ANN401 - QueryDict
        self.patient = patient
        super().__init__(data, initial=_of_file(patient))

    @property
    def manquants(self) -> list[str]:
        """Return what the file cannot fill and the service needs."""
        connus = self.initial
        return [nom for nom in ("sexe", "naissance") if not connus.get(nom)]

    def clean_nom(self) -> str:
        """Return the name as it is sent."""
        return clean_birth_name(self.cleaned_data["nom"])

    def clean_prenoms(self) -> tuple[str, ...]:
        """Return first names in order."""
        return clean_first_names(self.cleaned_data["prenoms"])

    def clean_lieu(self) -> str:
        """Return the place code, or nothing."""
        return clean_place(self.cleaned_data["lieu"])

    def clean_naissance(self) -> str:
        """Return the date as it is sent; what is not known is completed by rule (cases 40, 41)."""
        dite = parse_said(self.cleaned_data["naissance"])
        if dite is None:
            raise forms.ValidationError("Donnez la date sous la forme 22/12/1975, 12/1975 ou 1975.")
        if not is_possible(dite.date_naissance, timezone.localdate()):
            raise forms.ValidationError("Cette date de naissance n'est pas possible.")
        return dite.date_naissance.isoformat()

    @property
    def question(self) -> Question:
        """Return what was typed, ready to be asked."""
        lu = self.cleaned_data
        return Question(lu["nom"], lu["prenoms"], lu["sexe"], lu["naissance"], lu["lieu"])

    @property
    def apercu(self) -> list[dict[str, str]]:
        """Return, for each field typed, what INSi will get or what is refused in it."""
        lignes = []
        for nom in ("nom", "prenoms", "naissance", "lieu"):
            brut = str(self.data.get(nom, "")).strip()
            if not brut:
                continue
            valeur = self.cleaned_data.get(nom, "")
            if nom == "naissance" and valeur:
                valeur = "/".join(reversed(valeur.split("-")))
            dit = " ".join(valeur) if isinstance(valeur, tuple) else valeur
            erreurs = [str(faute) for faute in self.errors.get(nom, ())]
            lignes.append(
                {
                    "libelle": str(self.fields[nom].label),
                    "valeur": dit,
                    "change": "oui" if dit and dit != brut.upper() else "",
                    "erreur": erreurs[0] if erreurs else "",
                }
            )
        return lignes


def _of_file(patient: Patient | None) -> dict[str, str]:
    if patient is None:
        return {}
    jour = patient.date_naissance
    return {
        "nom": patient.nom_naissance,
        "prenoms": patient.prenoms_naissance or patient.premier_prenom,
        "sexe": patient.sexe if patient.sexe in {"M", "F"} else "",
        "naissance": f"{jour:%d/%m/%Y}" if jour else "",
        "lieu": patient.cog_naissance,
    }


class ComplementForm(forms.Form):
    """After « 02 »: the other first names of the document, then the birth place (INS-22)."""

    prenoms = forms.CharField(max_length=100, required=False)
    lieu = forms.CharField(max_length=5, required=False)

    def clean_prenoms(self) -> tuple[str, ...]:
        """Return every first name, in order."""
        return clean_first_names(self.cleaned_data["prenoms"])

    def clean_lieu(self) -> str:
        """Return the place code, or nothing."""
        return clean_place(self.cleaned_data["lieu"])


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
