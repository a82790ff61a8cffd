"""The people INSi knows, indexed, and how it looks for them (ins.md §3.4, §3.6)."""

from collections import defaultdict
from collections.abc import Iterable

from simulators.population import build_population
from simulators.population.personnes import OID_NIA, OID_NIR, Ins, Personne, nir_key

__all__ = ["OID_NIA", "OID_NIR", "Ins", "Personne", "Registre", "build_base", "nir_key"]
_CORSE = {"20", "2A", "2B"}


def build_base() -> list[Personne]:
    """Return everyone INSi knows here."""
    return list(build_population())


class Registre:
    """Everyone, found by name, number or insured person; it may change under a lock of its own."""

    def __init__(self, gens: Iterable[Personne]) -> None:
        self.gens = list(gens)
        self.par_nom: dict[str, list[Personne]] = defaultdict(list)
        self.par_numero: dict[str, Personne] = {}
        self.par_assure: dict[str, list[Personne]] = defaultdict(list)
        self.anciens: dict[str, Personne] = {}
        for personne in self.gens:
            self._add(personne)

    def _add(self, personne: Personne) -> None:
        self.par_nom[personne.nom].append(personne)
        self.par_numero[personne.ins.matricule] = personne
        self.anciens.update({ancien.matricule: personne for ancien in personne.historique})
        # A card keeps the number of its day, which may be a former one (ins.md §5.2, point 6).
        numeros = {personne.ins.matricule, *(ancien.matricule for ancien in personne.historique)}
        for assure in {personne.ouvrant_droit, *numeros} - {""}:
            self.par_assure[assure].append(personne)

    def find(self, nom: str, prenom: str) -> int:
        """Return the rank of someone by birth name and one first name; LookupError for nobody."""
        for rang, personne in enumerate(self.gens):
            if personne.nom == nom and prenom in personne.prenoms:
                return rang
        raise LookupError("personne")

    def free_number(self, matricule: str) -> str:
        """Return a number of nobody, past or present, that differs by its order alone."""
        debut, ordre = matricule[:10], int(matricule[10:])
        candidats = (f"{debut}{(ordre + 500 + n) % 1000:03d}" for n in range(1000))
        return next(c for c in candidats if c not in self.par_numero and c not in self.anciens)

    def replaced(self, rang: int, apres: Personne) -> "Registre":
        """Return a register where someone is another person now."""
        return Registre([*self.gens[:rang], apres, *self.gens[rang + 1 :]])


def same_place(demande: str, connu: str) -> bool:
    """Compare two COG; 20, 2A and 2B are one Corsica (ins.md §1.3)."""
    if demande[:2] in _CORSE and connu[:2] in _CORSE:
        return demande[2:] == connu[2:]
    return demande == connu


def _has_first_name(personne: Personne, prenom: str) -> bool:
    """Tell whether a value names one first name, or the whole list, of someone."""
    return prenom in personne.prenoms or prenom == " ".join(personne.prenoms)


def search_traits(
    registre: Registre, nom: str, prenoms: list[str], sexe: str, naissance: str, lieu: str
) -> list[Personne]:
    """Return who matches: name, sex and date equal; each first name given is one of theirs."""
    return [
        p
        for p in registre.par_nom.get(nom, ())
        if p.sexe == sexe
        and naissance in {p.naissance, *p.dates_admises}
        and all(_has_first_name(p, prenom) for prenom in prenoms)
        and (not lieu or not p.lieu or same_place(lieu, p.lieu))
    ]


def search_card(
    registre: Registre, certifie: str, ouvrant: str, naissance: str, rang: str, nom: str
) -> list[Personne]:
    """Return who matches a card: certified number, else (insured, birth date, rank)."""
    if certifie:
        personne = registre.par_numero.get(certifie) or registre.anciens.get(certifie)
        if personne is not None and personne.naissance == naissance:
            return [personne]
    trouves = [
        p
        for p in registre.par_assure.get(ouvrant, ())
        if p.naissance == naissance and (not rang or p.rang == int(rang))
    ]
    if len(trouves) > 1 and nom:
        trouves = [p for p in trouves if p.nom == nom] or trouves
    return trouves
