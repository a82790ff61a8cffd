"""The dialog « Contrôler une pièce d'identité »: four answers, the documents, what each does."""

import json
import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from ins.models import EvenementIdentite, HistoriqueIns, PieceControlee, RappelPiece, TacheIdentite
from pharmacy import parametres
from pharmacy.models import Operateur, Patient
from pharmacy.services.patient import patient_create
from pharmacy.services.vente import VenteRefusee, patient_choose
from tests.ins.scene import porteur

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}


def _url(comptoir):
    return f"/vente/{comptoir.vente.pk}/qualifier/"


def _post(comptoir, patient, code="A02", **corps):
    return comptoir.troupe.client(code).post(
        _url(comptoir), {"traits_version": patient.traits_version, **corps}, **HX
    )


def _enfant(comptoir, naissance=None, **traits):
    """A child known by its traits, in the sale."""
    acteur = comptoir.troupe.acteur()
    enfant = patient_create(
        acteur,
        Patient(
            nom_naissance="ESSAI",
            premier_prenom="LEO",
            sexe="M",
            date_naissance=naissance or timezone.localdate() - timedelta(days=3000),
            **traits,
        ),
    )
    patient_choose(acteur, comptoir.vente.pk, enfant, "recherche")
    return enfant


def _refus(acte):
    with pytest.raises(VenteRefusee) as refus:
        acte()
    return refus.value.code


def _pieces(html, nom="piece"):
    return re.findall(rf'name="{nom}"\s+value="(\w+)"', html)


# The screen


@pytest.mark.exigence("INS-13", "INS-14")
def test_four_answers_each_with_its_key_and_its_effect_and_none_chosen(comptoir, zoe):
    comptoir.read(zoe)
    html = comptoir.troupe.client().get(_url(comptoir)).content.decode()
    assert _pieces(html, "reponse") == ["conforme", "differente", "aucune", "refusee"]
    for phrase in (
        "Pièce présentée : elle montre ces traits",
        "Pièce différente des traits",
        "Aucune pièce présentée",
        "Refuse de présenter une pièce d'identité",
        "L'identité devient qualifiée",
        "La question revient aux prochaines délivrances",
    ):
        assert phrase in html.replace("&#x27;", "'")
    assert " checked" not in html
    assert html.count("= identique") == 6
    assert '<th scope="col">INSi</th>' in html


@pytest.mark.exigence("INS-07")
def test_four_documents_by_default_those_of_minors_for_a_minor_only(comptoir, zoe):
    comptoir.read(zoe)
    client = comptoir.troupe.client()
    assert sorted(_pieces(client.get(_url(comptoir)).content.decode())) == ["CN", "CS", "PA"]
    _enfant(comptoir)
    html = client.get(_url(comptoir)).content.decode()
    assert sorted(_pieces(html)) == ["AN", "CN", "CS", "LEP", "PA"]
    assert sorted(_pieces(html, "representant")) == ["CN", "CS", "PA"]


