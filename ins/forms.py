"""Forms of the identity dialogs: nothing is preselected, what is missing is named."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from ins.rules.pieces import REPRESENTANT, Piece
from ins.rules.question import Question
from ins.rules.traits import TraitsStricts
from ins.services.fusion import MOTIFS, Choix
from ins.services.qualification import (
    AUCUNE,
    CONFORME,
    DIFFERENTE,
    REFUSEE,
    SUITES,
    TRAITS_COMPARES,
)
from pharmacy.models import Patient
from pharmacy.rules.naissance import is_possible, read_typed
from pharmacy.rules.noms import (
    CaractereRefuse,
    ProfilRefuse,
    check_birth_name,
    check_first_name,
    normalise,
)

REPONSES = (
    (CONFORME, "Pièce présentée : elle montre ces traits"),
    (DIFFERENTE, "Pièce différente des traits"),
    (AUCUNE, "Aucune pièce présentée"),
    (REFUSEE, "Refuse de présenter une pièce d'identité"),
)
_FORMATS = ["%d/%m/%Y", "%d%m%Y", "%Y-%m-%d"]


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
        lue = read_typed(self.cleaned_data["naissance"])
        if lue is None:
            raise forms.ValidationError("Donnez la date sous la forme 22/12/1975, 12/1975 ou 1975.")
        if not is_possible(lue.jour, timezone.localdate()):
            raise forms.ValidationError("Cette date de naissance n'est pas possible.")
        return lue.jour.isoformat()

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
    representant = forms.CharField(max_length=6, required=False)
    perimee_le = forms.DateField(
        required=False,
        input_formats=_FORMATS,
        error_messages={"invalid": "Donnez la fin de validité sous la forme 22/12/2024."},
    )
    ecarts = forms.MultipleChoiceField(
        required=False, choices=[(nom, nom) for nom in TRAITS_COMPARES]
    )
    suite = forms.ChoiceField(required=False, choices=[(code, code) for code in SUITES])
    reponse = forms.ChoiceField(
        choices=REPONSES,
        error_messages={
            "required": "Dites ce que montre la pièce, ou qu'il n'y en a pas.",
            "invalid_choice": "Choisissez une des réponses proposées.",
        },
    )

    def __init__(self, *args: Any, pieces: Sequence[Piece], **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.pieces = {piece.code: piece for piece in pieces}

    def clean(self) -> dict[str, Any]:
        """Ask for what the answer rests on; only documents offered here are taken."""
        lu = super().clean() or {}
        if lu.get("reponse") not in {CONFORME, DIFFERENTE}:
            return lu
        piece = self.pieces.get(lu.get("piece", ""))
        if piece is None:
            self.add_error("piece", "Choisissez la pièce présentée.")
        elif piece.representant and lu.get("representant") not in REPRESENTANT:
            self.add_error("representant", "Choisissez aussi la pièce du représentant légal.")
        if lu.get("reponse") == DIFFERENTE and not lu.get("ecarts"):
            self.add_error("ecarts", "Cochez les traits que la pièce montre autrement.")
        if lu.get("reponse") == DIFFERENTE and not lu.get("suite"):
            self.add_error("suite", "Dites que faire de cette identité.")
        return lu


class ModificationForm(forms.ModelForm):  # type: ignore[type-arg]
    """The strict traits, typed; an incomplete birth date is completed by rule and said."""

    date_naissance = forms.CharField(
        label="Date de naissance",
        max_length=10,
        required=False,
        help_text="22/12/1975 ; à défaut 12/1975 ou 1975, complétée selon la règle",
    )
    traits_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    motif = forms.CharField(label="Motif", max_length=200, required=False)
    garder_nom = forms.BooleanField(label="Garder l'ancien nom comme nom utilisé", required=False)
    piece = forms.CharField(max_length=6, required=False, widget=forms.HiddenInput)
    representant = forms.CharField(max_length=6, required=False, widget=forms.HiddenInput)

    class Meta:
        model = Patient
        fields = ["nom_naissance", "prenoms_naissance", "premier_prenom", "sexe", "cog_naissance"]
        widgets = {"nom_naissance": forms.TextInput(attrs={"autofocus": True})}
        error_messages = {
            "premier_prenom": {"required": "Donnez le premier prénom de naissance."},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        jour = self.instance.date_naissance
        if jour is not None and not self.is_bound:
            self.initial["date_naissance"] = jour.strftime("%d/%m/%Y")
        self.interpretee = False

    def _name(self, champ: str, check: Callable[[str], None]) -> str:
        """Return a name in its profile (ins.md §1.4); INSi's, left as it is, is not judged."""
        texte: str = self.cleaned_data[champ]
        return _strict(texte, (lambda _: None) if texte == self.initial[champ] else check)

    def clean_nom_naissance(self) -> str:
        """Keep the birth name in the set of the strict traits."""
        return self._name("nom_naissance", check_birth_name)

    def clean_prenoms_naissance(self) -> str:
        """Keep the first names in the set of the strict traits."""
        return self._name("prenoms_naissance", check_first_name)

    def clean_premier_prenom(self) -> str:
        """Keep the first name in the set of the strict traits."""
        return self._name("premier_prenom", check_first_name)

    def clean_cog_naissance(self) -> str:
        """Want five characters: a commune, or 99 and a country."""
        code: str = self.cleaned_data["cog_naissance"].strip().upper()
        if code and not (len(code) == 5 and code.isascii() and code.isalnum()):
            raise forms.ValidationError("Le code du lieu a cinq caractères, par exemple 75112.")
        return code

    def clean_date_naissance(self) -> date | None:
        """Complete what is missing (ins.md §1.3); refuse a date to come or before 1870."""
        brut = self.cleaned_data["date_naissance"]
        if not brut:
            return None
        lue = read_typed(brut)
        if lue is None:
            raise forms.ValidationError("Donnez la date sous la forme 22/12/1975.")
        if lue.jour > timezone.localdate():
            raise forms.ValidationError("Cette date de naissance n'est pas possible.")
        meme = lue.jour == self.instance.date_naissance and self.instance.date_naissance_interpretee
        self.interpretee = lue.interpretee or meme
        return lue.jour

    @property
    def traits(self) -> TraitsStricts:
        """Return the traits as typed."""
        lu = self.cleaned_data
        return TraitsStricts(
            nom_naissance=lu["nom_naissance"],
            prenoms_naissance=lu["prenoms_naissance"],
            premier_prenom=lu["premier_prenom"],
            date_naissance=lu["date_naissance"],
            sexe=lu["sexe"],
            cog_naissance=lu["cog_naissance"],
        )


class ActeForm(forms.Form):
    """Why; and for a death, when."""

    motif = forms.CharField(
        max_length=200, error_messages={"required": "Donnez le motif : il est gardé."}
    )
    jour = forms.DateField(
        required=False,
        input_formats=_FORMATS,
        error_messages={"invalid": "Donnez la date sous la forme 22/12/2024."},
    )


class SansInsForm(forms.Form):
    """Why this person has no INS; empty to ask for it again."""

    motif = forms.ChoiceField(
        choices=[*Patient.MotifSansIns.choices, ("aucun", "L'INS peut être demandée")],
        error_messages={
            "required": "Choisissez une des raisons.",
            "invalid_choice": "Choisissez une des raisons proposées.",
        },
    )


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
