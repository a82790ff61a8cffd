"""Published test identities, and the cases of the specification that none of them plays."""

import json
from pathlib import Path
from typing import Any

from simulators.population.personnes import OID_NIR, Ins, Personne, nir_key

FICHIER = Path(__file__).parents[1] / "insi/identites.json"


def published() -> list[Personne]:
    """Return the official test identities (ins.md §3.8)."""
    lignes = json.loads(FICHIER.read_text(encoding="utf-8"))["identites"]
    return [
        Personne(
            ligne["nom"],
            tuple(ligne["prenoms"].split()),
            ligne["sexe"],
            ligne["naissance"],
            ligne["lieu"] or "",
            Ins(ligne["matricule"], ligne["cle"] or "", ligne["oid"]),
            tuple(
                Ins(
                    h["matricule"],
                    h["cle"] or "",
                    h["oid"] or OID_NIR,
                    h["debut"] or "",
                    h["fin"] or "",
                )
                for h in ligne["historique"]
            ),
        )
        for ligne in lignes
    ]


def family() -> list[Personne]:
    """Return the NESSI family of the specification's example, on one card: mother and twins."""
    mere = "2840763220111"
    return [
        _someone("NESSI MARIE F 1984-07-12 63220", mere),
        _someone("NESSI LEO M 2010-08-07 63220", "1100863220011", ouvrant_droit=mere, rang=1),
        _someone("NESSI LEA F 2010-08-07 63220", "2100863220012", ouvrant_droit=mere, rang=2),
    ]


def _someone(traits: str, corps: str, **autres: Any) -> Personne:  # noqa: ANN401
    nom, prenoms, sexe, naissance, lieu = traits.rsplit(" ", 4)
    cle = autres.pop("cle", nir_key(corps))
    return Personne(
        nom,
        tuple(prenoms.split("+")),
        sexe,
        naissance,
        lieu,
        Ins(corps, cle, OID_NIR),
        **{"genre": "cas", **autres},
    )


def special() -> list[Personne]:
    """Return cases of the specification that no published identity plays (all fictitious)."""
    return [
        # CNDA 2.06: one name and day, two places; then (case 19) one place too.
        _someone("DE VINCI LEONARDO M 2014-02-01 63220", "1140263220101"),
        _someone("DE VINCI LEONARDO M 2014-02-01 75056", "1140275056102"),
        _someone("HOMONYME CAMILLE F 1988-03-08 63220", "2880363220201"),
        _someone("HOMONYME CAMILLE F 1988-03-08 63220", "2880363220202"),
        # Lunar dates (cases 38 and 39): the first is also found by its completed date.
        _someone(
            "LUNAIRE AMINA F 1950-00-00 99352", "2500099352123", dates_admises=("1950-12-31",)
        ),
        _someone("LUNAIRE BAKARI M 1962-05-00 99350", "1620599350124"),
        _someone("LUNAIRE AMAR M 1950-20-00 99352", "1502099352045"),
        # An answer without key (case 27), a compound first name (15), twins (53), another OID (34).
        _someone("SANSCLE IRENE F 1971-11-02 63220", "2711163220301", cle=""),
        _someone("TRAIT-DUNION JEAN-PIERRE+ALAIN M 1966-04-14 63220", "1660463220302"),
        _someone("JUMELLES MARIE F 2012-09-09 63220", "2120963220303"),
        _someone("JUMELLES MARIE-LOU F 2012-09-09 63220", "2120963220304", rang=2),
    ]
