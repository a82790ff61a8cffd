"""Configuration / Officine / Paramètres Officine, and the « Données » menu."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import slugify

from pharmacy import parametres
from pharmacy.acteurs import Acteur, peut
from pharmacy.http import http_methods


@dataclass(frozen=True)
class Entree:
    """One entry of « Données »; its key is its rank here, whoever looks."""

    url: str
    droit: str
    icone: str
    titre: str
    effet: str


ENTREES = (
    Entree(
        "parametres_officine",
        "session",
        "donnees",
        "Paramètres Officine",
        "Chaque réglage, son défaut, son effet, son auteur",
    ),
    Entree("patients", "vente", "patients", "Patients", "Les dossiers de l'officine"),
    Entree("file", "vente", "file", "File d'envoi", "Ce qui part vers les services nationaux"),
    Entree(
        "equipe",
        "operateurs.debloquer",
        "operateur",
        "Opérateurs et postes",
        "Débloquer, mot de passe oublié, associer un navigateur",
    ),
    Entree(
        "ins_taches",
        "ins.taches",
        "identite",
        "Identités à traiter",
        "Pièces différentes, INS non conformes, doublons possibles",
    ),
    Entree(
        "ins_verifier_lot",
        "ins.verifier_lot",
        "identite",
        "Vérifier les INS",
        "Demander à INSi si les INS de la base sont toujours bonnes",
    ),
    Entree(
        "ins_reprise",
        "ins.importer",
        "patients",
        "Reprendre une base de patients",
        "Les dossiers d'un autre logiciel, depuis un fichier CSV",
    ),
    Entree(
        "postes",
        "postes.gerer",
        "donnees",
        "Postes",
        "Les agents qui lisent les cartes : associer, essayer, révoquer",
    ),
    Entree(
        "journal",
        "journal.lire",
        "document",
        "Journal",
        "Qui a fait quoi, qui a ouvert un dossier, et le sceau qui le prouve",
    ),
)


@http_methods(read=("GET",), droit="session")
def donnees(request: HttpRequest) -> HttpResponse:
    """C données: what the officine keeps and sets."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    entrees = [
        (touche, entree)
        for touche, entree in enumerate(ENTREES, 1)
        if peut(acteur, entree.droit).ok
    ]
    return render(request, "pharmacy/donnees.html", {"entrees": entrees})


@http_methods(read=("GET",), write=("POST",), droit="parametres.lire")
def officine(request: HttpRequest) -> HttpResponse:
    """Every setting, one panel, or those that a word finds; the titulaire changes them."""
    acteur: Acteur = request.acteur  # type: ignore[attr-defined]
    erreur = ""
    if request.method == "POST":
        try:
            with transaction.atomic():
                parametres.modifier(
                    acteur, request.POST.get("cle", ""), request.POST.get("valeur", "")
                )
            return redirect(_back(request))
        except parametres.ValeurRefusee as exc:
            erreur = str(exc)
        except KeyError:
            erreur = "Ce paramètre n'existe pas."
    return render(
        request,
        "pharmacy/parametres.html",
        _contexte(acteur, request.GET) | {"erreur": erreur},
        status=422 if erreur else 200,
    )


def _back(request: HttpRequest) -> str:
    """Return the address of the page as it was looked at: same panel, same words."""
    garde = {cle: request.GET[cle] for cle in ("panneau", "q") if request.GET.get(cle)}
    return f"{request.path}?{urlencode(garde)}" if garde else request.path


def _contexte(acteur: Acteur, requete: Any) -> dict[str, Any]:  # noqa: ANN401 - a QueryDict
    mots = requete.get("q", "").strip()[:60]
    voulu = requete.get("panneau", "")
    tous = parametres.reglage_list()
    noms = list(dict.fromkeys(reglage.panneau for reglage in tous))
    courant = next((nom for nom in noms if slugify(nom) == voulu), "")
    poses = parametres.historique(acteur.officine_id)
    lignes = [
        _line(reglage, poses.get(reglage.cle, []))
        for reglage in tous
        if courant in {"", reglage.panneau} and reglage.is_about(mots)
    ]
    return {
        "panneaux": [
            {"nom": nom, "sections": _sections(list(dedans))}
            for nom, dedans in groupby(lignes, key=lambda ligne: ligne["reglage"].panneau)
        ],
        "noms": [{"nom": nom, "adresse": slugify(nom)} for nom in noms],
        "courant": courant,
        "q": mots,
        "modifiable": peut(acteur, "parametres.modifier").ok,
    }


def _sections(lignes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"nom": nom, "lignes": list(dedans)}
        for nom, dedans in groupby(lignes, key=lambda ligne: ligne["reglage"].section)
    ]


def _line(reglage: parametres.Reglage, posees: list[Any]) -> dict[str, Any]:
    """Return a setting, its value in force, who set it, and the values it had."""
    maintenant = timezone.now()
    ligne = next((p for p in posees if p.a_partir_du <= maintenant), None)
    return {
        "reglage": reglage,
        "valeur": reglage.defaut if ligne is None else ligne.valeur,
        "defaut": reglage.show(reglage.defaut),
        "ligne": ligne,
        "historique": [{"ligne": p, "valeur": reglage.show(p.valeur)} for p in posees[:20]],
    }
