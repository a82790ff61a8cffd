"""Forms of the core: one sentence per mistake, nothing typed is lost."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from pharmacy.models import Operateur, Patient
from pharmacy.rules.naissance import is_possible, read_typed
from pharmacy.rules.noms import (
    CaractereRefuse,
    ProfilRefuse,
    check_birth_name,
    check_first_name,
    normalise,
)
from pharmacy.rules.pin import is_guessable
from pharmacy.rules.rpps import is_rpps, read_rpps
from pharmacy.services.connexion import Identifiants
from pharmacy.services.equipe import OperateurSaisi
from pharmacy.services.secret import Changement
from pharmacy.services.vente import PrescripteurSaisi


class ConnexionForm(forms.Form):
    """Code, and a secret: password or PIN."""

    finess = forms.CharField(label="FINESS de l'officine", required=False, max_length=9)
    code = forms.CharField(
        label="Code opérateur", max_length=8, error_messages={"required": "Donnez votre code."}
    )
    pin = forms.CharField(label="Code PIN", required=False, max_length=6)
    mot_de_passe = forms.CharField(
        label="Mot de passe", required=False, max_length=128, strip=False
    )

    def __init__(self, *args: Any, finess_requis: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.finess_requis = finess_requis
        self.mot_de_passe_requis = False
        self.phrase = ""

    def clean(self) -> dict[str, Any]:
        """Ask for one secret at least."""
        propre: dict[str, Any] = super().clean() or {}
        if propre.get("code") and not (propre.get("pin") or propre.get("mot_de_passe")):
            self.phrase = "Donnez votre PIN ou votre mot de passe."
            raise forms.ValidationError(self.phrase)
        return propre

    @property
    def identifiants(self) -> Identifiants:
        """Return what was typed."""
        return Identifiants(
            self.cleaned_data["code"].strip(),
            self.cleaned_data.get("mot_de_passe", ""),
            self.cleaned_data.get("pin", ""),
        )

    def refuse(self, phrase: str, *, mot_de_passe: bool = False) -> None:
        """Show a refusal that does not say which half was wrong."""
        self.phrase = phrase
        self.mot_de_passe_requis = mot_de_passe


def _strict(texte: str) -> str:
    """Return a name as identities are kept; the form names the character that cannot be."""
    try:
        return normalise(texte)
    except CaractereRefuse as exc:
        raise forms.ValidationError(str(exc)) from exc


def _of_profile(net: str, check: Callable[[str], None]) -> str:
    """Return a normalised name that is put together as names are; the form says how to write it."""
    try:
        check(net)
    except ProfilRefuse as exc:
        raise forms.ValidationError(str(exc)) from exc
    return net


class PrescriptionForm(forms.Form):
    """Date and prescriber of a paper: the date is required, the prescriber is named or not."""

    date_prescription = forms.DateField(
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d%m%Y"],
        error_messages={
            "required": "Donnez la date de prescription.",
            "invalid": "Donnez la date sous la forme 22/12/2025.",
        },
    )
    prescripteur_nom = forms.CharField(required=False, max_length=80)
    prescripteur_prenom = forms.CharField(required=False, max_length=80)
    prescripteur_rpps = forms.CharField(required=False, max_length=11)

    def clean_date_prescription(self) -> date:
        """Refuse a date to come (ordonnance.md §4.1, step 2)."""
        jour: date = self.cleaned_data["date_prescription"]
        if jour > timezone.localdate():
            raise forms.ValidationError("La date de prescription est au plus tard aujourd'hui.")
        return jour

    def clean_prescripteur_rpps(self) -> str:
        """Require eleven digits whose last one is the right key."""
        rpps: str = self.cleaned_data["prescripteur_rpps"].strip()
        if rpps and not is_rpps(rpps):
            raise forms.ValidationError("Ce RPPS n'est pas exact : onze chiffres, avec sa clé.")
        return rpps

    def clean(self) -> dict[str, Any]:
        """Want a name beside a RPPS or a first name."""
        propre: dict[str, Any] = super().clean() or {}
        autres = propre.get("prescripteur_prenom") or propre.get("prescripteur_rpps")
        if autres and not propre.get("prescripteur_nom"):
            self.add_error("prescripteur_nom", "Donnez le nom du prescripteur.")
        return propre

    @property
    def phrase(self) -> str:
        """Return the first mistake, in words."""
        return next((str(fautes[0]) for fautes in self.errors.values()), "")

    @property
    def prescripteur(self) -> PrescripteurSaisi | None:
        """Return the prescriber typed, None when none was."""
        lu = self.cleaned_data
        if not lu["prescripteur_nom"]:
            return None
        return PrescripteurSaisi(
            lu["prescripteur_nom"].upper(), lu["prescripteur_prenom"], lu["prescripteur_rpps"]
        )


class MotDePasseForm(forms.Form):
    """The password that replaces a temporary one, typed twice."""

    nouveau = forms.CharField(
        label="Nouveau mot de passe",
        max_length=128,
        strip=False,
        error_messages={"required": "Donnez un mot de passe."},
    )
    confirmation = forms.CharField(
        label="Le même, une seconde fois",
        max_length=128,
        strip=False,
        error_messages={"required": "Tapez le mot de passe une seconde fois."},
    )
    pin = forms.CharField(label="Code PIN, six chiffres", required=False, max_length=6)
    pin_confirmation = forms.CharField(
        label="Le même PIN, une seconde fois", required=False, max_length=6
    )

    def __init__(self, *args: Any, pin_requis: bool = False, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.pin_requis = pin_requis

    def clean_pin(self) -> str:
        """Require six digits that nobody tries first, from who has no PIN."""
        pin: str = self.cleaned_data["pin"]
        if not self.pin_requis:
            return ""
        if not (len(pin) == 6 and pin.isascii() and pin.isdigit()):
            raise forms.ValidationError("Donnez un PIN de six chiffres.")
        if is_guessable(pin):
            raise forms.ValidationError("Ce PIN se devine : choisissez-en un autre.")
        return pin

    def clean(self) -> dict[str, Any]:
        """Refuse two different texts."""
        propre: dict[str, Any] = super().clean() or {}
        if propre.get("pin") and propre["pin"] != propre.get("pin_confirmation"):
            self.add_error("pin_confirmation", "Les deux PIN diffèrent.")
        if propre.get("confirmation") and propre.get("nouveau") != propre["confirmation"]:
            self.add_error("confirmation", "Les deux saisies diffèrent.")
        return propre


class ChangementForm(MotDePasseForm):
    """One's own password, PIN, or both; the password of today is always asked."""

    actuel = forms.CharField(
        label="Mot de passe d'aujourd'hui",
        max_length=128,
        strip=False,
        error_messages={"required": "Donnez votre mot de passe d'aujourd'hui."},
    )
    field_order = ["actuel", "nouveau", "confirmation", "pin", "pin_confirmation"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.pin_requis = bool(self.data.get("pin"))
        self.fermer = "fermer" in self.data
        for nom, champ in self.fields.items():
            champ.required = nom == "actuel"
            usage = "current-password" if nom == "actuel" else "new-password"
            attributs = {"autocomplete": "off" if "pin" in nom else usage}
            if "pin" in nom:
                attributs["inputmode"] = "numeric"
            champ.widget = forms.PasswordInput(attrs=champ.widget.attrs | attributs)
        self.fields["actuel"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Want something to change; MotDePasseForm compares the two times."""
        propre: dict[str, Any] = super().clean()
        if propre.get("nouveau") and not propre.get("confirmation"):
            self.add_error("confirmation", "Tapez le mot de passe une seconde fois.")
        if not (propre.get("nouveau") or propre.get("pin") or self.fermer or self.errors):
            self.add_error("nouveau", "Donnez un nouveau mot de passe, ou un nouveau PIN.")
        return propre

    @property
    def changement(self) -> Changement:
        """Return what was typed."""
        lu = self.cleaned_data
        if self.fermer:
            return Changement(lu["actuel"])
        return Changement(lu["actuel"], lu.get("nouveau", ""), lu.get("pin", ""))


class PatientForm(forms.ModelForm):  # type: ignore[type-arg]
    """A file typed by hand: birth name, first name, birth date and sex are required."""

    date_naissance = forms.CharField(
        label="Date de naissance",
        max_length=10,
        error_messages={"required": "Donnez la date de naissance."},
    )

    class Meta:
        model = Patient
        fields = ["nom_naissance", "premier_prenom", "date_naissance", "sexe", "nom_utilise"]
        widgets = {"nom_naissance": forms.TextInput(attrs={"autofocus": True})}
        error_messages = {
            "premier_prenom": {"required": "Donnez le premier prénom de naissance."},
        }

    def clean_nom_naissance(self) -> str:
        """Require the birth name, in the set of the strict traits."""
        nom = _strict(self.cleaned_data["nom_naissance"])
        if not nom:
            raise forms.ValidationError("Donnez le nom de naissance.")
        return _of_profile(nom, check_birth_name)

    def clean_premier_prenom(self) -> str:
        """Require the first name, in the set of the strict traits."""
        prenom = _strict(self.cleaned_data["premier_prenom"])
        if not prenom:
            raise forms.ValidationError("Donnez le premier prénom de naissance.")
        return _of_profile(prenom, check_first_name)

    def clean_date_naissance(self) -> date:
        """Complete by rule what is not known; refuse a date that cannot be (ins.md §1.3)."""
        lue = read_typed(self.cleaned_data["date_naissance"])
        if lue is None:
            raise forms.ValidationError("Donnez la date sous la forme 22/12/1975, 12/1975 ou 1975.")
        if not is_possible(lue.jour, timezone.localdate()):
            raise forms.ValidationError("Cette date de naissance n'est pas possible.")
        self.instance.date_naissance_interpretee = lue.interpretee
        return lue.jour

    def clean_sexe(self) -> str:
        """Require a sex: INSi refuses a missing one."""
        sexe: str = self.cleaned_data["sexe"]
        if not sexe:
            raise forms.ValidationError("Donnez le sexe.")
        return sexe


JOURS = ["%Y-%m-%d", "%d/%m/%Y", "%d%m%Y"]


class OperateurForm(forms.Form):
    """The sheet of an operator. `code` is asked at the arrival only: it never changes."""

    code = forms.CharField(
        label="Code", max_length=8, error_messages={"required": "Donnez un code."}
    )
    prenom = forms.CharField(
        label="Prénom", max_length=80, error_messages={"required": "Donnez le prénom."}
    )
    nom = forms.CharField(label="Nom", max_length=80, error_messages={"required": "Donnez le nom."})
    role = forms.ChoiceField(
        label="Rôle",
        choices=[("", "Choisissez"), *Operateur.Role.choices],
        error_messages={"required": "Choisissez le rôle.", "invalid_choice": "Choisissez le rôle."},
    )
    rpps = forms.CharField(label="RPPS", required=False, max_length=20)
    arrivee = forms.DateField(
        label="Premier jour",
        required=False,
        input_formats=JOURS,
        error_messages={"invalid": "Donnez la date sous la forme 22/12/2026."},
    )
    depart = forms.DateField(
        label="Dernier jour",
        required=False,
        input_formats=JOURS,
        error_messages={"invalid": "Donnez la date sous la forme 22/12/2026."},
    )
    rpps_vu = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)

    def __init__(self, *args: Any, avec_code: bool, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.rpps_a_revoir = ""
        if not avec_code:
            del self.fields["code"]
        for nom in ("arrivee", "depart"):
            self.fields[nom].widget.format = "%d/%m/%Y"

    def clean_code(self) -> str:
        """Require two to eight letters or digits."""
        code: str = self.cleaned_data["code"].strip().upper()
        if not (len(code) >= 2 and code.isascii() and code.isalnum()):
            raise forms.ValidationError("Un code a de deux à huit lettres ou chiffres.")
        return code

    def clean_nom(self) -> str:
        """Write the name in capitals, as the header shows it."""
        return str(self.cleaned_data["nom"]).strip().upper()

    def clean(self) -> dict[str, Any]:
        """Read the RPPS; warn once of a wrong key. The last day comes after the first."""
        propre: dict[str, Any] = super().clean() or {}
        rpps = read_rpps(propre.get("rpps", ""))
        if propre.get("rpps") and rpps is None:
            self.add_error("rpps", "Un RPPS a onze chiffres, ou douze avec le 8 qui le précède.")
        elif rpps and not is_rpps(rpps) and propre.get("rpps_vu") != rpps:
            self.rpps_a_revoir = rpps
            self.add_error(
                "rpps",
                "Sa clé n'est pas exacte. Relisez-le ; s'il est bien écrit ainsi, enregistrez.",
            )
        propre["rpps"] = rpps or ""
        if propre.get("arrivee") and propre.get("depart") and propre["depart"] < propre["arrivee"]:
            self.add_error("depart", "Le dernier jour vient après le premier.")
        return propre

    @property
    def saisi(self) -> OperateurSaisi:
        """Return what was typed."""
        lu = self.cleaned_data
        return OperateurSaisi(
            nom=lu["nom"],
            prenom=lu["prenom"].strip(),
            role=lu["role"],
            rpps=lu["rpps"],
            arrivee=lu["arrivee"],
            depart=lu["depart"],
        )


class DepartForm(forms.Form):
    """The last day of somebody's work."""

    depart = forms.DateField(
        input_formats=JOURS,
        error_messages={
            "required": "Donnez le dernier jour, ou choisissez « maintenant ».",
            "invalid": "Donnez la date sous la forme 22/12/2026.",
        },
    )

    @property
    def phrase(self) -> str:
        """Return the mistake, in words."""
        return next((str(fautes[0]) for fautes in self.errors.values()), "")
