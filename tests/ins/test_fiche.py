"""The identity page: evidence, calls, story, what may go out; masked for who may not see."""

import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ins.attentes import count_homonymes, count_taches
from ins.models import IdentiteRecue
from ins.services import attributs
from ins.services.doublons import put_aside
from ins.services.separation import separate
from ins.services.taches import close_taches, open_tache
from pharmacy import panels
from pharmacy.models import Audit, Operateur, Patient
from tests.ins.dossiers import dossier, fuse

pytestmark = pytest.mark.django_db
MATRICULE = "275126322074974"


@pytest.fixture
def qualifie(comptoir, zoe):
    """ADRUN ZOE, qualified."""
    patient = comptoir.read(zoe)
    comptoir.check(patient, piece="CN")
    patient.refresh_from_db()
    return patient


def _lire(comptoir, patient, code="A02", suite=""):
    reponse = comptoir.troupe.client(code).get(f"/patients/{patient.pk}/identite/{suite}")
    return " ".join(reponse.content.decode().replace("&#x27;", "'").split())


def _section(html, titre):
    return re.search(rf"{titre}</h2>(.*?)</section>", html).group(1)


@pytest.mark.exigence("INS-08", "INS-35")
def test_it_says_which_document_who_checked_it_when_and_each_call(comptoir, qualifie):
    html = _lire(comptoir, qualifie)
    piece = _section(html, "Pièces contrôlées")
    assert re.search(
        r"Carte nationale d'identité</strong>, le \d\d/\d\d/\d{4} à \d\d:\d\d par A. MARTIN", piece
    )
    assert "✔ conforme, l'identité repose sur elle" in piece
    appel = _section(html, "Appels à INSi")
    assert re.search(r"\d\d:\d\d</strong>, carte vitale, par A. MARTIN", appel)
    assert " : 00 " in appel


@pytest.mark.exigence("INS-24")
def test_the_story_says_who_when_why_and_what_each_trait_was(comptoir, qualifie):
    from dataclasses import replace as remplacer

    from ins.selectors import traits_of
    from ins.services.traits import Saisie, traits_modify

    traits = remplacer(traits_of(qualifie), nom_naissance="DURAND")
    traits_modify(
        comptoir.troupe.acteur("A01"),
        qualifie.pk,
        Saisie(traits, qualifie.traits_version, "Erreur de saisie"),
    )
    recit = _section(_lire(comptoir, qualifie), "Histoire de l'identité")
    premier = recit.split("</li>")[0]
    assert "Traits stricts modifiés, par J. ROUSSEAU : QUAL → PROV." in premier
    assert "Erreur de saisie" in premier
    assert "nom de naissance : ADRUN → DURAND" in premier
    assert "Pièce conforme, par A. MARTIN : RECUP → QUAL." in recit
    assert "INS récupérée, par A. MARTIN : PROV → RECUP." in recit


def test_a_change_that_no_act_tells_is_in_the_story_all_the_same(comptoir, qualifie):
    from ins.models import EvenementIdentite

    Patient.objects.filter(pk=qualifie.pk).update(nom_utilise="LEGRAND")
    dits = EvenementIdentite.objects.filter(patient=qualifie).count()
    recit = _section(_lire(comptoir, qualifie), "Histoire de l'identité")
    assert "nom utilisé : DUPONT → LEGRAND" in recit or "nom utilisé : — → LEGRAND" in recit
    assert recit.count("<li>") >= dits


@pytest.mark.cas("ins-91")
def test_the_matricule_is_masked_until_asked_for_and_the_asking_is_traced(comptoir, qualifie):
    attributs.step_back(comptoir.troupe.acteur(), qualifie.pk, "essai")
    html = _lire(comptoir, qualifie)
    assert MATRICULE not in html
    assert "2•••••••••••974" in _section(html, "Autres INS connues")
    assert MATRICULE in _lire(comptoir, qualifie, suite="?matricules=oui")
    lignes = Audit.objects.filter(acte="ins.fiche").order_by("pk")
    assert [ligne.precision for ligne in lignes] == ["", "matricules"]
    fiche = comptoir.troupe.client().get(f"/patients/{qualifie.pk}/").content.decode()
    assert MATRICULE not in fiche


