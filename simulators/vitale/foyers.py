"""Households whose phones lie on the tray; the people are those of the identity base."""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulators.population import build_population
from simulators.population.personnes import Ins, Personne, nir_key

OID_TEST = "1.2.250.1.213.1.4.10"
OID_DEMONSTRATION = "1.2.250.1.213.1.4.11"
VALIDITE_S = 1800
BENEFICIAIRES_MAX = 19


@dataclass(frozen=True)
class Beneficiaire:
    """One person of a context: `ins` is None when the component does not give it."""

    personne: Personne
    qualite: str
    ins: Ins | None
    nom_usuel: str

    def as_json(self, numero: int) -> dict[str, Any]:
        """Return the object of the contract."""
        p = self.personne
        objet: dict[str, Any] = {
            "numero": numero,
            "qualite": self.qualite,
            "nomUsuel": self.nom_usuel,
            "nomPatronymique": p.nom,
            "prenom": p.prenoms[0],
            "dateNaissance": p.naissance.replace("-", ""),
            "rangGemellaire": p.rang,
            "nirCertifie": full_number(p.ins),
        }
        if self.ins is not None:
            objet["ins"] = _ins_block(p, self.ins)
        return objet


@dataclass(frozen=True)
class Foyer:
    """A household: the insured person first; `validite_s` is the life of its contexts."""

    nom: str
    libelle: str
    pourquoi: str
    beneficiaires: tuple[Beneficiaire, ...]
    usage: str = "titulaire"
    demonstration: bool = False
    validite_s: int = VALIDITE_S
    age_s: int = 0

    @property
    def nir_assure(self) -> str:
        """Return the fifteen characters of the insured person."""
        return full_number(self.beneficiaires[0].personne.ins)

    def shown(self) -> dict[str, Any]:
        """Return what the control API tells of it."""
        return {
            "foyer": self.nom,
            "libelle": self.libelle,
            "pourquoi": self.pourquoi,
            "usage": self.usage,
            "demonstration": self.demonstration,
            "beneficiaires": [
                {"nom": b.personne.nom, "prenom": b.personne.prenoms[0], "ins": b.ins is not None}
                for b in self.beneficiaires
            ],
        }


def full_number(ins: Ins) -> str:
    """Return fifteen characters, the key computed when the base does not give it."""
    return ins.matricule + (ins.cle or nir_key(ins.matricule))


def _ins_block(p: Personne, ins: Ins) -> dict[str, Any]:
    bloc: dict[str, Any] = {
        "matricule": full_number(ins),
        "oid": ins.oid,
        "nomNaissance": p.nom,
        "prenomsNaissance": " ".join(p.prenoms),
        "prenom1": p.prenoms[0],
        "sexe": p.sexe,
        "dateNaissance": p.naissance,
        "statut": "QUALIFIEE",
    }
    if p.lieu:
        bloc["lieuNaissance"] = p.lieu
    return bloc


def beneficiaries(
    gens: Iterable[Personne], *, sans_ins: Iterable[str] = ()
) -> tuple[Beneficiaire, ...]:
    """Return a household: the first is insured, the others are children (qualité 6)."""
    caches = set(sans_ins)
    return tuple(
        Beneficiaire(
            p,
            "0" if rang == 0 else "6",
            None if p.ins.matricule in caches else p.ins,
            p.nom_usuel or p.nom,
        )
        for rang, p in enumerate(gens)
    )


