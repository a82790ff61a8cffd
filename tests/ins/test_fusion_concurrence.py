"""Two clerks at once, on rows really committed: one wins, the other is told, nobody is stuck."""

from datetime import date

import pytest
from django.db import connections

from ins.models import Fusion, TacheIdentite
from ins.services import datamatrix
from ins.services.datamatrix import Lue
from ins.services.doublons import open_proches
from ins.services.fusion import Choix, mark_of, merge
from ins.services.separation import separate
from pharmacy.models import Patient, Vente
from tests.deux_fils import together
from tests.ins.dossiers import OID as NIR
from tests.ins.dossiers import dossier

pytestmark = pytest.mark.exigence("INS-28")
LUE = Lue("279035121518989", NIR, "CONCURRENTE", "UNIQUE", date(1979, 3, 28), "F", "51215")
OTER = (
    "DELETE FROM ins_identiterecue WHERE patient_id = ANY(%s)",
    "DELETE FROM ins_evenementidentite WHERE patient_id = ANY(%s)",
    "DELETE FROM pharmacy_patientversion WHERE pgh_obj_id = ANY(%s)",
    "DELETE FROM pharmacy_patient WHERE id = ANY(%s)",
)
EFFACER = (
    "DELETE FROM ins_fusion WHERE garde_id = ANY(%s) OR absorbe_id = ANY(%s)",
    "DELETE FROM ins_evenementidentite WHERE patient_id = ANY(%s) OR patient_id = ANY(%s)",
    "DELETE FROM ins_tacheidentite WHERE patient_id = ANY(%s) OR autre_id = ANY(%s)",
    "DELETE FROM pharmacy_patientversion WHERE pgh_obj_id = ANY(%s) OR pgh_obj_id = ANY(%s)",
)


@pytest.fixture
def paire(django_db_setup, django_db_blocker):
    """Two files of one person, committed; the owner takes them away after."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with django_db_blocker.unblock():
        with officine_of(HALLE) as troupe:
            deux = [dossier(troupe, nom_naissance="CONCURRENTE") for _ in range(2)]
            yield troupe, *deux
        ids = [patient.pk for patient in deux]
        with connections["proprietaire"].cursor() as curseur:
            for quoi in EFFACER:
                curseur.execute(quoi, [ids, ids])
            curseur.execute(
                "UPDATE pharmacy_patient SET fusionne_dans_id = NULL WHERE id = ANY(%s)", [ids]
            )
            curseur.execute("DELETE FROM pharmacy_patientversion WHERE pgh_obj_id = ANY(%s)", [ids])
            curseur.execute("DELETE FROM pharmacy_patient WHERE id = ANY(%s)", [ids])
        for connexion in connections.all():
            connexion.close()


def test_two_clerks_who_merge_crosswise_do_not_wait_for_each_other(paire):
    troupe, un, autre = paire
    choix = Choix("piece", mark_of(un, autre))
    rendus = together(
        troupe,
        lambda: merge(troupe.acteur("A01"), un.pk, autre.pk, choix),
        lambda: merge(troupe.acteur("A02"), autre.pk, un.pk, choix),
    )
    assert {type(rendu) for rendu in rendus} == {Fusion, str}
    assert "PAT-404" in rendus
    assert Patient.objects.filter(pk__in=[un.pk, autre.pk], actif=True).count() == 1
    assert Fusion.objects.filter(garde__in=[un, autre]).count() == 1


def test_two_clerks_who_undo_at_once_undo_once(paire):
    troupe, un, autre = paire
    fusion = merge(troupe.acteur("A01"), un.pk, autre.pk, Choix("piece", mark_of(un, autre)))
    rendus = together(troupe, *(2 * [lambda: separate(troupe.acteur("A01"), fusion.pk)]))
    assert "INS-118" in rendus
    assert {type(rendu) for rendu in rendus} == {Fusion, str}
    assert Patient.objects.filter(pk__in=[un.pk, autre.pk], actif=True).count() == 2


def test_one_pair_met_twice_at_once_is_one_work_item(paire):
    troupe, un, autre = paire

    def look(patient):
        return lambda: len(open_proches(patient))

    assert together(troupe, look(un), look(autre)) == [1, 1]
    tache = TacheIdentite.objects.get(patient__in=[un, autre])
    assert (tache.patient, tache.autre) == (un, autre)


@pytest.fixture
def lecture(django_db_setup, django_db_blocker):
    """A code read in a sale, committed; the owner takes away what its answers leave."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with django_db_blocker.unblock():
        with officine_of(HALLE) as troupe:
            vente = Vente.objects.create(
                officine=troupe.officine,
                poste=troupe.postes[0],
                ouverte_par=troupe.operateurs["A02"],
            )
            yield troupe, datamatrix.keep(troupe.acteur(), vente, LUE)
            faits = Patient.objects.filter(nom_naissance=LUE.nom, premier_prenom=LUE.prenoms)
            ids = list(faits.values_list("pk", flat=True))
        with connections["proprietaire"].cursor() as curseur:
            curseur.execute("DELETE FROM ins_lecturedatamatrix WHERE vente_id = %s", [vente.pk])
            curseur.execute("DELETE FROM pharmacy_vente WHERE id = %s", [vente.pk])
            for quoi in OTER:
                curseur.execute(quoi, [ids])
        for connexion in connections.all():
            connexion.close()


@pytest.mark.exigence("INS-25")
@pytest.mark.cas("ins-66")
def test_a_code_answered_twice_at_once_makes_one_file(lecture):
    troupe, lue = lecture

    def creer():
        datamatrix.create(troupe.acteur(), lue.vente_id, lue.pk, verifier=False)

    rendus = together(troupe, creer, creer)
    assert sorted(map(str, rendus)) == ["INS-099", "None"]
    assert Patient.objects.filter(nom_naissance=LUE.nom, premier_prenom=LUE.prenoms).count() == 1