@pytest.mark.cas("ins-92")
@pytest.mark.parametrize("role", ["apprenti", "etudiant"])
def test_without_the_right_the_evidence_is_masked(comptoir, qualifie, role):
    Operateur.objects.filter(pk=comptoir.troupe.operateurs["B01"].pk).update(role=role)
    html = _lire(comptoir, qualifie, "B01", "?matricules=oui")
    piece = _section(html, "Pièces contrôlées")
    assert "Masquées : votre profil ne permet pas de les voir." in piece
    assert "Carte nationale" not in piece
    assert MATRICULE not in html
    assert "Montrer les matricules" not in html


def test_it_says_what_may_go_out_and_why_not(comptoir, marthe):
    html = _lire(comptoir, marthe)
    assert "✔ Délivrer et facturer" in html
    for refus in ("Alimenter le DMP", "Imprimer l'INS", "Écrire à la personne"):
        assert re.search(rf"✘ {refus}.*?Identité provisoire : l'INS n'est pas récupérée", html)


def test_open_tasks_candidates_and_empty_states(comptoir, marthe):
    open_tache(marthe, "nom", precision="ancien logiciel")
    IdentiteRecue.objects.create(
        officine=comptoir.troupe.officine,
        patient=marthe,
        source="import",
        matricule=MATRICULE,
        empreinte="e",
        oid="1",
        recue_par=comptoir.troupe.operateurs["A02"],
    )
    html = _lire(comptoir, marthe)
    assert "Nom de naissance à confirmer (ancien logiciel), depuis le" in html
    assert "ancien logiciel, à vérifier" in _section(html, "Autres INS connues")
    assert MATRICULE not in html
    for vide in ("Aucune pièce contrôlée.",):
        assert vide in html
    neuf = comptoir.troupe.patient()
    assert "INSi n'a jamais été interrogé pour ce dossier." in _lire(comptoir, neuf)


def test_it_is_reached_by_a_key_from_the_sale_and_leads_back_there(comptoir, qualifie):
    vente = f"/vente/{comptoir.vente.pk}/"
    page = comptoir.troupe.client().get(vente).content.decode()
    lien = f"/patients/{qualifie.pk}/identite/?vente={comptoir.vente.pk}"
    assert re.search(rf'href="{re.escape(lien)}"\s+data-officine-touche2="G"', page)
    html = _lire(comptoir, qualifie, suite=f"?vente={comptoir.vente.pk}")
    assert f'href="{vente}" data-officine-touche="Echap"' in html
    assert f'href="/patients/{qualifie.pk}/" data-officine-touche="Echap"' in _lire(
        comptoir, qualifie, suite="?vente=999"
    )


def test_a_long_story_costs_what_a_short_one_does(comptoir, qualifie):
    client = comptoir.troupe.client()
    url = f"/patients/{qualifie.pk}/identite/"

    def cout():
        with CaptureQueriesContext(connection) as requetes:
            client.get(url)
        return len(requetes)

    cout()
    avant = cout()
    for _ in range(10):
        attributs.mark_homonym(comptoir.troupe.acteur(), qualifie.pk, "oui")
        attributs.clear_homonym(comptoir.troupe.acteur(), qualifie.pk, "non")
        open_tache(qualifie, "doublon", autre=comptoir.troupe.patient())
        comptoir.check(qualifie)
    assert cout() == avant
    assert avant <= 21


@pytest.mark.exigence("CTR-14")
def test_the_band_carries_the_names_the_date_the_sex_and_the_status(comptoir, qualifie):
    Patient.objects.filter(pk=qualifie.pk).update(nom_utilise="DUPONT")
    page = comptoir.troupe.client().get(f"/vente/{comptoir.vente.pk}/").content.decode()
    bandeau = re.search(r'class="bandeau-patient".*?</div>', page, re.S).group(0)
    texte = " ".join(re.sub(r"<[^>]+>", " ", bandeau).split())
    for morceau in (
        "ADRUN ZOE",
        "née le 31/12/1975",
        "Féminin",
        "utilise DUPONT",
        "INS qualifiée",
    ):
        assert morceau in texte