class Annuaire:
    """People by number, and the households of the tray."""

    def __init__(self, graine: int) -> None:
        self.gens = {p.ins.matricule: p for p in build_population(graine)}
        self.depart = {f.nom: f for f in self._households()}
        self.foyers = dict(self.depart)

    def forget(self) -> None:
        """Go back to the households of the start."""
        self.foyers = dict(self.depart)

    def create(self, demande: dict[str, Any]) -> Foyer:
        """Add a household of people known by number; LookupError for a number of nobody.

        {"foyer", "matricules": [assuré, …], "usage"?, "demonstration"?, "sans_ins"?: [numbers],
        "validite_s"?}.
        """
        nom = str(demande["foyer"])
        if not re.fullmatch(r"[a-z0-9_-]{1,40}", nom):
            raise ValueError("foyer : un nom simple")
        gens = [self.gens[str(m)] for m in demande["matricules"]]
        usage = str(demande.get("usage", "titulaire"))
        if not 1 <= len(gens) <= BENEFICIAIRES_MAX or usage not in {"titulaire", "delegue"}:
            raise ValueError("foyer : de un à dix-neuf bénéficiaires, titulaire ou delegue")
        foyer = Foyer(
            nom,
            f"{gens[0].nom} {gens[0].prenoms[0].title()}",
            "Ajouté par l'API de contrôle.",
            beneficiaries(gens, sans_ins=map(str, demande.get("sans_ins", ()))),
            usage,
            bool(demande.get("demonstration")),
            int(demande.get("validite_s", VALIDITE_S)),
        )
        self.foyers[nom] = foyer
        return foyer

    def _kind(self, genre: str, rang: int) -> Personne:
        return [p for p in self.gens.values() if p.genre == genre][rang]

    def _family(self, enfants: int) -> list[Personne]:
        """Return the first generated insured person with exactly this many children."""
        cartes: dict[str, list[Personne]] = {}
        for p in self.gens.values():
            if p.genre == "famille" and p.ouvrant_droit:
                cartes.setdefault(p.ouvrant_droit, []).append(p)
        assure, membres = next((a, m) for a, m in cartes.items() if len(m) == enfants)
        return [self.gens[assure], *membres]

    def _households(self) -> list[Foyer]:
        return [*self._usual(), *self._awkward()]

    def _usual(self) -> list[Foyer]:
        zoe = dataclasses.replace(self.gens["2751263220749"], nom_usuel="DUPONT")
        nessi = [self.gens[m] for m in ("2840763220111", "1100863220011", "2100863220012")]
        return [
            Foyer(
                "titulaire",
                "ADRUN Zoé",
                "Assurée seule ; nom utilisé DUPONT.",
                beneficiaries([zoe]),
            ),
            Foyer(
                "famille",
                "NESSI Marie et ses jumeaux",
                "Une mère, deux enfants ; chacun avec son INS.",
                beneficiaries(nessi),
            ),
            Foyer(
                "connue",
                "PAT-TROIS Dominique",
                "Patiente connue, identité déjà qualifiée.",
                beneficiaries([self.gens["2790351215189"]]),
            ),
            self._named("famille_nombreuse", self._family(4), "Une famille que l'officine ignore."),
            self._named(
                "delegue",
                [self._kind("epouse", 3)],
                "Prêtée à un proche : la personne au comptoir n'est pas l'assurée.",
                usage="delegue",
            ),
        ]

    def _awkward(self) -> list[Foyer]:
        sans = self._family(1)
        compose = self._kind("nom_compose", 0)
        demo = self._kind("ordinaire", 5)
        demo = dataclasses.replace(demo, ins=dataclasses.replace(demo.ins, oid=OID_DEMONSTRATION))
        return [
            self._named(
                "sans_bloc_ins",
                sans,
                "L'enfant vient sans bloc INS.",
                beneficiaires=beneficiaries(sans, sans_ins=[sans[1].ins.matricule]),
            ),
            self._named(
                "nom_usuel_vide",
                [compose],
                "Nom utilisé vide.",
                beneficiaires=(Beneficiaire(compose, "0", compose.ins, ""),),
            ),
            self._named("demonstration", [demo], "Contexte de démonstration.", demonstration=True),
            self._named(
                "code_perime",
                [self._kind("ordinaire", 6)],
                "Code affiché depuis trop longtemps.",
                age_s=DUREE_TROP_LONGUE_S,
            ),
            self._named(
                "contexte_echu",
                [self._kind("ordinaire", 7)],
                "Le contexte rendu est déjà échu.",
                validite_s=-60,
            ),
            self._other_number(),
        ]

    def _named(self, nom: str, gens: list[Personne], pourquoi: str, **autres: Any) -> Foyer:  # noqa: ANN401
        libelle = f"{gens[0].nom_usuel or gens[0].nom} {gens[0].prenoms[0].title()}"
        autres.setdefault("beneficiaires", beneficiaries(gens))
        return Foyer(nom, libelle, pourquoi, **autres)

    def _other_number(self) -> Foyer:
        """The traits of the known patient under a number that INSi does not give (T25)."""
        connue = self.gens["2790351215189"]
        corps = "2790351215690"
        autre = Ins(corps, nir_key(corps), OID_TEST)
        return Foyer(
            "autre_ins",
            "PAT-TROIS Dominique, autre matricule",
            "Mêmes traits que la patiente connue, un autre matricule.",
            (Beneficiaire(connue, "0", autre, connue.nom),),
        )


DUREE_TROP_LONGUE_S = 300
