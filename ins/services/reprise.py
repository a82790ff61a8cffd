"""Taking over a patient base: read the whole file, show what it gives, write all of it or nothing.

Reading changes nothing but the row of the import. Writing is one transaction: the lines are copied
into a table of that transaction alone, then inserted set by set. A worker killed in the middle
leaves nothing; the row says where it was, and a person starts it again.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ins.models import ConstatImport, ImportPatients
from ins.rules.reprise import (
    Cadre,
    DossierLu,
    Faute,
    FichierIllisible,
    decode,
    parse_row,
    read_rows,
)
from ins.rules.statut import transition_number
from pharmacy import audit, chiffre
from pharmacy.acteurs import Acteur
from pharmacy.models import Patient
from pharmacy.rules.recherche import file_key, fold
from pharmacy.services.vente import VenteRefusee, check_droit
from teleservices.sonnette import ring_task

logger = logging.getLogger(__name__)
Etat = ImportPatients.Etat
TACHE = "ins.reprendre"
TAILLE_MAX = 40_000_000
PAS = 2_000
CONSTATS_MAX = 5_000
IMMOBILE_S = 180


class Annulee(Exception):
    """The titulaire cancelled while a worker had the file."""


@dataclass
class Lecture:
    """What a file gives: files to create, and what is to be said of the other lines."""

    dossiers: list[tuple[int, DossierLu]] = field(default_factory=list, repr=False)
    constats: list[ConstatImport] = field(default_factory=list, repr=False)
    erreurs: int = 0
    doublons: int = 0


# What a person does


def deposit(acteur: Acteur, octets: bytes) -> ImportPatients:
    """Keep a file, encrypted, and ring for its reading. VenteRefusee when one is under way.

    Source: ins.md §6 case 90; requirement INS-01.
    """
    check_droit(acteur, "ins.importer")
    if not octets or len(octets) > TAILLE_MAX:
        raise VenteRefusee("Choisissez un fichier CSV, 40 Mo au plus.", "IMP-001")
    try:
        with transaction.atomic():
            reprise = ImportPatients.objects.create(
                officine_id=acteur.officine_id, contenu=octets, demande_par_id=acteur.operateur_id
            )
            _trace(acteur, reprise, "deposer")
            ring_on_commit(reprise)
    except IntegrityError as exc:
        raise VenteRefusee(
            "Une reprise est déjà en cours : terminez-la ou annulez-la.", "IMP-002"
        ) from exc
    return reprise


def confirm(acteur: Acteur, import_id: int) -> None:
    """Ask for the writing of a file that was read without mistake. VenteRefusee otherwise."""
    check_droit(acteur, "ins.importer")
    with transaction.atomic():
        reprise = _move(acteur, import_id, (Etat.LU,), Etat.A_ECRIRE)
        _trace(acteur, reprise, "confirmer")
        ring_on_commit(reprise)


def cancel(acteur: Acteur, import_id: int) -> None:
    """Give up an import that is not written yet; a writing under way is undone by the database."""
    check_droit(acteur, "ins.importer")
    with transaction.atomic():
        reprise = _move(acteur, import_id, ImportPatients.EN_COURS, Etat.ANNULE)
        ImportPatients.objects.filter(pk=reprise.pk, officine_id=acteur.officine_id).update(
            contenu=None
        )
        _trace(acteur, reprise, "annuler")


def restart(acteur: Acteur, import_id: int) -> None:
    """Ring again for an import that nobody advances: a worker was killed, or the bell was lost."""
    check_droit(acteur, "ins.importer")
    with transaction.atomic():
        reprise = import_get(acteur, import_id)
        if not is_still(reprise):
            raise VenteRefusee("Cette reprise avance : attendez, ou annulez-la.", "IMP-004")
        avant = {Etat.LECTURE: Etat.A_LIRE, Etat.ECRITURE: Etat.A_ECRIRE}
        suivant = avant.get(Etat(reprise.etat), Etat(reprise.etat))
        _move(acteur, import_id, (reprise.etat,), suivant)
        _trace(acteur, reprise, "relancer")
        ring_on_commit(reprise)


def import_get(acteur: Acteur, import_id: int) -> ImportPatients:
    """Return an import of the officine, its file left aside. VenteRefusee (404) otherwise."""
    reprise = (
        ImportPatients.objects.defer("contenu")
        .filter(pk=import_id, officine_id=acteur.officine_id)
        .first()
    )
    if reprise is None:
        raise VenteRefusee("Cette reprise n'existe pas dans votre officine.", "IMP-404")
    return reprise


def is_still(reprise: ImportPatients) -> bool:
    """Tell whether a worker should have it and gives no sign of life any more."""
    age = (timezone.now() - reprise.avance_le).total_seconds()
    return reprise.est_en_cours and age > IMMOBILE_S


def ring_on_commit(reprise: ImportPatients) -> None:
    """Ring a worker of the background queue once the transaction commits."""
    officine_id, import_id = reprise.officine_id, reprise.pk
    transaction.on_commit(lambda: ring_task(TACHE, officine_id, import_id))


def _trace(acteur: Acteur, reprise: ImportPatients, geste: str) -> None:
    audit.note(acteur, "patient.importer", f"reprise:{reprise.pk}", resultat=geste)


def _move(acteur: Acteur, import_id: int, avant: Iterable[str], apres: str) -> ImportPatients:
    """Change the state if it is still one of `avant`. VenteRefusee otherwise."""
    reprise = import_get(acteur, import_id)
    if not _take(acteur.officine_id, import_id, avant, apres):
        raise VenteRefusee("Cette reprise n'en est plus là : relisez la page.", "IMP-003")
    return reprise


def _take(officine_id: int, import_id: int, avant: Iterable[str], apres: str) -> bool:
    lignes = ImportPatients.objects.filter(
        pk=import_id, officine_id=officine_id, etat__in=list(avant)
    )
    return lignes.update(etat=apres, avance_le=timezone.now()) == 1


# What a worker does


def advance(officine_id: int, import_id: int) -> None:
    """Do the next step of an import: read, or write. Nothing when another worker has it.

    A cancellation met on the way is not an error. Source: ins.md §6 case 90.
    """
    try:
        if _take(officine_id, import_id, (Etat.A_LIRE,), Etat.LECTURE):
            _read(ImportPatients.objects.get(pk=import_id, officine_id=officine_id))
        elif _take(officine_id, import_id, (Etat.A_ECRIRE,), Etat.ECRITURE):
            _write(ImportPatients.objects.get(pk=import_id, officine_id=officine_id))
    except Annulee:
        logger.info("reprise.annulee import=%s", import_id)


def _read(reprise: ImportPatients) -> None:
    """Read and check every line; say what would be created."""
    try:
        lecture = _check(reprise)
    except FichierIllisible as exc:
        _end(reprise, Etat.LECTURE, Etat.REFUSE, phrase=str(exc), contenu=None)
        return
    refuse = lecture.erreurs > 0 or not lecture.dossiers
    phrase = "" if lecture.erreurs or lecture.dossiers else "Aucun dossier à créer."
    suite = {"contenu": None, "phrase": phrase} if refuse else {}
    with transaction.atomic():
        ConstatImport.objects.bulk_create(lecture.constats[:CONSTATS_MAX], batch_size=1000)
        _end(
            reprise,
            Etat.LECTURE,
            Etat.REFUSE if refuse else Etat.LU,
            creables=len(lecture.dossiers),
            doublons=lecture.doublons,
            erreurs=lecture.erreurs,
            **suite,
        )


def _end(reprise: ImportPatients, avant: str, apres: str, **colonnes: object) -> None:
    """Leave a step for the next; Annulee when someone else moved the row meanwhile."""
    lignes = ImportPatients.objects.filter(
        pk=reprise.pk, officine_id=reprise.officine_id, etat=avant
    )
    if not lignes.update(etat=apres, avance_le=timezone.now(), **colonnes):
        raise Annulee


def _check(reprise: ImportPatients) -> Lecture:
    """Return what the file gives, doubles of the officine's files and of earlier lines aside."""
    texte = decode(bytes(reprise.contenu or b""))
    cadre = Cadre(timezone.localdate(), settings.ENVIRONNEMENT)
    lecture = Lecture()
    connus = Connus.of_officine(reprise.officine_id)
    total = texte.count("\n")
    for rang, (ligne, cellules) in enumerate(read_rows(texte)):
        if rang % PAS == 0:
            _beat(reprise, rang, max(total, rang))
        lu = parse_row(cellules, cadre)
        if isinstance(lu, DossierLu):
            _sort(reprise, lecture, connus, (ligne, lu))
        else:
            lecture.erreurs += 1
            lecture.constats += [_mistake(reprise, ligne, faute) for faute in lu]
    _beat(reprise, total, total)
    return lecture


