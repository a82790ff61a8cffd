"""Finding a patient: what is typed finds who is meant, in this officine and nowhere else."""

import importlib
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pharmacy.models import Audit, MotConnu, MotPatient, Patient
from pharmacy.rules.recherche import SONS, sound
from pharmacy.selectors.patient import LIMITE, patient_search
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import Boite, ligne_add, patient_choose, vente_terminate
from tests.troupe import officine_of

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("CTR-13")]
HX = {"HTTP_HX_REQUEST": "true"}
NAISSANCE = date(1975, 12, 22)


def creer(halle, nom, prenom, naissance=NAISSANCE, **autres):
    patient = Patient(nom_naissance=nom, premier_prenom=prenom, date_naissance=naissance, **autres)
    return patient_create(halle.acteur(), patient)


def trouver(halle, frappe):
    """Return (near or exact, the files found)."""
    trouves = patient_search(halle.acteur(), frappe)
    return trouves.approches, list(trouves.patients)


@pytest.fixture
def adrun(halle):
    return creer(
        halle,
        "D'ADRUN-KERVELLA",
        "ZOE",
        prenoms_naissance="ZOE MARIE-LOU",
        nom_utilise="DUPONT DE LA TOUR",
        prenom_utilise="Zozo",
        sexe="F",
        cog_naissance="63220",
    )


@pytest.mark.parametrize(
    "frappe",
    [
        "adr",
        "ADRUN",
        "d'adrun",
        "dadrun",
        "d adrun kervella",
        "adrun-kervella",
        "adrunkervella",
        "kerv zo",
        "zoé adrun",
        "adrun zoe",
        "DÛPONT zoe",
        "latour",
        "de la tour",
        "dupontdelatour",
        "marie-lou adrun",
        "marielou adrun",
        "lou kerv",
        "zozo",
        "22/12/1975",
        "22-12-1975",
        "22.12.75",
        "22 12 1975",
        "22121975",
        "221275",
        "19751222",
        "1975-12-22",
        "22/12 zoe",
        "22/1 adr",
        "2212 adr",
        "zoe 22/12/1975 dupont",
        "adr adrun",
        "adrun adr zo zoe",
    ],
)
def test_any_name_in_any_order_with_any_usual_date_finds_the_file(halle, adrun, frappe):
    assert trouver(halle, frappe) == (False, [adrun])


@pytest.mark.parametrize(
    "frappe", ["adrun 23/12/1975", "adrun zoe paul", "dupont 22/11", "adrun 1976"]
)
def test_all_that_is_typed_must_be_there_for_an_exact_hit(halle, adrun, frappe):
    approches, trouves = trouver(halle, frappe)
    assert approches
    assert set(trouves) <= {adrun}


@pytest.mark.parametrize(
    "frappe",
    [
        "kervela adrun",  # one letter of two
        "kervella adurn",  # two letters swapped
        "zoe kervelle",
        "quervella zoe",  # heard alike
        "adrum",
        "kervella zoe 21/12/1975",  # one digit
        "kervella zoe 12/22/1975",  # day and month
        "zoe dupond",
        "le kervella zoe",  # a particle that is not there
        "karvela 22/12/1975",  # a name misspelt, the right day
    ],
)
def test_what_is_misspelt_is_offered_as_near_and_said_so(halle, adrun, frappe):
    approches, trouves = trouver(halle, frappe)
    assert approches
    assert trouves[0] == adrun


def test_someone_else_is_not_near(halle, adrun):
    for frappe in ("bertholon", "zebulon xavier", "kzrzqlla"):
        assert trouver(halle, frappe) == (True, [])


def test_the_nearest_comes_first(halle):
    loin = creer(halle, "MARTINEAU", "JEANNE", date(1950, 1, 1))
    pres = creer(halle, "MARTINAU", "JEAN", date(1960, 1, 1))
    approches, trouves = trouver(halle, "martinot jean")
    assert approches
    assert trouves[:1] == [pres]
    assert trouver(halle, "martineau jeane")[1][:1] == [loin]


@pytest.mark.exigence("INS-29")
@pytest.mark.parametrize(
    "frappe",
    ["275126322074974", "2 75 12 63 220 749 74", "27512632207", "1 60 01 2B 020 777 13"],
)
def test_a_matricule_is_never_typed(halle, adrun, frappe):
    trouves = patient_search(halle.acteur(), frappe)
    assert trouves.patients == ()
    assert "ne se tape pas" in trouves.phrase
    page = halle.client().post("/patients/", {"q": frappe}, **HX).content.decode()
    assert "scannez le datamatrix" in page


@pytest.mark.parametrize(
    ("frappe", "suffit"),
    [("", False), ("ad", False), ("d'", False), ("22", False), ("adr", True), ("d ad", True)],
)
def test_three_letters_two_words_or_a_day_launch_a_search(halle, adrun, frappe, suffit):
    trouves = patient_search(halle.acteur(), frappe)
    assert bool(trouves.patients) == suffit
    assert bool(trouves.phrase) == bool(frappe and not suffit)


