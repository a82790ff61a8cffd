"""Duplicates found at night and at each creation, shown, put aside for good, never merged alone."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from celery import current_app
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ins import nuit
from ins.candidats import fiche_map, pair_list, patient_map, proche_list
from ins.models import (
    Fusion,
    HistoriqueIns,
    IdentiteRecue,
    RechercheDoublons,
    TacheIdentite,
)
from ins.rules.doublons import compare_fiches
from ins.selectors import empreinte_of
from ins.services.doublons import TACHE, compare_new, open_proches, put_aside, search_new
from pharmacy import flux
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Patient
from pharmacy.services.patient import (
    PorteurCarte,
    compute_recherche,
    is_bearer,
    patient_create,
    patient_of_card,
)
from pharmacy.services.vente import VenteRefusee
from tests.ins.dossiers import JOUR, LEO, OID, ZOE, dossier, fuse, with_ins

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-28")]
ENFANCE = date(2010, 8, 7)
ANCIEN = timezone.now() - timedelta(days=3)


def _search(troupe):
    return search_new(troupe.officine.pk)


def _open():
    """The pairs that wait: (lower file, other file, verdict, points)."""
    return {
        (t.patient_id, t.autre_id, t.precision, t.score)
        for t in TacheIdentite.objects.filter(nature="doublon", close_le__isnull=True)
    }


def test_a_night_opens_one_item_for_each_pair_and_merges_nothing(halle):
    un, autre = dossier(halle, cog_naissance="63220"), dossier(halle, cog_naissance="63220")
    dossier(halle, nom_naissance="MARTIN", premier_prenom="LUC", sexe="M")
    assert _search(halle) == 1
    assert _open() == {(un.pk, autre.pk, "probable", 90)}
    assert not Fusion.objects.exists()
    assert Patient.objects.filter(actif=True, nom_naissance="ADRUN").count() == 2
    assert Audit.objects.filter(acte="ins.doublons").count() == 1
    assert _search(halle) == 0


@pytest.mark.parametrize(
    ("une", "autre", "verdict"),
    [
        ({}, {"nom_naissance": "MARTIN", "nom_utilise": "Adrun"}, "possible"),
        ({"nom_naissance": "DUPONT"}, {"nom_naissance": "DUPOND"}, "possible"),
        ({"nom_naissance": "DE LA TOUR"}, {"nom_naissance": "LATOUR"}, "possible"),
        ({"nom_naissance": "DUPONT", "premier_prenom": "SOPHIE", "cog_naissance": "63220"},
         {"nom_naissance": "DUPOND", "premier_prenom": "SOFIE", "cog_naissance": "63220"},
         "possible"),
        ({"date_naissance": date(1975, 12, 3)}, {"date_naissance": date(1975, 3, 12)}, "possible"),
        ({"cog_naissance": "63220"},
         {"cog_naissance": "63220", "date_naissance": date(1985, 12, 31)}, "possible"),
        ({"cog_naissance": "63220"},
         {"cog_naissance": "63220", "date_naissance": date(1975, 12, 30)}, "possible"),
        ({}, {"premier_prenom": "LEA"}, "homonyme"),
    ],
)  # fmt: skip
def test_each_way_of_being_near_is_found(halle, une, autre, verdict):
    deux = dossier(halle, **une), dossier(halle, **autre)
    assert [(t[0], t[1], t[2]) for t in _found(halle)] == [(deux[0].pk, deux[1].pk, verdict)]
    assert [p.patient for p in proche_list(deux[0])] == [deux[1]]


def _found(troupe):
    _search(troupe)
    return _open()


def test_an_ins_heard_of_on_two_files_is_certain(halle):
    tenue = with_ins(dossier(halle))
    for modele, en_plus in (
        (IdentiteRecue, {"source": "document", "recue_par": tenue.cree_par}),
        (HistoriqueIns, {"rang": 1}),
    ):
        autre = dossier(halle, nom_naissance="SANS", date_naissance=None)
        modele.objects.create(
            officine=halle.officine, patient=autre, empreinte=empreinte_of(ZOE), oid=OID, **en_plus
        )
        assert (tenue.pk, autre.pk, "certain", 100) in _found(halle)
        assert proche_list(autre)[0].rapprochement.verdict == "certain"


def test_an_ins_taken_away_accuses_nobody(halle):
    with_ins(dossier(halle))
    autre = dossier(halle, nom_naissance="SANS", date_naissance=None)
    HistoriqueIns.objects.create(
        officine=halle.officine, patient=autre, empreinte=empreinte_of(ZOE), oid=OID, rang=1,
        retiree_le=timezone.now(),
    )  # fmt: skip
    assert _found(halle) == set()
    assert proche_list(autre) == []


def test_fictive_and_merged_files_are_not_looked_at(halle):
    un = dossier(halle)
    dossier(halle, attr_fictif=True)
    fuse(halle, un, dossier(halle))
    assert _found(halle) == set()
    assert proche_list(un) == []


def test_a_pair_put_aside_does_not_come_back(halle):
    un, autre = dossier(halle), dossier(halle)
    _search(halle)
    put_aside(halle.acteur("A02"), autre.pk, un.pk, "deux_personnes")
    Patient.objects.filter(pk=un.pk).update(cog_naissance="63220")
    RechercheDoublons.objects.all().delete()
    assert _search(halle) == 0
    assert open_proches(autre) != []
    assert _open() == set()
    tache = TacheIdentite.objects.get()
    assert (tache.issue, tache.close_par.code) == ("Deux personnes", "A02")


def test_two_files_separated_again_are_not_proposed_again(halle):
    from ins.services.separation import separate

    fusion = fuse(halle, dossier(halle), dossier(halle))
    separate(halle.acteur("A01"), fusion.pk)
    assert _found(halle) == set()


def test_only_what_changed_since_is_compared(halle):
    vieux = [dossier(halle) for _ in range(2)]
    Patient.objects.filter(pk__in=[p.pk for p in vieux]).update(cree_le=ANCIEN)
    RechercheDoublons.objects.create(
        officine=halle.officine, lancee_le=ANCIEN, jusqu_au=timezone.now() + timedelta(hours=3)
    )
    assert _search(halle) == 0
    RechercheDoublons.objects.update(jusqu_au=timezone.now())
    Patient.objects.filter(pk=vieux[0].pk).update(sexe="")
    assert _search(halle) == 1


def test_the_night_takes_each_officine_in_its_own_context_once(halle, port):
    un, autre = dossier(halle), dossier(halle)
    with officine_context(port.officine.pk):
        ailleurs = dossier(port)
    assert nuit.search_due() == 2
    assert _open() == {(un.pk, autre.pk, "possible", 80)}
    assert nuit.search_due() == 0
    with officine_context(port.officine.pk):
        assert Audit.objects.filter(acte="ins.doublons", resultat="0").exists()
        assert not TacheIdentite.objects.exists()
        assert proche_list(ailleurs) == []


def test_the_number_of_queries_does_not_grow_with_the_base(halle):
    for rang in range(30):
        dossier(halle, premier_prenom=f"ZOE {chr(65 + rang % 26)}")
    with CaptureQueriesContext(connection) as requetes:
        assert _search(halle) > 100
    assert len(requetes) <= 16
    with CaptureQueriesContext(connection) as requetes:
        assert len(open_proches(Patient.objects.filter(nom_naissance="ADRUN").first())) > 25
    assert len(requetes) <= 12


NOMS = st.sampled_from(["", "ADRUN", "ADRIN", "DE LA TOUR", "LATOUR", "DUPONT", "DUPOND", "D'ARC"])
DOSSIERS = st.fixed_dictionaries(
    {
        "nom_naissance": NOMS,
        "nom_utilise": st.sampled_from(["", "Adrun", "Élie-Dupont", "LE GOFF"]),
        "premier_prenom": st.sampled_from(["ZOE", "MARIE", "MARIE-LOU", "SOPHIE", "SOFIE"]),
        "prenoms_naissance": st.sampled_from(["", "ZOE ANNE", "SOPHIE MARIE"]),
        "prenom_utilise": st.sampled_from(["", "Zoé"]),
        "date_naissance": st.sampled_from(
            [None, JOUR, date(1975, 3, 12), date(1975, 12, 3), date(1976, 12, 31), date(1975, 3, 2)]
        ),
        "sexe": st.sampled_from(["", "F", "M"]),
        "cog_naissance": st.sampled_from(["", "63220", "63113"]),
    }
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(DOSSIERS, min_size=2, max_size=9))
def test_the_database_never_misses_a_pair_that_the_points_keep(halle, dossiers):
    Patient.objects.filter(premier_prenom__gt="").exclude(nom_naissance="PAT-TROIS").update(
        actif=False
    )
    neufs = [dossier(halle, **champs) for champs in dossiers]
    officine = halle.officine.pk
    fiches = list(fiche_map(officine, patient_map(officine, [p.pk for p in neufs])).values())
    gardees = {
        (une.numero, autre.numero)
        for une in fiches
        for autre in fiches
        if une.numero < autre.numero and compare_fiches(une, autre).verdict
    }
    assert gardees <= set(pair_list(officine, ANCIEN))
    for un in neufs:
        attendus = {b if a == un.pk else a for a, b in gardees if un.pk in {a, b}}
        assert attendus == {p.patient.pk for p in proche_list(un)}


# At the counter


def test_a_new_file_near_another_is_told_to_the_sales_that_show_it(
    halle, monkeypatch, django_capture_on_commit_callbacks
):
    connu = dossier(halle)
    vente = halle.vente()
    neuf = Patient(nom_naissance="ADRUN", premier_prenom="ZOE", date_naissance=JOUR, sexe="F")
    patient_create(halle.acteur(), neuf, vente.pk)
    dites = []
    monkeypatch.setattr(flux, "_publish", lambda canal, message: dites.append((canal, message)))
    with django_capture_on_commit_callbacks(execute=True):
        compare_new(halle.officine.pk, neuf.pk)
    assert _open() == {(connu.pk, neuf.pk, "possible", 80)}
    suites = [(canal, message["suite"]) for canal, message in dites if "suite" in message]
    [(canal, suite)] = suites
    assert canal == flux.canal_vente(halle.officine.pk, vente.pk)
    assert f"n° {connu.pk}" in suite["phrase"]


def test_creating_a_file_rings_for_its_comparison_with_ids_only(
    halle, monkeypatch, django_capture_on_commit_callbacks
):
    rangs = []
    monkeypatch.setattr(current_app, "send_task", lambda *a, **k: rangs.append((a, k["args"])))
    with django_capture_on_commit_callbacks(execute=True):
        neuf = patient_create(
            halle.acteur(), Patient(premier_prenom="ZOE", date_naissance=JOUR, sexe="F")
        )
        assert rangs == []
    assert rangs == [((TACHE,), (halle.officine.pk, neuf.pk))]


def test_a_file_gone_before_its_comparison_opens_nothing(halle, port):
    connu, neuf = dossier(halle), dossier(halle)
    Patient.objects.filter(pk=neuf.pk).update(actif=False)
    compare_new(halle.officine.pk, neuf.pk)
    compare_new(port.officine.pk, connu.pk)
    assert _open() == set()


@pytest.mark.cas("ins-53")
def test_twins_are_two_files_each_marked_homonyme(halle):
    acteur = halle.acteur()
    marie, lou = (
        patient_create(
            acteur,
            Patient(nom_naissance="ADRUN", premier_prenom=prenom, date_naissance=JOUR, sexe="F"),
        )
        for prenom in ("MARIE", "MARIE-LOU")
    )
    compare_new(halle.officine.pk, lou.pk)
    assert {(a, b, v) for a, b, v, _ in _open()} == {(marie.pk, lou.pk, "homonyme")}
    put_aside(acteur, marie.pk, lou.pk, "homonymes")
    for patient in (marie, lou):
        patient.refresh_from_db()
        assert (patient.attr_homonyme, patient.actif, patient.statut) == (True, True, "PROV")
        dit = patient.evenements.get(transition="HOMP")
        assert (dit.operateur_id, dit.motif) == (acteur.operateur_id, "Deux personnes, homonymes")
    assert _open() == set()


@pytest.mark.cas("ins-54")
def test_twins_of_one_first_name_are_suspected_and_linked_by_nobody(halle):
    un = with_ins(dossier(halle, carte_empreinte="a", nir_assure="1", rang_gemellaire=1))
    autre = with_ins(dossier(halle, carte_empreinte="b", nir_assure="1", rang_gemellaire=2), LEO)
    assert {(a, b, v) for a, b, v, _ in _found(halle)} == {(un.pk, autre.pk, "jumeaux")}
    assert compute_recherche(un) == compute_recherche(autre)
    for patient in (un, autre):
        relu = Patient.objects.get(pk=patient.pk)
        assert (relu.actif, relu.statut) == (True, "RECUP")


@pytest.mark.cas("ins-55")
def test_a_child_on_the_cards_of_both_parents_has_one_file(halle):
    acteur = halle.acteur()
    mere = PorteurCarte("2840763220111", "", "20100807", 1, "6", "NESSI", "NESSI", "LEA", ENFANCE)
    pere = replace(mere, nir_assure="1820763220222")
    jumelle = replace(pere, rang_gemellaire=2)
    enfant = patient_of_card(acteur, mere)
    with_ins(enfant)
    assert patient_of_card(acteur, pere) == enfant
    assert is_bearer(enfant, pere)
    enfant.refresh_from_db()
    assert (enfant.nir_assure, enfant.ins_matricule) == ("2840763220111", ZOE)
    # Known again by the card alone, whatever the names have become.
    Patient.objects.filter(pk=enfant.pk).update(premier_prenom="LEA-ROSE", nom_naissance="AUTRE")
    assert patient_of_card(acteur, pere) == enfant
    assert _open() == set()
    Patient.objects.filter(pk=enfant.pk).update(premier_prenom="LEA", nom_naissance="NESSI")
    assert patient_of_card(acteur, jumelle) != enfant


@pytest.mark.cas("ins-53")
def test_the_card_of_a_twin_is_not_put_on_her_sisters_file(halle):
    marie = dossier(halle, nom_naissance="NESSI", premier_prenom="MARIE", date_naissance=ENFANCE)
    carte = PorteurCarte(
        "2840763220111", "", "20100807", 2, "6", "NESSI", "NESSI", "MARIE-LOU", ENFANCE
    )
    assert patient_of_card(halle.acteur(), carte) != marie


@pytest.mark.parametrize(
    ("issue", "champs", "code"),
    [
        ("autre chose", {}, "INS-103"),
        ("homonymes", {"attr_fictif": True}, "INS-105"),
    ],
)
def test_what_cannot_be_put_aside_is_said(halle, issue, champs, code):
    un, autre = dossier(halle), dossier(halle, **champs)
    with pytest.raises(VenteRefusee) as refus:
        put_aside(halle.acteur(), un.pk, autre.pk, issue)
    assert refus.value.code == code
    un.refresh_from_db()
    assert not un.attr_homonyme


def test_another_officine_puts_nothing_aside(halle, port):
    un, autre = dossier(halle), dossier(halle)
    with pytest.raises(VenteRefusee) as refus:
        put_aside(port.acteur("A01"), un.pk, autre.pk, "homonymes")
    assert refus.value.code == "PAT-404"