def _beat(reprise: ImportPatients, faites: int, total: int) -> None:
    """Say how far it is; Annulee when the titulaire gave up."""
    if reprise.etat in {Etat.LECTURE, Etat.ECRITURE}:
        _end(reprise, reprise.etat, reprise.etat, faites=faites, total=total)


def _mistake(reprise: ImportPatients, ligne: int, faute: Faute) -> ConstatImport:
    return ConstatImport(
        officine_id=reprise.officine_id,
        importation=reprise,
        nature=ConstatImport.Nature.ERREUR,
        ligne=ligne,
        colonne=faute.colonne,
        phrase=faute.phrase[:160],
    )


def _sort(
    reprise: ImportPatients, lecture: Lecture, connus: "Connus", lue: tuple[int, DossierLu]
) -> None:
    """Keep a line as a file to create, or as a double of one that exists or of an earlier line."""
    ligne, dossier = lue
    deja = connus.meet(dossier, ligne)
    if deja is None:
        lecture.dossiers.append(lue)
        return
    lecture.doublons += 1
    lecture.constats.append(
        ConstatImport(
            officine_id=reprise.officine_id,
            importation=reprise,
            nature=ConstatImport.Nature.DOUBLON,
            ligne=ligne,
            colonne=deja.par,
            phrase="Un dossier existe déjà : rien n'est créé."
            if deja.patient_id
            else f"Même personne que la ligne {deja.ligne} : rien n'est créé.",
            patient_id=deja.patient_id,
        )
    )