@pytest.mark.exigence("INS-24", "INS-28")
@pytest.mark.cas("ins-52")
def test_the_story_of_the_files_merged_into_one_is_on_its_page(comptoir, qualifie):
    troupe = comptoir.troupe
    ancien, second = dossier(troupe, premier_prenom="ZOÉ"), dossier(troupe)
    attributs.mark_homonym(troupe.acteur(), ancien.pk, "Deux ZOE")
    Patient.objects.filter(pk=ancien.pk).update(premier_prenom="ZOE")
    fuse(troupe, second, ancien)
    derniere = fuse(troupe, qualifie, second)
    recit = _section(_lire(comptoir, qualifie), "Histoire de l'identité")
    absorbe = f"(dossier n° {ancien.pk}, fusionné)"
    assert f"Homonyme signalé {absorbe}" in recit
    assert "premier prénom : ZOÉ → ZOE" in recit
    assert f"(dossier n° {second.pk}, fusionné)" in recit
    assert f"(dossier n° {qualifie.pk}, fusionné)" not in recit
    separate(troupe.acteur("A01"), derniere.pk)
    assert "fusionné)" not in _section(_lire(comptoir, qualifie), "Histoire de l'identité")


@pytest.mark.exigence("INS-24")
def test_a_file_typed_by_hand_begins_its_story_by_who_made_it(comptoir):
    client = comptoir.troupe.client("B01")
    corps = {"nom_naissance": "NOVEL", "premier_prenom": "ANNE", "date_naissance": "02/03/1971"}
    assert client.post("/patients/nouveau/", corps | {"sexe": "F"}).status_code == 302
    patient = Patient.objects.get(nom_naissance="NOVEL")
    (creation,) = patient.evenements.all()
    assert (creation.transition, creation.statut_avant, creation.statut_apres) == ("T1", "", "PROV")
    assert creation.operateur == comptoir.troupe.operateurs["B01"]
    assert "Dossier créé" in _lire(comptoir, patient)


def _band(client, url):
    return BeautifulSoup(client.get(url).content, "html.parser").find(class_="bandeau-patient")


@pytest.mark.exigence("CTR-14")
def test_the_band_has_no_number_while_nothing_counts(comptoir, qualifie):
    for url in (f"/vente/{comptoir.vente.pk}/", f"/patients/{qualifie.pk}/identite/"):
        assert _band(comptoir.troupe.client(), url).find(class_="compteur") is None, url


@pytest.mark.exigence("CTR-14")
def test_what_waits_of_a_patient_is_in_the_band_of_every_screen(comptoir, qualifie, monkeypatch):
    """An app above counts: the band says the number in words and leads there, for who may see."""
    attendent = {"documents": 2, "messages": 1, "rien": 0}

    def count(nom):
        return lambda patient, acteur: (
            attendent[nom] if patient.pk == qualifie.pk and acteur.role == "adjoint" else 0
        )

    monkeypatch.setattr(panels, "_compteurs_patient", {})
    for nom in attendent:
        panels.register_compteur_patient(
            panels.CompteurPatient(
                nom,
                f"{nom[:-1]} à lire",
                f"{nom} à lire",
                lambda patient: f"/patient/{patient.pk}/attente/",
                count(nom),
            )
        )
    ecrans = (
        f"/vente/{comptoir.vente.pk}/",
        f"/patients/{qualifie.pk}/identite/",
        f"/patients/{qualifie.pk}/insi/",
        f"/patient/{qualifie.pk}/proches/",
    )
    for url in ecrans:
        liens = _band(comptoir.troupe.client("A02"), url).find_all(class_="compteur")
        assert [" ".join(lien.text.split()) for lien in liens] == [
            "2 documents à lire",
            "1 message à lire",
        ], url
        assert {lien["href"] for lien in liens} == {f"/patient/{qualifie.pk}/attente/"}
    assert _band(comptoir.troupe.client("B01"), ecrans[1]).find(class_="compteur") is None


