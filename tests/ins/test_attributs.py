"""Attributes, steps back, death: what each takes away, who may; nothing comes back alone."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.utils import timezone

from ins.actes import ACTES
from ins.models import EvenementIdentite, HistoriqueIns, PieceControlee
from ins.services import attributs
from ins.services.appels import retry
from pharmacy.acteurs import DROITS
from pharmacy.models import Audit, Patient
from pharmacy.services.vente import VenteRefusee
from teleservices.models import Envoi

pytestmark = pytest.mark.django_db


@pytest.fixture
def qualifie(comptoir, zoe):
    """ADRUN ZOE, qualified."""
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    patient.refresh_from_db()
    return patient


def _refus(acte, *arguments):
    with pytest.raises(VenteRefusee) as refus:
        acte(*arguments)
    return refus.value.code


def _dernier(patient):
    return EvenementIdentite.objects.filter(patient=patient).order_by("-pk").first()


# Steps back


@pytest.mark.cas("ins-76")
def test_dequalifying_keeps_the_document_that_agrees(comptoir, qualifie):
    patient = attributs.step_back(comptoir.troupe.acteur(), qualifie.pk, "Carte prêtée")
    assert (patient.statut, patient.ins_oid) == ("VALI", "")
    assert PieceControlee.objects.get().active is True
    assert HistoriqueIns.objects.get().retiree_le is not None
    assert (_dernier(patient).transition, _dernier(patient).motif) == ("T13", "Carte prêtée")


def test_one_step_at_a_time_down_to_provisional(comptoir, qualifie):
    acteur = comptoir.troupe.acteur()
    attributs.step_back(acteur, qualifie.pk, "un")
    patient = attributs.step_back(acteur, qualifie.pk, "deux")
    assert (patient.statut, _dernier(patient).transition) == ("PROV", "T15")
    assert not PieceControlee.objects.filter(active=True).exists()
    assert _refus(attributs.step_back, acteur, qualifie.pk, "trois") == "INS-071"


def test_cancelling_a_recovery_leaves_a_provisional_identity(comptoir, zoe):
    patient = attributs.step_back(comptoir.troupe.acteur(), comptoir.read(zoe).pk, "Erreur")
    assert (patient.statut, _dernier(patient).transition) == ("PROV", "T14")


# Doubt


@pytest.mark.cas("ins-44")
@pytest.mark.exigence("INS-33")
def test_a_doubt_takes_everything_away_and_blocks_insi(comptoir, qualifie):
    acteur = comptoir.troupe.acteur("B01")
    attente = Envoi.objects.create(
        officine=comptoir.troupe.officine,
        service="insi",
        operation="ins.recuperer_traits",
        cle="attente",
        sujet=f"patient:{qualifie.pk}",
        file="interactif",
        operateur=comptoir.troupe.operateurs["A02"],
        pas_avant=timezone.now(),
    )
    patient = attributs.doubt(acteur, qualifie.pk, "Deux personnes peut-être")
    assert (patient.statut, patient.ins_oid, patient.ins_empreinte) == ("PROV", "", "")
    assert HistoriqueIns.objects.get().matricule == "275126322074974"
    assert not PieceControlee.objects.filter(active=True).exists()
    attente.refresh_from_db()
    assert attente.etat == "abandonne"
    assert _refus(retry, acteur, comptoir.vente.pk) == "INS-002"
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    assert "Identité douteuse ou fictive : appel INSi bloqué" in html
    assert "identite/relancer/" not in html


@pytest.mark.cas("ins-45")
@pytest.mark.exigence("INS-33")
def test_a_doubt_lifted_restores_nothing(comptoir, qualifie):
    acteur = comptoir.troupe.acteur("A01")
    attributs.doubt(acteur, qualifie.pk, "doute")
    patient = attributs.clear_doubt(acteur, qualifie.pk, "Personne reconnue")
    assert (patient.statut, patient.attr_douteux, patient.ins_oid) == ("PROV", False, "")
    assert not PieceControlee.objects.filter(active=True).exists()
    assert _dernier(patient).transition == "T18"
    assert _refus(attributs.clear_doubt, acteur, qualifie.pk, "encore") == "INS-073"


# Combinations


@pytest.mark.cas("ins-46")
@pytest.mark.exigence("INS-33")
def test_fictive_goes_with_nothing_and_doubtful_goes_with_homonym(comptoir, qualifie):
    acteur = comptoir.troupe.acteur("A01")
    attributs.doubt(acteur, qualifie.pk, "doute")
    patient = attributs.mark_homonym(acteur, qualifie.pk, "même nom, même date")
    assert (patient.attr_douteux, patient.attr_homonyme) == (True, True)
    assert _refus(attributs.make_fictive, acteur, qualifie.pk, "essai") == "INS-074"
    attributs.clear_doubt(acteur, qualifie.pk, "ok")
    assert _refus(attributs.make_fictive, acteur, qualifie.pk, "essai") == "INS-074"
    attributs.clear_homonym(acteur, qualifie.pk, "ok")
    patient = attributs.make_fictive(acteur, qualifie.pk, "essai")
    assert (patient.attr_fictif, patient.statut) == (True, "PROV")
    assert _refus(attributs.doubt, acteur, qualifie.pk, "doute") == "INS-072"
    assert _refus(attributs.mark_homonym, acteur, qualifie.pk, "même nom") == "INS-077"


@pytest.mark.cas("ins-46")
def test_the_screen_does_not_offer_what_does_not_combine(comptoir, qualifie):
    client = comptoir.troupe.client("A01")

    def offerts():
        html = client.get(f"/patients/{qualifie.pk}/identite/").content.decode()
        return {a.slug for a in ACTES if f"identite/actes/{a.slug}/" in html}

    assert offerts() == {"reculer", "douter", "homonyme", "fictive", "deces"}
    attributs.doubt(comptoir.troupe.acteur("A01"), qualifie.pk, "doute")
    assert offerts() == {"lever-doute", "homonyme", "deces"}
    attributs.clear_doubt(comptoir.troupe.acteur("A01"), qualifie.pk, "ok")
    attributs.make_fictive(comptoir.troupe.acteur("A01"), qualifie.pk, "essai")
    assert offerts() == {"lever-fictive", "deces"}


def test_a_fiction_lifted_leaves_a_provisional_identity(comptoir, qualifie):
    acteur = comptoir.troupe.acteur("A01")
    assert _refus(attributs.clear_fiction, acteur, qualifie.pk, "non") == "INS-075"
    attributs.make_fictive(acteur, qualifie.pk, "essai")
    patient = attributs.clear_fiction(acteur, qualifie.pk, "fin de l'essai")
    assert (patient.attr_fictif, patient.statut) == (False, "PROV")


@pytest.mark.exigence("INS-33")
def test_a_homonym_keeps_its_status_and_is_said_at_each_opening(comptoir, qualifie):
    acteur, client = comptoir.troupe.acteur(), comptoir.troupe.client()
    patient = attributs.mark_homonym(acteur, qualifie.pk, "jumelle au dossier voisin")
    assert (patient.statut, _dernier(patient).transition) == ("QUAL", "HOMP")
    assert _refus(attributs.mark_homonym, acteur, qualifie.pk, "encore") == "INS-078"
    for url in (
        f"/vente/{comptoir.vente.pk}/",
        f"/patients/{qualifie.pk}/",
        f"/patients/{qualifie.pk}/identite/",
    ):
        html = client.get(url).content.decode()
        assert "Homonyme : un autre dossier porte ces traits" in html, url


# Death


@pytest.mark.cas("ins-81")
def test_a_death_moves_no_status_and_shuts_what_must_be_confirmed(comptoir, qualifie):
    from pharmacy.identite import peut_sortir_de

    hier = timezone.localdate() - timedelta(days=1)
    acteur = comptoir.troupe.acteur("A01")
    patient = attributs.record_death(acteur, qualifie.pk, hier, "Annoncé par la famille")
    assert (patient.statut, patient.decede_le, _dernier(patient).transition) == (
        "QUAL",
        hier,
        "T29",
    )
    for action in ("insi.recuperer", "dmp.alimenter", "message.patient"):
        assert not peut_sortir_de(action, patient.etat_identite).ok
        assert peut_sortir_de(action, patient.etat_identite, confirme=True).ok
    patient = attributs.record_death(acteur, qualifie.pk, None, "Erreur de dossier")
    assert patient.decede_le is None


def test_a_death_is_neither_to_come_nor_before_the_birth(comptoir, qualifie):
    acteur = comptoir.troupe.acteur("A01")
    demain = timezone.localdate() + timedelta(days=1)
    for jour in (demain, date(1975, 12, 30)):
        assert _refus(attributs.record_death, acteur, qualifie.pk, jour, "x") == "INS-079"


# Every act: a reason, a right, an officine, a line in the audit


def _jouer(acte, acteur, patient, motif="motif"):
    return acte.faire(acteur, patient.pk, motif, None)


@pytest.mark.parametrize("acte", ACTES, ids=lambda a: a.slug)
def test_no_act_without_a_reason(comptoir, qualifie, acte):
    for motif in ("", "   "):
        assert _refus(_jouer, acte, comptoir.troupe.acteur("A01"), qualifie, motif) == "INS-070"
    qualifie.refresh_from_db()
    assert qualifie.statut == "QUAL"


@pytest.mark.parametrize("acte", ACTES, ids=lambda a: a.slug)
def test_no_act_for_a_role_without_its_right(comptoir, qualifie, acte):
    exclu = "administratif" if "preparateur" in DROITS[acte.droit][0] else "preparateur"
    with pytest.raises(PermissionError):
        _jouer(acte, replace(comptoir.troupe.acteur(), role=exclu), qualifie)
    qualifie.refresh_from_db()
    assert qualifie.statut == "QUAL"


@pytest.mark.parametrize("acte", ACTES, ids=lambda a: a.slug)
def test_no_act_from_another_officine(comptoir, port, qualifie, acte):
    assert _refus(_jouer, acte, port.acteur("A01"), qualifie) == "PAT-404"


@pytest.mark.parametrize("slug", ["reculer", "douter", "homonyme", "fictive", "deces"])
def test_each_act_of_the_screen_is_done_and_audited(comptoir, qualifie, slug):
    client = comptoir.troupe.client("A01")
    url = f"/patients/{qualifie.pk}/identite/actes/{slug}/"
    assert client.get(url).status_code == 200
    vide = client.post(url, {})
    assert (vide.status_code, "Donnez le motif" in vide.content.decode()) == (422, True)
    avant = EvenementIdentite.objects.filter(patient=qualifie).count()
    reponse = client.post(url, {"motif": "essai", "jour": "01/01/2020"})
    assert reponse["Location"] == f"/patients/{qualifie.pk}/identite/"
    assert EvenementIdentite.objects.filter(patient=qualifie).count() == avant + 1
    assert Audit.objects.filter(patient_id=qualifie.pk, acte__startswith="ins.").exists()


def test_an_act_that_no_longer_has_an_object_is_said_in_the_dialog(comptoir, qualifie):
    client = comptoir.troupe.client("A01")
    base = f"/patients/{qualifie.pk}/identite/actes"
    reponse = client.post(f"{base}/lever-doute/", {"motif": "x"})
    assert (reponse.status_code, "INS-073" in reponse.content.decode()) == (422, True)
    assert client.get(f"{base}/inconnu/").status_code == 404


def test_a_preparateur_sees_why_an_act_is_not_his(comptoir, qualifie):
    html = comptoir.troupe.client("B01").get(f"/patients/{qualifie.pk}/identite/")
    html = html.content.decode()
    assert "identite/actes/reculer/" not in html
    assert "Votre profil ne permet pas de modifier les traits stricts" in html


def test_a_file_that_is_no_longer_active_offers_nothing(comptoir, qualifie):
    Patient.objects.filter(pk=qualifie.pk).update(actif=False)
    html = comptoir.troupe.client("A01").get(f"/patients/{qualifie.pk}/identite/")
    html = html.content.decode()
    assert "rien ne s&#x27;y change" in html or "rien ne s'y change" in html
    assert "identite/actes/" not in html