@dataclass(frozen=True)
class Deja:
    """Who a line is the double of: a file, or an earlier line; and by what."""

    par: str
    patient_id: int | None = None
    ligne: int = 0


class Connus:
    """The people already there, by card, by INS and by traits (ins.md §2.9); lines join them."""

    def __init__(self) -> None:
        self._cles: dict[str, Deja] = {}

    @classmethod
    def of_officine(cls, officine_id: int) -> "Connus":
        """Return the active files of an officine, in one query."""
        connus = cls()
        lus = Patient.objects.filter(officine_id=officine_id, actif=True).values_list(
            "pk",
            "carte_empreinte",
            "ins_empreinte",
            "nom_naissance",
            "nom_utilise",
            "premier_prenom",
            "prenom_utilise",
            "date_naissance",
        )
        for pk, carte, ins, naissance, utilise, premier, prenom, jour in lus.iterator(5000):
            for par, cle in _keys(carte, ins, (naissance, utilise), (premier, prenom), jour):
                connus._cles.setdefault(cle, Deja(par, patient_id=pk))
        return connus

    def meet(self, dossier: DossierLu, ligne: int) -> Deja | None:
        """Return whom this line doubles; nobody: it is one of the known ones from now on."""
        cles = _keys(
            _card_digest(dossier),
            _ins_digest(dossier),
            (dossier.nom_naissance, dossier.nom_utilise),
            (dossier.premier_prenom, dossier.prenom_utilise),
            dossier.date_naissance,
        )
        connues = [cle for _, cle in cles] + _former_keys(dossier)
        deja = next((self._cles[cle] for cle in connues if cle in self._cles), None)
        if deja is None:
            self._cles.update({cle: Deja(par, ligne=ligne) for par, cle in cles})
        return deja