@pytest.mark.exigence("CTR-14")
def test_a_count_that_breaks_says_so_in_its_place_and_the_band_stays(
    comptoir, qualifie, monkeypatch, caplog
):
    def broken(*_):
        raise RuntimeError("down")

    monkeypatch.setattr(panels, "_compteurs_patient", {})
    for nom, url, compute in (
        ("documents", lambda _patient: "/file/", broken),
        ("comptes rendus", broken, lambda *_: 1),
        ("messages", lambda _patient: "/file/", lambda *_: 3),
    ):
        panels.register_compteur_patient(
            panels.CompteurPatient(nom, f"{nom[:-1]} à lire", f"{nom} à lire", url, compute)
        )
    for url in (f"/vente/{comptoir.vente.pk}/", f"/patients/{qualifie.pk}/identite/"):
        bande = _band(comptoir.troupe.client(), url)
        assert "ADRUN ZOE" in bande.find(class_="nom").text, url
        panne, perdu, marche = bande.find_all(class_="compteur")
        assert " ".join(panne.text.split()) == "Documents à lire : indisponible"
        assert " ".join(perdu.text.split()) == "Comptes rendus à lire : indisponible"
        assert panne.find("svg") is not None
        assert (panne["href"], perdu["href"]) == ("/file/", "")
        assert " ".join(marche.text.split()) == "3 messages à lire"
    assert "compteur.panne cle=documents" in caplog.text
    assert "ADRUN" not in caplog.text


@pytest.mark.exigence("CTR-14")
def test_work_items_wait_in_the_band_of_both_files_they_name(comptoir, qualifie):
    autre = comptoir.troupe.patient()
    open_tache(qualifie, "doublon", autre=autre)
    open_tache(qualifie, "relance")
    client = comptoir.troupe.client()
    for patient, mots, voisin in (
        (qualifie, "2 points d'identité à traiter", autre),
        (autre, "1 point d'identité à traiter", qualifie),
    ):
        url = f"/patients/{patient.pk}/identite/"
        lien = _band(client, url).find(class_="compteur")
        assert (" ".join(lien.text.split()), lien["href"]) == (mots, url)
        assert f"/patient/{patient.pk}/fusion/{voisin.pk}/" in _lire(comptoir, patient)
    acteur = comptoir.troupe.acteur()
    assert (count_taches(qualifie, acteur), count_homonymes(qualifie, acteur)) == (2, 0)
    autre_role = replace(acteur, role="administratif")
    assert (count_taches(qualifie, autre_role), count_homonymes(qualifie, autre_role)) == (0, 0)
    close_taches(qualifie, ["doublon", "relance"], "vu")
    assert _band(client, f"/patients/{autre.pk}/identite/").find(class_="compteur") is None


@pytest.mark.exigence("CTR-14", "INS-33")
@pytest.mark.parametrize("verdict", ["homonyme", "jumeaux"])
def test_a_homonym_detected_is_said_at_each_opening_until_a_person_says_so(
    comptoir, qualifie, verdict
):
    """HOMD, then HOMA: the machine's suspicion is a count, the mark is a person's."""
    autre = comptoir.troupe.patient()
    open_tache(qualifie, "doublon", autre=autre, precision=verdict)
    client = comptoir.troupe.client()
    for patient in (qualifie, autre):
        bande = _band(client, f"/patients/{patient.pk}/identite/")
        (lien,) = bande.find_all(class_="compteur")
        assert " ".join(lien.text.split()) == "1 homonyme possible"
        assert lien["href"] == f"/patient/{patient.pk}/proches/"
        assert client.get(lien["href"]).status_code == 200
    put_aside(comptoir.troupe.acteur("A01"), qualifie.pk, autre.pk, "homonymes")
    bande = _band(client, f"/patients/{autre.pk}/identite/")
    assert bande.find(class_="compteur") is None
    assert "Homonyme" in [badge.text for badge in bande.find_all(class_="badge")]


@pytest.mark.exigence("CTR-14")
def test_the_band_costs_one_statement_for_each_app_that_counts(comptoir, qualifie):
    acteur = comptoir.troupe.acteur()
    with CaptureQueriesContext(connection) as requetes:
        panels.compteur_patient_list(qualifie, acteur)
    assert len(requetes) == 2