def test_more_than_a_screen_is_said_and_not_shown(halle):
    for rang in range(LIMITE + 3):
        creer(halle, "KERZAM", "ZOE", NAISSANCE + timedelta(days=rang))
    trouves = patient_search(halle.acteur(), "kerz")
    assert (len(trouves.patients), trouves.reste) == (LIMITE, True)
    page = halle.client().post("/patients/", {"q": "kerz"}, **HX).content.decode()
    assert "D'autres dossiers existent" in page
    assert not patient_search(halle.acteur(), "kerz 22/12/1975").reste


def test_nothing_opens_by_itself_and_every_column_is_there(halle, adrun):
    Patient.objects.filter(pk=adrun.pk).update(
        attr_homonyme=True, vu_le=date(2026, 3, 4), nom_a_confirmer=True
    )
    page = halle.client().post("/patients/", {"q": "22/12/1975"})
    assert page.status_code == 200
    texte = " ".join(page.content.decode().split())
    for mot in (
        "D&#x27;ADRUN-KERVELLA ZOE",
        "DUPONT DE LA TOUR Zozo",
        "22/12/1975",
        "Féminin",
        "63220",
        "Identité provisoire",
        "Homonyme",
        "dernière visite le 04/03/2026",
        "nom de naissance à confirmer",
    ):
        assert mot in texte, mot


def test_the_last_visit_is_the_day_of_the_last_sale(
    halle, adrun, django_capture_on_commit_callbacks
):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, adrun, "recherche")
    ligne_add(halle.acteur(), vente.pk, Boite(libelle="PANSEMENT"))
    with django_capture_on_commit_callbacks(execute=True):
        vente_terminate(halle.acteur(), vente.pk)
    assert trouver(halle, "adrun")[1][0].vu_le == timezone.localdate()


def test_a_search_leaves_a_count_and_no_name(halle, adrun):
    client = halle.client()
    client.post("/patients/", {"q": "adrun"}, **HX)
    client.post("/patients/", {"q": "adrum zoe"}, **HX)
    lignes = Audit.objects.filter(acte="patient.chercher").order_by("pk")
    assert list(lignes.values_list("resultat", flat=True)) == ["1", "1 proches"]


@pytest.mark.exigence("SEC-06")
@pytest.mark.parametrize("frappe", ["adrun", "22/12/1975", "adrum", "kervela zoe"])
def test_the_files_of_another_officine_are_never_found(halle, port, adrun, frappe):
    from pharmacy.demonstration.donnees import PORT

    with officine_of(PORT):
        assert patient_search(port.acteur("A01"), frappe).patients == ()
        # Even someone who holds the other officine's number does not pass the second wall.
        assert patient_search(halle.acteur(), frappe).patients == ()
        assert not MotPatient.objects.exists()
        assert not MotConnu.objects.exists()


@pytest.mark.parametrize(
    ("frappe", "budget"),
    [("adrun", 1), ("adrun zoe", 2), ("adrun 22/12/1975", 1), ("adrum zoe 22/11/1975", 6)],
)
def test_a_search_costs_the_same_queries_for_one_file_and_for_thirty(halle, frappe, budget):
    def cout():
        with CaptureQueriesContext(connection) as prises:
            assert trouver(halle, frappe)[1]
        return len(prises)

    creer(halle, "ADRUN", "ZOE")
    un = cout()
    for rang in range(30):
        creer(halle, "ADRUN", "ZOE", NAISSANCE if rang % 2 else date(1975, 11, 22))
    assert cout() <= budget
    assert un <= budget


def test_files_met_under_several_words_do_not_hide_the_others(halle):
    """Each is met several times in a row under « MAR »: more are read, then it is said."""
    for lettre in "ABCDEFGHIJKLMN":
        creer(halle, f"MAR{lettre}A MAR{lettre}B MAR{lettre}C", "LEON")
    trouves = patient_search(halle.acteur(), "mar")
    assert [p.nom_naissance[3] for p in trouves.patients] == list("ABCDEFGH")
    assert trouves.reste


@pytest.mark.parametrize("frappe", ["adrun", "zoe adr", "22/12 adr"])
def test_under_the_policy_the_words_are_read_by_their_index(halle, adrun, frappe):
    with CaptureQueriesContext(connection) as prises:
        trouver(halle, frappe)
    cherche = prises[-1]["sql"]  # the last one gives the files
    with connection.cursor() as curseur:
        curseur.execute("SET LOCAL enable_seqscan = off")
        curseur.execute("EXPLAIN " + cherche)
        plan = "\n".join(ligne[0] for ligne in curseur.fetchall())
    assert "pharmacy_motpatient_pkey" in plan
    # How the files are then reached depends on their number: `make bench-recherche` measures it.
    [mots] = [c for c in plan.splitlines() if "Index Cond" in c and "cle" in c]
    assert "officine_id" in mots
    assert "cle >=" in mots
    assert "cle <" in mots