def _keys(
    carte: str,
    ins: str,
    noms: tuple[str, ...],
    prenoms: tuple[str, ...],
    jour: date | None,
) -> list[tuple[str, str]]:
    """Return (why, key) by which two records are one person; without a birth date, no traits."""
    cles = [("nir_assure", f"carte:{carte}")] if carte else []
    cles += [("ins_matricule", f"ins:{ins}")] if ins else []
    if jour is not None:
        premiers = {fold(prenom).split(" ")[0] for prenom in prenoms if prenom}
        cles += [
            ("nom", f"{jour}:{fold(nom)}:{prenom}")
            for nom in dict.fromkeys(noms)
            if nom
            for prenom in sorted(premiers)
        ]
    return cles


def _card_parts(dossier: DossierLu) -> tuple[str, ...]:
    rang = str(dossier.rang_gemellaire)
    return "vitale", dossier.nir_assure, dossier.naissance_carte, rang, dossier.qualite


def _card_digest(dossier: DossierLu) -> str:
    return chiffre.empreinte(*_card_parts(dossier)) if dossier.a_carte else ""


def _ins_digest(dossier: DossierLu) -> str:
    return chiffre.empreinte("ins", dossier.ins_matricule) if dossier.ins_matricule else ""


def _former_keys(dossier: DossierLu) -> list[str]:
    """Return what a file not yet computed again under the new key of the digests is known by."""
    cartes = chiffre.empreintes(*_card_parts(dossier))[1:] if dossier.a_carte else ()
    ins = chiffre.empreintes("ins", dossier.ins_matricule)[1:] if dossier.ins_matricule else ()
    return [f"carte:{e}" for e in cartes] + [f"ins:{e}" for e in ins]


# Writing

_COPIEES = (
    "nom_naissance",
    "nom_utilise",
    "nom_a_confirmer",
    "premier_prenom",
    "prenoms_naissance",
    "prenom_utilise",
    "date_naissance",
    "date_naissance_interpretee",
    "sexe",
    "cog_naissance",
    "recherche",
    "nir_assure",
    "naissance_facturation",
    "rang_gemellaire",
    "carte_empreinte",
    "vu_le",
)
_TABLE = """
CREATE TEMPORARY TABLE reprise_patients ON COMMIT DROP AS
SELECT id, {colonnes}, ''::bytea AS candidat, ''::text AS candidat_empreinte, ''::text AS oid
FROM pharmacy_patient WITH NO DATA;
ALTER TABLE reprise_patients ALTER id SET DEFAULT
nextval(pg_get_serial_sequence('pharmacy_patient', 'id')::regclass)
"""
_PATIENTS = """
INSERT INTO pharmacy_patient (id, officine_id, cree_par_id, cree_le, {colonnes}, statut, methode,
    traits_version, attr_homonyme, attr_douteux, attr_fictif, ins_matricule, ins_empreinte, ins_oid,
    ins_cle_calculee, motif_sans_ins, nir_certifie, actif)
SELECT id, %(officine)s, %(operateur)s, now(), {colonnes}, 'PROV', 'IMP',
    1, false, false, false, '', '', '', false, '', '', true
FROM reprise_patients
"""
_CANDIDATES = """
INSERT INTO ins_identiterecue (officine_id, patient_id, source, etat, matricule, empreinte, oid,
    recue_le, recue_par_id)
SELECT %(officine)s, id, 'import', 'a_verifier', candidat, candidat_empreinte, oid, now(),
    %(operateur)s
FROM reprise_patients WHERE candidat_empreinte <> ''
"""
# Each file begins its story (ins.md §2.5, T1): one statement for all of them.
_CREATIONS = """
INSERT INTO ins_evenementidentite (officine_id, patient_id, quand, operateur_id, transition,
    statut_avant, statut_apres, motif, avant)
SELECT %(officine)s, id, now(), %(operateur)s, %(transition)s, '', 'PROV', %(motif)s, NULL
FROM reprise_patients
"""


