"""Which files may be one person: looked for by sets in PostgreSQL, judged by the rules.

Theory of operation. Points need a birth date in common, or nearly so, and a name heard alike
(`ins.rules.doublons`), or one INS. The words of the names, and how each is heard, are kept by the
database (`MotConnu`): the pairs come from joins on (day, sound), never from a look at each file
against each other. What these joins give is wider than what the points keep, never narrower.
Nothing is read across officines: row-level security is on, and the officine is named besides.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from ins.models import HistoriqueIns, IdentiteRecue
from ins.rules.doublons import Fiche, Rapprochement, compare_fiches, near_days
from ins.selectors import traits_of
from pharmacy.models import Patient

_COLONNES = (
    "officine",
    "nom_naissance",
    "prenoms_naissance",
    "premier_prenom",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "nom_utilise",
    "prenom_utilise",
    "rang_gemellaire",
    "carte_empreinte",
    "ins_oid",
    "ins_empreinte",
    "statut",
    "attr_homonyme",
    "attr_douteux",
    "attr_fictif",
    "vu_le",
)

_NEUVES = """
SELECT p.id, p.date_naissance FROM pharmacy_patient p
WHERE p.officine_id = %(officine)s AND p.actif AND NOT p.attr_fictif
AND (p.cree_le >= %(depuis)s OR p.id IN (
    SELECT v.pgh_obj_id FROM pharmacy_patientversion v
    WHERE v.officine_id = %(officine)s AND v.pgh_created_at >= %(depuis)s))