# What the database keeps by itself


@pytest.mark.parametrize("frappe", ["adr", "adrun zo"])
def test_whatever_plan_is_kept_the_reading_of_the_words_stops_before_the_files(
    halle, adrun, frappe
):
    """A limit outside the join lets a plan made for any value read a whole officine."""
    posees = []

    def keep(execute, sql, params, many, context):
        posees.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        assert trouver(halle, frappe) == (False, [adrun])
    sql, params = posees[-1]
    with connection.cursor() as curseur:
        curseur.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        (((plan,),),) = curseur.fetchall()
    assert "Limit" in _above(plan["Plan"], "pharmacy_motpatient")


def test_the_planner_does_not_see_the_bounds_of_a_range(halle, adrun):
    """Seen, they are planned again at each search, for longer than it takes to read."""
    with CaptureQueriesContext(connection) as prises:
        assert trouver(halle, "adr") == (False, [adrun])
    with connection.cursor() as curseur:
        curseur.execute("EXPLAIN " + prises[-1]["sql"])
        plan = "\n".join(ligne[0] for ligne in curseur.fetchall())
    assert "InitPlan" in plan


def _above(noeud, table, jusqua_jointure=()):
    """Return the kinds of the nodes between the reading of a table and the first join above it."""
    jointure = noeud["Node Type"] in {"Nested Loop", "Hash Join", "Merge Join"}
    ici = () if jointure else (*jusqua_jointure, noeud["Node Type"])
    if noeud.get("Relation Name") == table:
        return ici
    trouves = (_above(fils, table, ici) for fils in noeud.get("Plans", ()))
    return next((trouve for trouve in trouves if trouve), ())


def cles(patient):
    lignes = MotPatient.objects.filter(patient=patient).order_by("cle")
    return list(lignes.values_list("cle", flat=True))


def test_words_are_those_of_the_names_and_of_the_date(halle):
    patient = creer(halle, "LE GALL", "YVES", date(1950, 1, 2))
    assert cles(patient) == [
        "02011950 LE GALL YVES LEGALL",
        "GALL LE YVES LEGALL 02011950",
        "LE GALL YVES LEGALL 02011950",
        "LEGALL LE GALL YVES 02011950",
        "YVES LE GALL LEGALL 02011950",
    ]
    assert MotConnu.objects.filter(mot="LEGALL", son=sound("LEGALL")).exists()


def test_words_follow_a_change_made_behind_the_services(halle):
    patient = creer(halle, "LEROUX", "YVES", None)
    Patient.objects.filter(pk=patient.pk).update(recherche="LEROI ANNE")
    assert cles(patient) == ["ANNE LEROI", "LEROI ANNE"]
    Patient.objects.filter(pk=patient.pk).update(date_naissance=date(1950, 1, 2))
    assert cles(patient)[0].startswith("02011950 ")
    Patient.objects.filter(pk=patient.pk).update(actif=False)
    assert cles(patient) == []
    Patient.objects.filter(pk=patient.pk).update(actif=True)
    assert len(cles(patient)) == 3
    libre = Patient.objects.create(
        officine=halle.officine, recherche="KERZAM", cree_par=halle.operateurs["A01"]
    )
    numero = libre.pk
    assert MotPatient.objects.filter(patient_id=numero).count() == 1
    libre.delete()
    assert not MotPatient.objects.filter(patient_id=numero).exists()


def test_a_bulk_insertion_has_its_words_too(halle):
    commun = {"officine": halle.officine, "cree_par": halle.operateurs["A01"]}
    Patient.objects.bulk_create(
        Patient(nom_naissance="X", premier_prenom="Y", recherche=f"KERZAM{n} YVES", **commun)
        for n in range(20)
    )
    assert MotPatient.objects.filter(cle__startswith="KERZAM").count() == 20
    assert MotConnu.objects.filter(mot="YVES").count() == 1


def test_a_word_is_heard_alike_by_the_database_and_by_us():
    migration = importlib.import_module("pharmacy.migrations.0006_recherche")
    assert migration.SONS == SONS
    from bench.population import NOMS, PRENOMS_F, PRENOMS_M, people

    mots = {m for p in people(3000, 7) for m in f"{p.nom} {p.nom_utilise}".split()}
    mots |= {m for nom in (*NOMS, *PRENOMS_F, *PRENOMS_M) for m in nom.replace("-", "_").split("_")}
    mots |= {"SCHMITT", "PHILIPPE", "GUILHEM", "CHRYSSOULA", "AGNES", "X", "DESDT", "EEE", "QUOI"}
    tries = sorted(m for m in mots if m.isalnum())
    with connection.cursor() as curseur:
        curseur.execute("SELECT mot, comptoir_son(mot) FROM unnest(%s::text[]) mot", [tries])
        lus = dict(curseur.fetchall())
    assert len(lus) > 1000
    assert {mot: son for mot, son in lus.items() if son != sound(mot)} == {}