def _write(reprise: ImportPatients) -> None:
    """Create every file, in one transaction; what changed since the reading is looked at again."""
    with transaction.atomic():
        lecture = _check(_frozen(reprise))
        if lecture.erreurs:
            raise RuntimeError("a file that was read without mistake has one")
        _copy(lecture.dossiers)
        _insert(reprise)
        ConstatImport.objects.filter(officine_id=reprise.officine_id, importation=reprise).delete()
        ConstatImport.objects.bulk_create(lecture.constats[:CONSTATS_MAX], batch_size=1000)
        audit.note_system(
            reprise.officine_id,
            "patient.importer",
            f"reprise:{reprise.pk}",
            f"{len(lecture.dossiers)} créés",
        )
        _end(
            reprise,
            Etat.ECRITURE,
            Etat.FAIT,
            crees=len(lecture.dossiers),
            doublons=lecture.doublons,
            contenu=None,
        )


def _frozen(reprise: ImportPatients) -> ImportPatients:
    """Return the same import, whose progress is not written: a row locked until the end could not
    be cancelled."""
    return ImportPatients(
        pk=reprise.pk, officine_id=reprise.officine_id, etat=Etat.LU, contenu=reprise.contenu
    )


def _copy(dossiers: list[tuple[int, DossierLu]]) -> None:
    """Copy the lines into a table that lives as long as the transaction.

    COPY is refused on a table under row-level security: the set-based insertion that follows obeys
    the policy, this table has no need of one.
    """
    colonnes = ", ".join((*_COPIEES, "candidat", "candidat_empreinte", "oid"))
    with connection.cursor() as curseur:
        curseur.execute("DROP TABLE IF EXISTS pg_temp.reprise_patients")
        curseur.execute(_TABLE.format(colonnes=", ".join(_COPIEES)))
        with curseur.copy(f"COPY reprise_patients ({colonnes}) FROM STDIN") as copie:
            for valeurs in _values(dossiers):
                copie.write_row(valeurs)


def _values(dossiers: list[tuple[int, DossierLu]]) -> Iterator[tuple[object, ...]]:
    for _, lu in dossiers:
        recherche = file_key(
            (lu.nom_naissance, lu.nom_utilise),
            (lu.premier_prenom, lu.prenoms_naissance, lu.prenom_utilise),
        )
        yield (
            lu.nom_naissance,
            lu.nom_utilise,
            lu.nom_a_confirmer,
            lu.premier_prenom,
            lu.prenoms_naissance,
            lu.prenom_utilise,
            lu.date_naissance,
            lu.interpretee,
            lu.sexe,
            lu.cog_naissance,
            recherche,
            chiffre.encrypt(lu.nir_assure.encode()) if lu.nir_assure else b"",
            lu.naissance_carte,
            lu.rang_gemellaire,
            _card_digest(lu),
            lu.vu_le,
            chiffre.encrypt(lu.ins_matricule.encode()) if lu.ins_matricule else b"",
            _ins_digest(lu),
            lu.ins_oid,
        )


def _insert(reprise: ImportPatients) -> None:
    """Create the files, all provisoires, and keep their former INS as candidates."""
    parametres: dict[str, int | str] = {
        "officine": reprise.officine_id,
        "operateur": reprise.demande_par_id,
        "transition": transition_number("creation", ""),
        "motif": Patient.Methode.IMPORT.label,
    }
    with connection.cursor() as curseur:
        curseur.execute(_PATIENTS.format(colonnes=", ".join(_COPIEES)), parametres)
        curseur.execute(_CANDIDATES, parametres)
        curseur.execute(_CREATIONS, parametres)
        curseur.execute("DROP TABLE reprise_patients")