@pytest.mark.exigence("INS-07")
def test_the_titulaire_turns_on_another_document_by_its_code(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert _post(comptoir, patient, piece="eCN", reponse="conforme").status_code == 422
    parametres.modifier(comptoir.troupe.administrateur(), "ins.pieces_ajoutees", "eCN")
    assert _post(comptoir, patient, piece="eCN", reponse="conforme").status_code == 200
    patient.refresh_from_db()
    assert patient.statut == "QUAL"


def test_from_the_file_out_of_any_sale_the_same_dialog_goes_back_to_the_file(comptoir, zoe):
    patient = comptoir.read(zoe)
    client = comptoir.troupe.client()
    url = f"/patients/{patient.pk}/identite/qualifier/"
    assert f'action="{url}"' in client.get(url).content.decode()
    corps = {"traits_version": patient.traits_version, "piece": "PA", "reponse": "conforme"}
    reponse = client.post(url, corps, **HX)
    assert reponse["HX-Redirect"] == f"/patients/{patient.pk}/identite/"
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    assert not RappelPiece.objects.exists()


# The document differs


@pytest.mark.exigence("INS-15")
@pytest.mark.parametrize(
    ("corps", "phrase"),
    [
        ({}, "Choisissez la pièce présentée."),
        ({"piece": "PA"}, "Cochez les traits"),
        ({"piece": "PA", "ecarts": ["sexe"]}, "Dites que faire"),
    ],
)
def test_a_difference_wants_the_document_the_traits_and_what_follows(comptoir, zoe, corps, phrase):
    patient = comptoir.read(zoe)
    reponse = _post(comptoir, patient, reponse="differente", **corps)
    assert reponse.status_code == 422
    assert phrase in reponse.content.decode()
    assert not PieceControlee.objects.exists()
    assert not TacheIdentite.objects.exists()


@pytest.mark.exigence("INS-15")
def test_to_wait_keeps_the_status_what_differed_and_a_work_item(comptoir, zoe):
    patient = comptoir.read(zoe)
    reponse = _post(
        comptoir,
        patient,
        reponse="differente",
        piece="PA",
        ecarts=["nom_naissance", "sexe"],
        suite="attendre",
    )
    assert (reponse.status_code, reponse.content) == (200, b"")
    patient.refresh_from_db()
    assert patient.statut == "RECUP"
    piece = PieceControlee.objects.get()
    assert (piece.coherente, piece.active) == (False, False)
    assert json.loads(bytes(piece.traits_vus)) == {"differents": ["nom_naissance", "sexe"]}
    evenement = EvenementIdentite.objects.get(transition="PIED")
    assert evenement.motif == "La pièce montre autre chose : nom, sexe"
    tache = TacheIdentite.objects.get()
    assert (tache.nature, tache.precision, tache.close_le) == (
        "piece_differente",
        "nom, sexe",
        None,
    )


@pytest.mark.exigence("INS-15")
def test_to_doubt_takes_the_ins_away_and_leaves_a_work_item(comptoir, zoe):
    patient = comptoir.read(zoe)
    _post(
        comptoir,
        patient,
        reponse="differente",
        piece="CN",
        ecarts=["date_naissance"],
        suite="douteuse",
    )
    patient.refresh_from_db()
    assert (patient.statut, patient.attr_douteux, patient.ins_oid) == ("PROV", True, "")
    assert TacheIdentite.objects.get().nature == "piece_differente"


@pytest.mark.exigence("INS-15", "INS-24")
def test_to_refuse_insi_opens_the_traits_of_the_document_and_ends_validated(comptoir, zoe):
    patient = comptoir.read(zoe)
    reponse = _post(
        comptoir,
        patient,
        reponse="differente",
        piece="PA",
        ecarts=["nom_naissance"],
        suite="refuser_insi",
    )
    html = reponse.content.decode()
    assert "Saisir les traits de la pièce" in html
    champs = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', html, re.S))
    assert champs["piece"] == "PA"
    corps = {
        "nom_naissance": "ADRUNE",
        "prenoms_naissance": "ZOE",
        "premier_prenom": "ZOE",
        "date_naissance": "31/12/1975",
        "sexe": "F",
        "cog_naissance": "63220",
        "piece": "PA",
        "motif": champs["motif"].replace("&#x27;", "'"),
        "traits_version": champs["traits_version"],
    }
    reponse = comptoir.troupe.client().post(f"/patients/{patient.pk}/identite/traits/", corps)
    assert reponse.status_code == 302, reponse.content.decode()
    patient.refresh_from_db()
    assert (patient.statut, patient.nom_naissance, patient.ins_oid) == ("VALI", "ADRUNE", "")
    assert PieceControlee.objects.get(active=True).coherente is True
    assert HistoriqueIns.objects.get(patient=patient).matricule == "275126322074974"
    transitions = EvenementIdentite.objects.filter(patient=patient).order_by("pk")
    assert [e.transition for e in transitions] == ["T6", "PIED", "T16", "T7"]
    assert TacheIdentite.objects.get().close_le is not None


def test_a_preparateur_cannot_refuse_insi(comptoir, zoe):
    patient = comptoir.read(zoe)
    html = comptoir.troupe.client("B01").get(_url(comptoir)).content.decode()
    assert re.search(r'value="refuser_insi"[^>]*disabled', html, re.S)
    reponse = _post(
        comptoir,
        patient,
        "B01",
        reponse="differente",
        piece="PA",
        ecarts=["sexe"],
        suite="refuser_insi",
    )
    assert reponse.status_code == 403
    assert not PieceControlee.objects.exists()


def test_a_document_that_agrees_later_closes_the_work_item(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient, "differente")
    comptoir.check(patient)
    tache = TacheIdentite.objects.get()
    assert (tache.issue, tache.close_par.code) == ("Pièce conforme présentée", "A02")


def test_an_unknown_follow_up_or_no_trait_is_refused_by_the_service(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert _refus(lambda: comptoir.check(patient, "differente", ecarts=("taille",))) == "INS-067"
    assert _refus(lambda: comptoir.check(patient, "differente", suite="rien")) == "INS-068"


def test_a_weak_document_that_differs_moves_nothing_but_asks_a_person(comptoir, zoe):
    patient = comptoir.read(zoe)
    comptoir.check(patient)
    assert comptoir.check(patient, "differente", "PC").statut == "QUAL"
    assert TacheIdentite.objects.filter(close_le__isnull=True).count() == 1


# Minors


@pytest.mark.exigence("INS-07", "INS-08")
@pytest.mark.cas("ins-86")
def test_the_livret_de_famille_of_a_minor_proves_only_with_the_parents_document(comptoir):
    enfant = _enfant(comptoir)
    seul = _post(comptoir, enfant, reponse="conforme", piece="LEP")
    assert seul.status_code == 422
    assert "pièce du représentant légal" in seul.content.decode()
    assert _refus(lambda: comptoir.check(enfant, piece="LEP", representant="PC")) == "INS-064"
    enfant.refresh_from_db()
    assert enfant.statut == "PROV"
    avec = _post(comptoir, enfant, reponse="conforme", piece="LEP", representant="CN")
    assert avec.status_code == 200
    enfant.refresh_from_db()
    assert enfant.statut == "VALI"
    piece = PieceControlee.objects.get()
    assert (piece.type_piece, piece.piece_representant, piece.niveau) == ("LEP", "CN", "fort")


@pytest.mark.cas("ins-86")
@pytest.mark.exigence("INS-08")
def test_with_its_ins_a_minor_is_qualified_by_the_same_two_documents(comptoir):
    carte = porteur("1090763220888", "20090701", "MATRICULE", patronymique="PROVISOIRE")
    patient = comptoir.read(carte)
    jour = timezone.localdate() - timedelta(days=5000)
    Patient.objects.filter(pk=patient.pk).update(date_naissance=jour)
    assert comptoir.check(patient, piece="AN", representant="PA").statut == "QUAL"


def test_a_document_of_minors_proves_nothing_for_an_adult(comptoir, zoe):
    patient = comptoir.read(zoe)
    assert _refus(lambda: comptoir.check(patient, piece="LEP", representant="CN")) == "INS-063"
    majeur = timezone.localdate().replace(day=1)
    majeur = majeur.replace(year=majeur.year - 18)
    enfant = _enfant(comptoir, majeur)
    assert _refus(lambda: comptoir.check(enfant, piece="LEP", representant="CN")) == "INS-063"


# Expired documents


def _expired(comptoir, patient, jours):
    return comptoir.check(
        patient, piece="CN", perimee_le=timezone.localdate() - timedelta(days=jours)
    )


@pytest.mark.cas("ins-87")
def test_an_expired_card_is_accepted_and_said_so(comptoir, zoe):
    patient = comptoir.read(zoe)
    client = comptoir.troupe.client()
    assert "si la photo permet de reconnaître" in client.get(_url(comptoir)).content.decode()
    hier = timezone.localdate() - timedelta(days=1)
    reponse = _post(
        comptoir, patient, reponse="conforme", piece="CN", perimee_le=f"{hier:%d/%m/%Y}"
    )
    assert reponse.status_code == 200
    patient.refresh_from_db()
    assert patient.statut == "QUAL"
    assert PieceControlee.objects.get().perimee_le == hier
    fiche = client.get(f"/patients/{patient.pk}/identite/").content.decode()
    assert f"périmée depuis le {hier:%d/%m/%Y}" in fiche


@pytest.mark.cas("ins-87")
def test_the_settings_refuse_an_expired_card_or_one_too_old(comptoir, zoe):
    patient = comptoir.read(zoe)
    acteur = comptoir.troupe.administrateur()
    assert _refus(lambda: _expired(comptoir, patient, 366 * 5 + 1)) == "INS-066"
    assert _refus(lambda: _expired(comptoir, patient, 0)) == "INS-065"
    parametres.modifier(acteur, "ins.piece_perimee_annees", "0")
    assert _refus(lambda: _expired(comptoir, patient, 1)) == "INS-066"
    parametres.modifier(acteur, "ins.piece_perimee_annees", "5")
    parametres.modifier(acteur, "ins.piece_perimee_acceptee", "non")
    assert _refus(lambda: _expired(comptoir, patient, 1)) == "INS-066"
    patient.refresh_from_db()
    assert patient.statut == "RECUP"


# Who


@pytest.mark.parametrize("role", ["apprenti", "etudiant"])
def test_the_titulaire_may_keep_qualifying_from_apprentices_and_students(comptoir, zoe, role):
    patient = comptoir.read(zoe)
    Operateur.objects.filter(pk=comptoir.troupe.operateurs["B01"].pk).update(role=role)
    comptoir.troupe.operateurs["B01"].role = role
    parametres.modifier(comptoir.troupe.administrateur(), "ins.apprenti_qualifie", "non")
    client = comptoir.troupe.client("B01")
    assert client.get(_url(comptoir)).status_code == 403
    reponse = _post(comptoir, patient, "B01", reponse="conforme", piece="PA")
    assert reponse.status_code == 403
    assert "Le titulaire a réservé cet acte" in reponse.content.decode()
    parametres.modifier(comptoir.troupe.administrateur(), "ins.apprenti_qualifie", "oui")
    assert _post(comptoir, patient, "B01", reponse="conforme", piece="PA").status_code == 200


@pytest.mark.exigence("INS-37")
def test_no_copy_of_a_document_is_kept(comptoir, zoe):
    comptoir.check(comptoir.read(zoe))
    piece = PieceControlee.objects.get()
    fichiers = [c.name for c in piece._meta.get_fields() if c.get_internal_type() == "FileField"]
    assert fichiers == []
    assert not re.search(
        r'type="file"', comptoir.troupe.client().get(_url(comptoir)).content.decode()
    )


@pytest.mark.cas("ins-83")
def test_a_newborn_that_insi_does_not_know_stays_provisional_until_the_next_visit(comptoir):
    hier = timezone.localdate() - timedelta(days=2)
    carte = porteur("2751263220999", f"{hier:%Y%m%d}", "LEA", patronymique="NOUVELLE")
    bebe = comptoir.read(carte)
    assert bebe.statut == "PROV"
    appel = comptoir.again(bebe)
    assert (appel.code, bebe.statut) == ("01", "PROV")


@pytest.mark.cas("ins-82")
@pytest.mark.exigence("INS-18")
def test_a_tourist_is_validated_by_a_foreign_passport_and_insi_is_no_longer_offered(comptoir):
    from ins.services.sans_ins import note_reason

    acteur = comptoir.troupe.acteur()
    touriste = patient_create(
        acteur,
        Patient(
            nom_naissance="SMITH",
            premier_prenom="ANN",
            sexe="F",
            date_naissance=date(1980, 5, 4),
        ),
    )
    patient_choose(acteur, comptoir.vente.pk, touriste, "recherche")
    note_reason(acteur, touriste.pk, "etranger")
    assert comptoir.check(touriste).statut == "VALI"
    html = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    panneau = re.search(r'<section id="panneau-identite".*?</section>', html, re.S).group(0)
    assert "Personne étrangère, sans droits en France" in panneau
    assert "identite/relancer/" not in panneau
