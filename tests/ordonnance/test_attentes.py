"""What waits of a patient among their prescriptions, in the band of every screen."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from ordonnance.models import OrdonnanceNumerique
from ordonnance.services import recuperation
from pharmacy import panels
from pharmacy.models import Patient
from pharmacy.services.vente import patient_choose, vente_hold
from tests.ordonnance.atelier import NUMERO, confirmer

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("CTR-14")]


def _dit(halle, acteur=None):
    """What the band says, read again: words and where they lead."""
    patient = Patient.objects.get(pk=halle.patient().pk)
    comptes = panels.compteur_patient_list(patient, acteur or halle.acteur())
    return [(c["nombre"], c["libelle"], c["url"]) for c in comptes]


def test_a_prescription_put_aside_with_its_sale_waits(halle):
    vente = halle.vente()
    confirmer(halle, vente)
    assert _dit(halle) == []
    vente_hold(halle.acteur(), vente.pk)
    assert _dit(halle) == [(1, "ordonnance dans une vente en attente", "/")]
    page = halle.client().get(f"/patients/{halle.patient().pk}/identite/").content
    lien = BeautifulSoup(page, "html.parser").find(class_="bandeau-patient").find(class_="compteur")
    assert " ".join(lien.text.split()) == "1 ordonnance dans une vente en attente"


def test_a_delivery_on_paper_waits_to_be_completed(halle):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, halle.patient(), "recherche")
    numerique = recuperation.fetch(halle.acteur(), vente.pk, NUMERO, "SCAN")
    recuperation.to_paper(halle.acteur(), numerique.pk)
    assert _dit(halle) == [(1, "ordonnance à régulariser", "/ordonnances/a-regulariser/")]
    assert _dit(halle, replace(halle.acteur(), role="administratif")) == []


@pytest.mark.parametrize(
    ("etat", "nombre"),
    [("a_transmettre", 1), ("incertaine", 1), ("a_corriger", 1), ("transmise", 0), ("annulee", 0)],
)
def test_an_execution_waits_until_its_receipt(halle, etat, nombre):
    confirmer(halle, halle.vente())
    OrdonnanceNumerique.objects.update(etat=etat)
    assert _dit(halle) == [(1, "exécution à suivre", "/file/")] * nombre


def test_the_prescriptions_of_somebody_else_are_not_counted(halle, port):
    vente = halle.vente()
    confirmer(halle, vente)
    OrdonnanceNumerique.objects.update(etat="papier")
    autre = Patient.objects.create(
        officine=halle.officine, nom_naissance="AUTRE", cree_par=halle.operateurs["A01"]
    )
    assert panels.compteur_patient_list(autre, halle.acteur()) == []
