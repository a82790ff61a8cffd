"""The base: statuses, locks, executions, idempotency (ordonnance.md §1.5, §2.3, §2.6)."""

import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from simulators.ordonnance.donnees import Ligne, Prescription, build

VERROU = timedelta(minutes=30)
TECHNIQUES = {"EPU-020", "EPU-030", "EPU-031", "EPU-090", "EPU-091", "EPU-099"}


class Refus(Exception):
    """A refusal of the service."""

    def __init__(self, code: str, libelle: str, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.libelle, self.detail = code, libelle, detail


class Base:
    """The national base, as this process knows it."""

    def __init__(self) -> None:
        self.verrou = threading.RLock()
        self.decalage = timedelta(0)
        self.prescriptions: dict[str, Prescription] = {}
        self.cles: dict[str, tuple[str, dict[str, Any]]] = {}
        self.nouvelles: list[dict[str, Any]] = []
        self.oublier()

    def oublier(self) -> None:
        """Go back to the start data."""
        self.decalage = timedelta(0)
        self.prescriptions = build(self.now())
        self.cles.clear()
        self.nouvelles.clear()

    def now(self) -> datetime:
        """Return the service's own time."""
        return datetime.now(UTC) + self.decalage

    def get(self, numero: str) -> Prescription:
        """Return a prescription or refuse EPU-001."""
        trouvee = self.prescriptions.get(numero)
        if trouvee is None:
            raise Refus("EPU-001", "Prescription inconnue")
        return trouvee

    # Statuses (§1.5)

    def delivered(self, p: Prescription) -> dict[str, dict[int, float]]:
        """Return, by line and délivrance number, the quantity delivered."""
        total: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        for execution in p.executions.values():
            if execution["annulee"]:
                continue
            for id_ligne, resultat, quantite in execution["lignes"]:
                if id_ligne and resultat in {"DELIVRE", "DELIVRE_PARTIEL"}:
                    total[id_ligne.upper()][execution["numero_delivrance"]] += quantite
        return total

    def line_status(self, p: Prescription, ligne: Ligne) -> tuple[str, int]:
        """Return (status, complete délivrances) of a line."""
        if ligne.annulee:
            return "ANNULEE", 0
        faites = self.delivered(p).get(ligne.id.upper(), {})
        due = float(ligne.faits.get("quantite") or 1)
        completes = sum(1 for quantite in faites.values() if quantite >= due)
        if ligne.renouvellements is not None and completes >= ligne.renouvellements + 1:
            return "EXECUTEE", completes
        if faites:
            return "PARTIELLE", completes
        refusee = any(
            e["lignes"]
            and not e["annulee"]
            and any(
                i.upper() == ligne.id.upper() and r == "NON_DELIVRE" for i, r, _ in e["lignes"] if i
            )
            for e in p.executions.values()
        )
        return ("NON_DELIVREE" if refusee else "A_EXECUTER"), completes

    def base_status(self, p: Prescription) -> str:
        """Return the status of a prescription, locks aside."""
        if p.statut_inconnu:
            return p.statut_inconnu
        if p.bloquee:
            return "BLOQUEE"
        if p.annulee:
            return "ANNULEE"
        if p.cloturee or p.partie_annulee:
            return "CLOTUREE"
        statuts = [self.line_status(p, ligne)[0] for ligne in p.lignes]
        if all(statut in {"EXECUTEE", "ANNULEE"} for statut in statuts):
            return "EXECUTEE"
        if p.fin and self.now() > p.fin:
            return "EXPIREE"
        return "PARTIELLEMENT_EXECUTEE" if any(self.delivered(p).values()) else "CREEE"

    def status(self, p: Prescription, finess: str) -> str:
        """Return the status as one pharmacy sees it."""
        statut = self.base_status(p)
        if statut in {"CREEE", "PARTIELLEMENT_EXECUTEE"} and self.locked_elsewhere(p, finess):
            return "EN_COURS"
        return statut

    def locked_elsewhere(self, p: Prescription, finess: str) -> bool:
        """Tell whether another pharmacy holds a valid lock."""
        return bool(p.verrou and p.verrou["expire"] > self.now() and p.verrou["finess"] != finess)

    def check_living(self, p: Prescription, finess: str) -> None:
        """Refuse what may not be executed, each with its code."""
        statut = self.base_status(p)
        refus = {
            "ANNULEE": ("EPU-003", "Prescription annulée par le prescripteur"),
            "EXPIREE": ("EPU-004", "Prescription expirée"),
            "EXECUTEE": ("EPU-005", "Prescription déjà entièrement exécutée"),
            "CLOTUREE": ("EPU-005", "Prescription close"),
            "BLOQUEE": ("EPU-019", "Prescription bloquée par l'Assurance Maladie"),
        }
        if statut in refus:
            raise Refus(*refus[statut])
        if p.statut_inconnu:
            raise Refus("EPU-019", f"Statut {p.statut_inconnu}")
        if self.locked_elsewhere(p, finess):
            assert p.verrou is not None  # noqa: S101
            raise Refus(
                "EPU-006",
                "Ordonnance en cours de délivrance dans une autre pharmacie",
                f"Verrou expirant le {p.verrou['expire'].isoformat(timespec='seconds')}",
            )

    # Acts

    def once(self, cle: str, contenu: str) -> dict[str, Any] | None:
        """Return the former result of an idempotency key; refuse the same key for another content."""
        connu = self.cles.get(cle.lower())
        if connu is None:
            return None
        if connu[0] != contenu:
            raise Refus("EPU-020", "Clé d'idempotence déjà utilisée pour un autre contenu")
        return connu[1]

    def open(self, p: Prescription, finess: str, version: int) -> dict[str, Any]:
        """Take the lock; the same pharmacy gets a new token and voids the former."""
        self.check_living(p, finess)
        if version != p.version:
            raise Refus("EPU-010", "La prescription a changé depuis sa lecture")
        p.verrou = {
            "finess": finess,
            "jeton": f"vrr-{uuid4().hex[:10]}",
            "id": str(uuid4()),
            "expire": self.now() + VERROU,
        }
        return p.verrou

    def execute(self, p: Prescription, demande: dict[str, Any]) -> dict[str, Any]:
        """Record an execution, or refuse it; return the receipt."""
        self._check_execution(p, demande)
        ancienne = demande["remplace"]
        if ancienne:
            p.executions[ancienne]["annulee"] = True
        p.executions[demande["id"]] = {
            "finess": demande["finess"],
            "date": demande["date"],
            "numero_delivrance": demande["numero_delivrance"],
            "annulee": False,
            "lignes": [(i, r, q) for i, r, q, _ in demande["lignes"]],
        }
        p.version += 1
        if p.verrou and p.verrou["finess"] == demande["finess"]:
            p.verrou = None
        recu = {
            "accuse": f"AR-{self.now():%Y%m%d}-{uuid4().hex[:8]}",
            "horodatage": self.now(),
            "version": p.version,
        }
        self.nouvelles.append({"id_execution": demande["id"], "numero": p.numero, **recu})
        return recu

    def _check_execution(self, p: Prescription, demande: dict[str, Any]) -> None:
        ancienne = demande["remplace"]
        if ancienne and ancienne not in p.executions:
            raise Refus("EPU-017", "Exécution à remplacer inconnue")
        if not ancienne:
            self.check_living(p, demande["finess"])
        if demande["version"] != p.version:
            raise Refus("EPU-010", "La prescription a changé depuis sa lecture")
        if demande["id"] in p.executions:
            raise Refus("EPU-020", "Identifiant d'exécution déjà utilisé")
        jeton = demande["jeton"]
        if jeton and (
            p.verrou is None or p.verrou["jeton"] != jeton or p.verrou["expire"] < self.now()
        ):
            raise Refus("EPU-009", "Jeton de verrou expiré")
        if not jeton and not demande["hors_ligne"]:
            raise Refus("EPU-009", "Exécution sans verrou")
        self._check_lines(p, demande)

    def _check_lines(self, p: Prescription, demande: dict[str, Any]) -> None:
        connues = {ligne.id.upper(): ligne for ligne in p.lignes}
        for id_ligne, resultat, quantite, interventions in demande["lignes"]:
            if id_ligne and id_ligne.upper() not in connues:
                raise Refus("EPU-013", "Ligne inconnue")
            if (resultat == "HORS_PRESCRIPTION") != (not id_ligne):
                raise Refus("EPU-014", "Ligne et résultat incohérents")
            if (resultat == "NON_DELIVRE") != (quantite == 0):
                raise Refus("EPU-014", "Quantité incohérente")
            if resultat == "NON_DELIVRE" and "NON_DELIVRANCE" not in interventions:
                raise Refus("EPU-014", "Non-délivrance sans motif")
            if not id_ligne:
                continue
            ligne = connues[id_ligne.upper()]
            epuises = (
                ligne.renouvellements is not None
                and demande["numero_delivrance"] > ligne.renouvellements
            )
            if epuises and resultat != "NON_DELIVRE":
                raise Refus("EPU-011", "Renouvellements épuisés")

    def cancel(self, p: Prescription, id_execution: str, finess: str) -> None:
        """Undo one execution of this pharmacy."""
        execution = p.executions.get(id_execution)
        if execution is None or execution["finess"] != finess or execution["annulee"]:
            raise Refus("EPU-017", "Aucune exécution à annuler sous cet identifiant")
        if self.now() - execution["date"] > timedelta(days=30):
            raise Refus("EPU-018", "Annulation hors délai")
        execution["annulee"] = True
        p.version += 1