"""

# `f`: the new files and those they may meet; `w`: their words, by ear. A day that is only near asks
# for a birth or used name in common (`nom`): a first name alone would not earn the points. A name
# that PostgreSQL would not fold as we do counts as one in any case. The cast of `neuves` lets it be
# looked up by hash: without it, 150,000 new files would take minutes.
_PAIRES = """
WITH f AS MATERIALIZED (
    SELECT p.id, p.recherche, p.date_naissance AS jour,
        to_char(p.date_naissance, 'YYYY') AS annee, to_char(p.date_naissance, 'MMDD') AS reste,
        CASE WHEN extract(day FROM p.date_naissance) <= 12
            THEN to_char(p.date_naissance, 'YYYYDDMM') END AS inverse,
        p.nom_naissance || ' ' || p.nom_utilise AS noms, p.id = ANY (%(neuves)s::bigint[]) AS neuf
    FROM pharmacy_patient p
    WHERE p.officine_id = %(officine)s AND p.actif AND NOT p.attr_fictif
    AND p.date_naissance IS NOT NULL {jours}
), w AS MATERIALIZED (
    SELECT f.id, f.neuf, f.jour, f.annee, f.reste, f.inverse, k.son,
        f.noms ~ '[^A-Za-z ''-]' OR m.mot = ANY (
            string_to_array(upper(translate(f.noms, '''-', '  ')), ' ')) AS nom
    FROM f CROSS JOIN LATERAL unnest(string_to_array(f.recherche, ' ')) AS m(mot)
    JOIN pharmacy_motconnu k ON k.officine_id = %(officine)s AND k.mot = m.mot
    WHERE k.son <> ''
), proches AS (
    SELECT n.id AS un, a.id AS deux FROM w n
    JOIN w a ON a.jour = n.jour AND a.son = n.son
    WHERE n.neuf AND a.id <> n.id
    UNION ALL
    SELECT n.id, a.id FROM w n
    JOIN w a ON a.annee || a.reste = n.inverse AND a.son = n.son
    WHERE n.neuf AND a.id <> n.id AND n.nom AND a.nom
    UNION ALL
    SELECT n.id, a.id FROM w n
    JOIN w a ON a.annee = n.annee AND a.son = n.son
    WHERE n.neuf AND a.id <> n.id AND n.nom AND a.nom AND {meme_annee} = 1
    UNION ALL
    SELECT n.id, a.id FROM w n
    JOIN w a ON a.reste = n.reste AND a.son = n.son
    WHERE n.neuf AND a.id <> n.id AND n.nom AND a.nom AND {meme_reste} = 1
), connues AS (
    SELECT p.id, p.ins_oid AS oid, p.ins_empreinte AS empreinte FROM pharmacy_patient p
    WHERE p.officine_id = %(officine)s AND p.actif AND p.ins_empreinte <> ''
    UNION SELECT r.patient_id, r.oid, r.empreinte FROM ins_identiterecue r
    WHERE r.officine_id = %(officine)s AND r.etat = 'a_verifier'
    UNION SELECT h.patient_id, h.oid, h.empreinte FROM ins_historiqueins h
    WHERE h.officine_id = %(officine)s AND h.retiree_le IS NULL
)
SELECT least(un, deux), greatest(un, deux) FROM proches
UNION
SELECT c.id, d.id FROM connues c
JOIN connues d ON d.oid = c.oid AND d.empreinte = c.empreinte AND d.id > c.id
EXCEPT
SELECT least(t.patient_id, t.autre_id), greatest(t.patient_id, t.autre_id)
FROM ins_tacheidentite t WHERE t.officine_id = %(officine)s
AND (t.nature = 'doublon' OR t.nature = 'collision' AND t.close_le IS NULL)
"""
# Beyond, the days near those of the new files are nearly all days.
_JOURS_CHOISIS = 2000


def _count_different(colonne: str) -> str:
    """Return the expression that counts the digits by which two texts of four differ."""
    egalites = (
        f"(substr(a.{colonne}, {rang}, 1) <> substr(n.{colonne}, {rang}, 1))::int"
        for rang in range(1, 5)
    )
    return f"({' + '.join(egalites)})"


def _build(jours: str) -> str:
    return _PAIRES.format(
        jours=jours, meme_annee=_count_different("reste"), meme_reste=_count_different("annee")
    )


_TOUTES, _CHOISIES = _build(""), _build("AND p.date_naissance = ANY (%(jours)s::date[])")


@dataclass(frozen=True)
class Proche:
    """A file near another one, and why."""

    patient: Patient = field(repr=False)
    rapprochement: Rapprochement


def pair_list(officine_id: int, depuis: datetime) -> list[tuple[int, int]]:
    """Return pairs (lower id, higher id) with a file created or changed since `depuis`.

    Two queries. Pairs that a person put aside, and those that wait already, are not among them.
    """
    with connection.cursor() as curseur:
        curseur.execute(_NEUVES, {"officine": officine_id, "depuis": depuis})
        neuves = dict(curseur.fetchall())
        valeurs: dict[str, int | list[int] | list[date]] = {
            "officine": officine_id,
            "neuves": list(neuves),
        }
        if len(neuves) > _JOURS_CHOISIS:
            curseur.execute(_TOUTES, valeurs)
        else:
            jours = {proche for jour in neuves.values() if jour for proche in near_days(jour)}
            curseur.execute(_CHOISIES, valeurs | {"jours": sorted(jours)})
        return list(curseur.fetchall())


def patient_map(officine_id: int, ids: Iterable[int]) -> dict[int, Patient]:
    """Return the active, real files of these ids; encrypted columns are not read."""
    trouves = Patient.objects.filter(
        officine_id=officine_id, pk__in=set(ids), actif=True, attr_fictif=False
    )
    return {patient.pk: patient for patient in trouves.only(*_COLONNES)}


def fiche_map(officine_id: int, patients: dict[int, Patient]) -> dict[int, Fiche]:
    """Return what is compared of these files: two queries, whatever their number."""
    connues: dict[int, set[str]] = {}
    quels = {"officine_id": officine_id, "patient_id__in": patients}
    for recue in IdentiteRecue.objects.filter(etat="a_verifier", **quels).values_list(
        "patient_id", "oid", "empreinte"
    ):
        connues.setdefault(recue[0], set()).add(_digest(*recue[1:]))
    for ancienne in HistoriqueIns.objects.filter(retiree_le=None, **quels).values_list(
        "patient_id", "oid", "empreinte"
    ):
        connues.setdefault(ancienne[0], set()).add(_digest(*ancienne[1:]))
    return {
        pk: Fiche(
            numero=pk,
            traits=traits_of(patient),
            nom_utilise=patient.nom_utilise,
            prenom_utilise=patient.prenom_utilise,
            rang=patient.rang_gemellaire if patient.carte_empreinte else None,
            ins=_digest(patient.ins_oid, patient.ins_empreinte),
            ins_connues=frozenset(connues.get(pk, ())),
        )
        for pk, patient in patients.items()
    }


def _digest(oid: str, empreinte: str) -> str:
    return f"{oid}:{empreinte}" if empreinte else ""


def proche_list(patient: Patient) -> list[Proche]:
    """Return the files near this one, nearest first; nine queries at most, whatever the base.

    Pairs that a person put aside are among them: who looks decides.
    """
    ids = _same_ins(patient)
    if patient.date_naissance is not None:
        ids |= set(
            Patient.objects.filter(
                officine_id=patient.officine_id,
                date_naissance__in=near_days(patient.date_naissance),
                actif=True,
            ).values_list("pk", flat=True)
        )
    patients = patient_map(patient.officine_id, ids | {patient.pk})
    fiches = fiche_map(patient.officine_id, patients)
    mienne = fiches.pop(patient.pk, None)
    if mienne is None:
        return []
    proches = [Proche(patients[pk], compare_fiches(mienne, fiche)) for pk, fiche in fiches.items()]
    gardes = [proche for proche in proches if proche.rapprochement.verdict]
    return sorted(gardes, key=lambda proche: (-proche.rapprochement.score, proche.patient.pk))


def _same_ins(patient: Patient) -> set[int]:
    """Return the files that hold, or heard of, an INS that this one holds or heard of."""
    fiche = fiche_map(patient.officine_id, {patient.pk: patient})[patient.pk]
    tenues, citees = Q(), Q()
    for ins in fiche.ins_toutes:
        oid, _, empreinte = ins.partition(":")
        tenues |= Q(ins_oid=oid, ins_empreinte=empreinte)
        citees |= Q(oid=oid, empreinte=empreinte)
    if not fiche.ins_toutes:
        return set()
    ici = {"officine_id": patient.officine_id}
    recues = IdentiteRecue.objects.filter(citees, etat="a_verifier", **ici)
    anciennes = HistoriqueIns.objects.filter(citees, retiree_le=None, **ici)
    return {
        *Patient.objects.filter(tenues, actif=True, **ici).values_list("pk", flat=True),
        *recues.values_list("patient_id", flat=True),
        *anciennes.values_list("patient_id", flat=True),
    }
