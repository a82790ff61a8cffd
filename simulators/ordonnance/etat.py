"""The base: statuses, locks, executions, idempotency (ordonnance.md §1.5, §2.3 to §2.6)."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from simulators.ordonnance.donnees import (
    PARIS,
    Ligne,
    Passee,
    Prescription,
    Verrou,
    add_months,
    build,
)
from simulators.ordonnance.regles import (
    ExecutionRecue,
    LigneRecue,
    is_known_product,
    quantity_error,
    shape_error,
)

VERROU = timedelta(minutes=30)
DELAI_ANNULATION = timedelta(days=30)
TECHNIQUES = {"EPU-020", "EPU-030", "EPU-031", "EPU-090", "EPU-091", "EPU-099"}
_FINIS = {"EXECUTEE", "ANNULEE"}


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
        self.rendus: set[str] = set()
        self.oublier()

    def oublier(self) -> None:
        """Go back to the start data."""
        self.decalage = timedelta(0)
        self.prescriptions = build(self.now())
        self.cles.clear()
        self.rendus.clear()

    def now(self) -> datetime:
        """Return the service's own time."""
        return datetime.now(UTC) + self.decalage

    def get(self, numero: str) -> Prescription:
        """Return a prescription or refuse EPU-001."""
        trouvee = self.prescriptions.get(numero)
        if trouvee is None:
            raise Refus("EPU-001", "Aucune ordonnance numérique ne correspond à ce numéro")
        return trouvee

    # Statuses (§1.5)

    def delivered(self, p: Prescription, ligne: Ligne) -> dict[int, tuple[float, bool, datetime]]:
        """Return, by délivrance number, (quantity, said complete, last date) of a line."""
        total: dict[int, tuple[float, bool, datetime]] = {}
        for execution in p.executions.values():
            if execution.annulee:
                continue
            for id_ligne, resultat, quantite in execution.lignes:
                if id_ligne.upper() != ligne.id.upper() or quantite <= 0:
                    continue
                avant = total.get(execution.numero_delivrance, (0.0, False, execution.date))
                total[execution.numero_delivrance] = (
                    avant[0] + quantite,
                    avant[1] or resultat == "DELIVRE",
                    max(avant[2], execution.date),
                )
        return total

    def complete(self, p: Prescription, ligne: Ligne) -> dict[int, datetime]:
        """Return the complete délivrances of a line, with the date of each."""
        due = float(ligne.faits.get("quantite") or 1)
        return {
            numero: date
            for numero, (quantite, dite, date) in self.delivered(p, ligne).items()
            if dite or quantite >= due
        }

    def line_status(self, p: Prescription, ligne: Ligne) -> str:
        """Return the status of a line."""
        if ligne.annulee:
            return "ANNULEE"
        completes = self.complete(p, ligne)
        if ligne.renouvellements is not None and len(completes) >= ligne.renouvellements + 1:
            return "EXECUTEE"
        if self.delivered(p, ligne):
            return "PARTIELLE"
        refusee = any(
            id_ligne.upper() == ligne.id.upper() and resultat == "NON_DELIVRE"
            for execution in p.executions.values()
            if not execution.annulee
            for id_ligne, resultat, _ in execution.lignes
        )
        return "NON_DELIVREE" if refusee else "A_EXECUTER"

    def next_date(self, p: Prescription, ligne: Ligne) -> datetime | None:
        """Return the earliest date of the next renewal, from what all pharmacies delivered."""
        completes = self.complete(p, ligne)
        duree = ligne.faits.get("duree", 30)
        if not completes or not duree or self.line_status(p, ligne) in _FINIS:
            return None
        return max(completes.values()) + timedelta(days=int(duree))

    def base_status(self, p: Prescription) -> str:
        """Return the status of a prescription, locks aside."""
        for vrai, statut in (
            (p.statut_inconnu, p.statut_inconnu),
            (p.bloquee, "BLOQUEE"),
            (p.annulee, "ANNULEE"),
            (p.cloturee, "CLOTUREE"),
        ):
            if vrai:
                return statut
        if all(self.line_status(p, ligne) in _FINIS for ligne in p.lignes):
            return "EXECUTEE"
        if p.fin and self.now() > p.fin:
            return "EXPIREE"
        entamee = any(self.delivered(p, ligne) for ligne in p.lignes)
        return "PARTIELLEMENT_EXECUTEE" if entamee else "CREEE"

    def status(self, p: Prescription, finess: str) -> str:
        """Return the status as one pharmacy sees it."""
        statut = self.base_status(p)
        if statut in {"CREEE", "PARTIELLEMENT_EXECUTEE"} and self.locked_elsewhere(p, finess):
            return "EN_COURS"
        return statut

    def locked_elsewhere(self, p: Prescription, finess: str) -> Verrou | None:
        """Return the valid lock of another pharmacy, if any."""
        verrou = p.verrou
        return verrou if verrou and verrou.expire > self.now() and verrou.finess != finess else None

    def check_readable(self, p: Prescription) -> None:
        """Refuse what shows no more than its header: cancelled, blocked."""
        if p.bloquee:
            raise Refus("EPU-019", "Ordonnance bloquée par l'Assurance Maladie")
        if p.annulee:
            raise Refus(
                "EPU-003",
                "Ordonnance annulée par le prescripteur",
                f"Annulée le {_day(p.annulee)}",
            )

    def check_living(self, p: Prescription, *, termine: bool = False, expire: bool = False) -> None:
        """Refuse what may not be executed; `termine` admits the done, `expire` the expired."""
        self.check_readable(p)
        statut = self.base_status(p)
        if p.statut_inconnu:
            raise Refus("EPU-019", f"Statut {p.statut_inconnu}")
        if statut == "EXPIREE" and not expire:
            assert p.fin is not None  # noqa: S101
            raise Refus("EPU-004", "Ordonnance expirée", f"Expirée le {_day(p.fin)}")
        if statut in {"EXECUTEE", "CLOTUREE"} and not termine:
            raise Refus(
                "EPU-005",
                "Cette ordonnance numérique a déjà été entièrement exécutée",
                _last(p),
            )

    def check_place(self, p: Prescription, finess: str, *, verrou: bool = True) -> None:
        """Refuse a pharmacy that is not the designated one, or while another holds the lock."""
        if p.designe and p.designe["finess"] != finess:
            raise Refus(
                "EPU-015",
                "Ordonnance réservée à une autre officine",
                f"{p.designe['nom']} ({p.designe['finess']})",
            )
        autre = self.locked_elsewhere(p, finess)
        if verrou and autre:
            expire = autre.expire.astimezone(PARIS).isoformat(timespec="seconds")
            raise Refus(
                "EPU-006",
                "Ordonnance en cours de délivrance dans une autre pharmacie",
                f"Verrou expirant le {expire}",
            )

    def check_version(self, p: Prescription, version: int) -> None:
        """Refuse whoever has read another version."""
        if version != p.version:
            raise Refus("EPU-010", "L'ordonnance a changé depuis sa lecture", str(p.version))

    # Acts

    def once(self, cle: str, contenu: str) -> dict[str, Any] | None:
        """Return the former result of a key; refuse the same key for another content."""
        connu = self.cles.get(cle.lower())
        if connu is None:
            return None
        if connu[0] != contenu:
            raise Refus("EPU-020", "Clé d'idempotence déjà utilisée pour un autre contenu")
        return connu[1]

    def open(self, p: Prescription, finess: str, version: int) -> Verrou:
        """Take the lock; the same pharmacy gets a new token and voids the former."""
        self.check_living(p)
        self.check_place(p, finess)
        self.check_version(p, version)
        jeton = f"vrr-{uuid4().hex[:10]}"
        p.verrou = Verrou(finess, jeton, str(uuid4()), self.now() + VERROU)
        return p.verrou

    def release(self, p: Prescription, finess: str, id_execution: str, jeton: str) -> None:
        """Give the lock back; again changes nothing; another's or a voided token is refused."""
        if jeton in self.rendus:
            return
        verrou = p.verrou
        tenu = verrou and (verrou.finess, verrou.jeton, verrou.id) == (finess, jeton, id_execution)
        if not tenu:
            raise Refus("EPU-009", "Jeton de verrou inconnu ou remplacé")
        self.rendus.add(jeton)
        p.verrou = None

    def execute(self, p: Prescription, demande: ExecutionRecue) -> dict[str, Any]:
        """Record an execution, or refuse it; return the receipt."""
        ancienne = self._replaced(p, demande)
        if ancienne:
            ancienne.annulee = True
        try:
            avertissements = self._check_execution(p, demande, corrige=ancienne is not None)
        except Refus:
            if ancienne:
                ancienne.annulee = False
            raise
        p.executions[demande.id] = Passee(
            demande.finess,
            demande.date,
            demande.numero_delivrance,
            [(ligne.id_ligne, ligne.resultat, float(ligne.quantite)) for ligne in demande.lignes],
            exceptionnelle=demande.is_exceptional(),
        )
        p.version += 1
        if p.verrou and p.verrou.finess == demande.finess:
            p.verrou = None
        return {
            "accuse": f"AR-{self.now():%Y%m%d}-{uuid4().hex[:8]}",
            "horodatage": self.now(),
            "version": p.version,
            "statut": self.base_status(p),
            "lignes": [(ligne.id, self.line_status(p, ligne)) for ligne in p.lignes],
            "avertissements": avertissements,
        }

    def _replaced(self, p: Prescription, demande: ExecutionRecue) -> Passee | None:
        if not demande.remplace:
            return None
        ancienne = p.executions.get(demande.remplace)
        if ancienne is None or ancienne.annulee or ancienne.finess != demande.finess:
            raise Refus("EPU-017", "Aucune exécution à remplacer sous cet identifiant")
        return ancienne

    def _check_execution(
        self, p: Prescription, demande: ExecutionRecue, *, corrige: bool
    ) -> list[tuple[str, str]]:
        exceptionnelle = self._exceptional(p, demande)
        self.check_living(p, termine=corrige, expire=corrige or exceptionnelle)
        # Boxes that left the shop without a lock are heard whoever holds it (§2.3).
        self.check_place(p, demande.finess, verrou=not demande.hors_ligne)
        self.check_version(p, demande.version)
        if demande.id in p.executions:
            raise Refus("EPU-020", "Identifiant d'exécution déjà utilisé")
        self._check_dates(p, demande)
        self._check_token(p, demande, libre=corrige or exceptionnelle)
        return self._check_lines(p, demande, exceptionnelle=exceptionnelle)

    def _exceptional(self, p: Prescription, demande: ExecutionRecue) -> bool:
        """Tell whether this is an admitted exceptional renewal of an expired one (§1.8.6)."""
        if not (demande.is_exceptional() and p.fin and self.base_status(p) == "EXPIREE"):
            return False
        deja = any(e.exceptionnelle and not e.annulee for e in p.executions.values())
        return demande.date <= add_months(p.fin, 3 if deja else 1)

    def _check_dates(self, p: Prescription, demande: ExecutionRecue) -> None:
        if demande.date.astimezone(PARIS).date() < p.date.astimezone(PARIS).date():
            raise Refus("EPU-004", "Délivrance antérieure à la prescription")
        if demande.date > self.now() + timedelta(minutes=5):
            raise Refus("EPU-020", "Délivrance dans l'avenir")

    def _check_token(self, p: Prescription, demande: ExecutionRecue, *, libre: bool) -> None:
        verrou = p.verrou
        if demande.jeton:
            tenu = verrou and verrou.jeton == demande.jeton and verrou.finess == demande.finess
            if not tenu or verrou is None or verrou.expire < self.now():
                raise Refus("EPU-009", "Jeton de verrou expiré")
        elif not (demande.hors_ligne or libre):
            raise Refus("EPU-009", "Exécution sans verrou ni saisie hors ligne")

    def _check_lines(
        self, p: Prescription, demande: ExecutionRecue, *, exceptionnelle: bool
    ) -> list[tuple[str, str]]:
        connues = {ligne.id.upper(): ligne for ligne in p.lignes}
        avertissements: dict[tuple[str, str], None] = {}
        for recue in demande.lignes:
            self._check_shape(recue, connues)
            if recue.produit and not is_known_product(recue, self._lpp()):
                avertissements[("EPU-016", "Produit inconnu, enregistré en libellé")] = None
            if not (recue.id_ligne and recue.is_delivery()):
                continue
            ligne = connues[recue.id_ligne.upper()]
            if not exceptionnelle:
                self._check_renewal(p, ligne, demande.numero_delivrance)
            prochaine = self.next_date(p, ligne)
            if prochaine and demande.numero_delivrance and demande.date < prochaine:
                texte = f"{ligne.faits['libelle'][:80]} : à partir du {_day(prochaine)}"
                avertissements[("EPU-012", texte)] = None
        return list(avertissements)

    def _check_shape(self, recue: LigneRecue, connues: dict[str, Ligne]) -> None:
        if recue.id_ligne and recue.id_ligne.upper() not in connues:
            raise Refus("EPU-013", "Ligne inconnue")
        for code, erreur in (("EPU-014", quantity_error(recue)), ("EPU-020", shape_error(recue))):
            if erreur:
                raise Refus(code, erreur)

    def _check_renewal(self, p: Prescription, ligne: Ligne, numero: int) -> None:
        """Refuse what is over: line cancelled, all délivrances done, number above the renewals."""
        prevus = ligne.renouvellements
        fini = self.line_status(p, ligne) in _FINIS
        if fini or (prevus is not None and numero > prevus):
            raise Refus("EPU-011", "Renouvellements épuisés", str(ligne.faits["libelle"])[:80])

    def _lpp(self) -> set[str]:
        """Return the LPP codes the service knows: those prescribed here, but one."""
        return {
            str(ligne.faits["lpp"])
            for p in self.prescriptions.values()
            for ligne in p.lignes
            if ligne.faits.get("lpp") not in {None, "9999999"}
        }

    def cancel(self, p: Prescription, id_execution: str, finess: str) -> None:
        """Undo one execution of this pharmacy."""
        execution = p.executions.get(id_execution)
        if execution is None or execution.finess != finess or execution.annulee:
            raise Refus("EPU-017", "Aucune exécution à annuler sous cet identifiant")
        if self.now() - execution.date > DELAI_ANNULATION:
            raise Refus("EPU-018", "Annulation hors délai")
        execution.annulee = True
        p.version += 1

    def close(self, p: Prescription, finess: str, version: int) -> None:
        """Close what remains."""
        self.check_living(p)
        self.check_place(p, finess)
        self.check_version(p, version)
        p.cloturee = True
        p.verrou = None
        p.version += 1

    def cancel_by_prescriber(self, p: Prescription) -> None:
        """Cancel, or close what is begun: its lines left are cancelled (§1.5)."""
        statut = self.base_status(p)
        if statut == "CREEE":
            p.annulee = self.now()
        elif statut == "PARTIELLEMENT_EXECUTEE":
            for ligne in p.lignes:
                ligne.annulee = self.line_status(p, ligne) != "EXECUTEE"
            p.cloturee = True
        else:
            raise ValueError(f"le prescripteur n'annule pas une ordonnance {statut}")
        p.version += 1


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(PARIS):%d/%m/%Y}"


def _last(p: Prescription) -> str:
    vivantes = [e for e in p.executions.values() if not e.annulee]
    if not vivantes:
        return ""
    derniere = max(vivantes, key=lambda e: e.date)
    return f"Dernière délivrance le {_day(derniere.date)} (FINESS {derniere.finess})"
