"""Two files made one, and two again: what follows, what stays, who may, for how long."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import UniqueConstraint
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ins.models import (
    AppelInsi,
    ConstatImport,
    ContexteApcv,
    DroitsAssure,
    EvenementIdentite,
    Fusion,
    HistoriqueIns,
    IdentiteRecue,
    ImportPatients,
    PieceControlee,
    TacheIdentite,
)
from ins.reglages import ADJOINT_FUSIONNE
from ins.rules.question import Question
from ins.selectors import empreinte_of, question_of
from ins.services import fusion as colonnes
from ins.services.appels import Cible, ask_traits
from ins.services.deplacement import RESTENT, pointing_fields
from ins.services.fusion import Choix, mark_of, merge
from ins.services.retrait import withdraw_ins
from ins.services.separation import separate
from ins.services.taches import open_tache
from pharmacy.models import Audit, CartePatient, Ordonnance, Parametre, Patient, Vente
from pharmacy.services.patient import Traits, patient_same
from pharmacy.services.vente import VenteRefusee, patient_choose
from teleservices.models import Envoi
from tests.ins.dossiers import LEO, OID, ZOE, dossier, fuse, with_ins, with_piece
from tests.ins.scene import appel_of, porteur

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("INS-28")]

# What follows a file, each looked at. A key to a patient that is in neither list fails the test.
SUIVENT = {
    "ins.AppelInsi.patient",
    "ins.ConstatImport.patient",
    "ins.ContexteApcv.patient",
    "ins.DroitsAssure.patient",
    "ins.HistoriqueIns.patient",
    "ins.IdentiteRecue.patient",
    "ins.PieceControlee.patient",
    "pharmacy.CartePatient.patient",
    "pharmacy.Ordonnance.patient",
    "pharmacy.Vente.carte_de",
    "pharmacy.Vente.patient",
}


def test_every_key_to_a_patient_follows_or_says_why_not():
    assert {label for label, _, _ in pointing_fields()} == SUIVENT | RESTENT.keys()
    assert not SUIVENT & RESTENT.keys()


def test_what_follows_is_unique_whoever_the_patient_is():
    for label, modele, champ in pointing_fields():
        uniques = [
            c.name
            for c in modele._meta.constraints
            if isinstance(c, UniqueConstraint) and champ in c.fields
        ]
        assert not uniques or label in RESTENT, label


def test_every_column_of_a_file_has_its_place_in_a_merge():
    groupes = [
        colonnes.IDENTITE,
        colonnes.CARTE,
        colonnes.CHOISIES,
        colonnes.REPORTEES,
        colonnes.CALCULEES,
        colonnes.GARDEES,
        colonnes.REFUSEES,
    ]
    noms = [nom for groupe in groupes for nom in groupe]
    assert sorted(noms) == sorted(champ.name for champ in Patient._meta.concrete_fields)


@pytest.fixture
def qual(halle):
    """A qualified file."""
    return with_ins(dossier(halle, nom_utilise="DUPONT", cog_naissance="63220"), piece=True)


@pytest.fixture
def prov(halle):
    """The same person, typed again."""
    return dossier(halle, nom_utilise="MARTIN", prenom_utilise="ZO")


@pytest.mark.cas("ins-52")
def test_a_provisional_file_merged_into_a_qualified_one(halle, qual, prov):
    fusion = fuse(halle, qual, prov, nom_utilise=prov.pk)
    assert (qual.statut, qual.ins_matricule, qual.traits_version) == ("QUAL", ZOE, 1)
    assert (qual.nom_utilise, qual.prenom_utilise) == ("MARTIN", "ZO")
    assert (prov.actif, prov.fusionne_dans) == (False, qual)
    assert "MARTIN" in qual.recherche
    for patient in (qual, prov):
        evenement = EvenementIdentite.objects.get(patient=patient)
        assert (evenement.transition, bool(evenement.motif)) == ("T27", True)
        lignes = Audit.objects.filter(acte="ins.fusionner", patient=patient)
        assert [ligne.objet for ligne in lignes] == [f"fusion:{fusion.pk}"]
    separate(halle.acteur("A01"), fusion.pk)
    _same_as_before(qual, prov)
    qual.refresh_from_db()
    assert (qual.statut, qual.nom_utilise, qual.prenom_utilise) == ("QUAL", "DUPONT", "")


def _same_as_before(*patients):
    """Each file is again as the test made it, its search words included."""
    for patient in patients:
        relu = Patient.objects.get(pk=patient.pk)
        assert (relu.actif, relu.fusionne_dans) == (True, None)
        assert EvenementIdentite.objects.filter(patient=patient, transition="T28").count() == 1


@pytest.mark.cas("ins-52")
def test_the_qualified_identity_stays_when_the_other_file_is_kept(halle, qual, prov):
    avant = Patient.objects.values().get(pk=prov.pk)
    fusion = fuse(halle, prov, qual, nom_utilise=prov.pk)
    assert (prov.statut, prov.ins_matricule, prov.cog_naissance) == ("QUAL", ZOE, "63220")
    assert PieceControlee.objects.get(active=True).patient == prov
    assert (qual.actif, qual.statut, qual.ins_matricule) == (False, "QUAL", ZOE)
    separate(halle.acteur("A01"), fusion.pk)
    qual.refresh_from_db()
    assert (qual.statut, qual.ins_matricule, qual.actif) == ("QUAL", ZOE, True)
    assert PieceControlee.objects.get(active=True).patient == qual
    apres = Patient.objects.values().get(pk=prov.pk)
    # The version alone goes on: what was proved of the merged traits must never count again.
    assert apres.pop("traits_version") > avant.pop("traits_version")
    assert apres == avant


def test_a_document_and_an_ins_of_two_files_qualify_together(halle):
    recup, vali = with_ins(dossier(halle)), with_piece(dossier(halle))
    fusion = fuse(halle, recup, vali)
    assert recup.statut == "QUAL"
    separate(halle.acteur("A01"), fusion.pk)
    for patient, statut in ((recup, "RECUP"), (vali, "VALI")):
        patient.refresh_from_db()
        assert patient.statut == statut


def test_a_document_of_other_traits_counts_no_more(halle):
    recup = with_ins(dossier(halle))
    vali = with_piece(dossier(halle, premier_prenom="MARTHE"))
    fuse(halle, recup, vali)
    assert recup.statut == "RECUP"
    assert not PieceControlee.objects.filter(active=True).exists()


@pytest.mark.cas("ins-51")
def test_two_files_of_different_ins_are_not_merged(halle, qual):
    autre = with_ins(dossier(halle, premier_prenom="LEO"), LEO)
    with pytest.raises(VenteRefusee) as refus:
        fuse(halle, qual, autre)
    assert refus.value.code == "INS-106"
    assert autre.actif
    assert not Fusion.objects.exists()


@pytest.mark.cas("ins-51")
def test_one_of_them_set_provisional_first_may_be(halle, qual):
    autre = with_ins(dossier(halle), LEO)
    withdraw_ins(autre, halle.operateurs["A01"].pk, "annuler_recuperation", "INS d'un autre")
    fuse(halle, qual, autre)
    assert (qual.statut, qual.ins_matricule) == ("QUAL", ZOE)
    assert HistoriqueIns.objects.get(patient=qual).matricule == LEO


@pytest.mark.parametrize(
    ("champs", "code"),
    [
        ({"attr_douteux": True}, "INS-107"),
        ({"attr_fictif": True}, "INS-108"),
        ({"motif_sans_ins": "anonymat"}, "INS-108"),
    ],
)
def test_a_marked_file_is_not_merged(halle, qual, champs, code):
    for deux in ((qual, dossier(halle, **champs)), (dossier(halle, **champs), qual)):
        with pytest.raises(VenteRefusee) as refus:
            fuse(halle, *deux)
        assert refus.value.code == code


def _everything(troupe, patient):
    """A row of each kind that points to a file; return them."""
    acteur, officine = troupe.acteur(), troupe.officine
    vente = Vente.objects.create(
        officine=officine, ouverte_par=patient.cree_par, patient=patient, carte_de=patient
    )
    envois = [
        Envoi.objects.create(
            officine=officine,
            service="insi",
            operation="ins.recuperer_traits",
            cle=f"cle:{patient.pk}{suffixe}",
            sujet=f"patient:{patient.pk}",
            file="interactif",
            operateur_id=acteur.operateur_id,
            pas_avant=timezone.now(),
        )
        for suffixe in ("", ":apcv", ":droits")
    ]
    return [
        vente,
        Ordonnance.objects.create(
            officine=officine, origine="papier", vente=vente, patient=patient,
            cree_par=patient.cree_par,
        ),
        AppelInsi.objects.create(
            officine=officine, envoi=envois[0], patient=patient, operation="x", environnement="x",
            mode="x", declenche_par=patient.cree_par,
        ),
        HistoriqueIns.objects.create(
            officine=officine, patient=patient, rang=1, empreinte="e", oid=OID
        ),
        IdentiteRecue.objects.create(
            officine=officine, patient=patient, source="document", empreinte="f", oid=OID,
            recue_par=patient.cree_par,
        ),
        PieceControlee.objects.create(
            officine=officine, patient=patient, type_piece="PC", niveau="faible", traits_vus=b"{}",
            traits_version=1, coherente=True, controlee_par=patient.cree_par, active=False,
        ),
        CartePatient.objects.create(officine=officine, patient=patient, empreinte="carte"),
        ContexteApcv.objects.create(
            officine=officine, vente=vente, envoi=envois[1], operateur=patient.cree_par,
            patient=patient,
        ),
        DroitsAssure.objects.create(
            officine=officine, envoi=envois[2], patient=patient, date_soins="2026-01-02"
        ),
        ConstatImport.objects.create(
            officine=officine, patient=patient, nature="doublon", ligne=1, phrase="x",
            importation=ImportPatients.objects.create(
                officine=officine, etat="fait", demande_par=patient.cree_par
            ),
        ),
    ]  # fmt: skip


def test_everything_follows_and_goes_back_and_what_is_made_since_stays(halle, qual, prov):
    lignes = _everything(halle, prov)
    faites = {f"{type(ligne)._meta.label}.patient" for ligne in lignes}
    assert faites | {"pharmacy.Vente.carte_de"} == SUIVENT
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    envoi = Envoi.objects.get(cle=f"cle:{prov.pk}")
    assert envoi.sujet == f"patient:{qual.pk}"
    for ligne in lignes:
        ligne.refresh_from_db()
        assert ligne.patient == qual
    assert lignes[0].carte_de == qual
    depuis = Vente.objects.create(officine=halle.officine, ouverte_par=qual.cree_par, patient=qual)
    separate(halle.acteur("A01"), fusion.pk)
    envoi.refresh_from_db()
    assert envoi.sujet == f"patient:{prov.pk}"
    for ligne in lignes:
        ligne.refresh_from_db()
        assert ligne.patient == prov
    assert lignes[0].carte_de == prov
    depuis.refresh_from_db()
    assert depuis.patient == qual


def test_a_sending_that_a_worker_holds_or_that_left_is_not_touched(halle, qual, prov):
    _everything(halle, prov)
    for etat in ("en_vol", "envoye", "refuse", "abandonne"):
        Envoi.objects.update(etat=etat, pris_le=timezone.now(), motif_abandon="x")
        fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
        assert set(Envoi.objects.values_list("sujet", flat=True)) == {f"patient:{prov.pk}"}
        separate(halle.acteur("A01"), fusion.pk)


def test_both_cards_still_find_the_one_file(halle):
    une = dossier(halle, nir_assure="1", carte_empreinte="a", rang_gemellaire=1)
    deux = dossier(halle, nir_assure="2", carte_empreinte="b", rang_gemellaire=2)
    with pytest.raises(VenteRefusee) as refus:
        fuse(halle, une, deux)
    assert refus.value.code == "INS-111"
    fusion = fuse(halle, une, deux, carte=deux.pk)
    assert (une.nir_assure, une.carte_empreinte, une.rang_gemellaire) == ("2", "b", 2)
    assert set(une.cartes.values_list("empreinte", flat=True)) == {"a", "b"}
    separate(halle.acteur("A01"), fusion.pk)
    une.refresh_from_db()
    deux.refresh_from_db()
    assert (une.nir_assure, une.carte_empreinte, une.rang_gemellaire) == ("1", "a", 1)
    assert (deux.carte_empreinte, deux.actif) == ("b", True)
    assert [c.empreinte for c in deux.cartes.all()] == ["b"]


def test_a_card_that_only_one_has_comes_with_it(halle, prov):
    carte = dossier(
        halle, nom_naissance="", nom_utilise="MARTIN", nir_assure="1", carte_empreinte="a", sexe=""
    )
    fuse(halle, prov, carte)
    assert (prov.nir_assure, prov.carte_empreinte, prov.nom_naissance) == ("1", "a", "ADRUN")


def test_what_the_kept_file_has_not_comes_from_the_other(halle):
    vide = dossier(halle, nom_naissance="", nom_utilise="DUPONT", sexe="", premier_prenom="ZOE")
    pleine = dossier(halle, vu_le="2026-01-02", decede_le="2026-02-03", attr_homonyme=True)
    fusion = fuse(halle, vide, pleine)
    assert (vide.nom_naissance, vide.sexe, vide.statut) == ("ADRUN", "F", "PROV")
    assert (f"{vide.vu_le}", f"{vide.decede_le}") == ("2026-01-02", "2026-02-03")
    assert vide.attr_homonyme
    separate(halle.acteur("A01"), fusion.pk)
    vide.refresh_from_db()
    assert (vide.nom_naissance, vide.sexe, vide.vu_le, vide.decede_le) == ("", "", None, None)


def test_work_items_follow_and_two_about_one_thing_become_one(halle, qual, prov):
    tiers = dossier(halle, premier_prenom="LEA")
    memes = [open_tache(patient, "doublon", autre=tiers) for patient in (qual, prov)]
    sienne = open_tache(prov, "nom")
    citee = open_tache(tiers, "collision", autre=prov)
    paire = open_tache(qual, "doublon", autre=prov)
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    ouvertes = TacheIdentite.objects.filter(close_le__isnull=True)
    assert {(t.patient, t.autre, t.nature) for t in ouvertes} == {
        (qual, tiers, "doublon"),
        (qual, None, "nom"),
        (tiers, qual, "collision"),
    }
    separate(halle.acteur("A01"), fusion.pk)
    assert {(t.pk, t.patient, t.autre) for t in ouvertes.all()} == {
        (memes[0].pk, qual, tiers),
        (memes[1].pk, prov, tiers),
        (sienne.pk, prov, None),
        (citee.pk, tiers, prov),
    }
    paire.refresh_from_db()
    assert paire.close_le is not None


def test_the_sales_under_way_show_the_file_that_stays(halle, qual, prov):
    vente = halle.vente()
    patient_choose(halle.acteur(), vente.pk, prov, "recherche")
    avant = Vente.objects.get(pk=vente.pk).version
    fuse(halle, qual, prov, nom_utilise=qual.pk)
    vente.refresh_from_db()
    assert (vente.patient, vente.version) == (qual, avant + 1)


# Who, on what


@pytest.mark.parametrize("role", ["preparateur", "apprenti", "etudiant", "administratif"])
def test_who_is_no_pharmacist_neither_merges_nor_undoes(halle, qual, prov, role):
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    acteur = replace(halle.acteur(), role=role)
    with pytest.raises(PermissionError):
        separate(acteur, fusion.pk)
    with pytest.raises(PermissionError):
        merge(acteur, qual.pk, prov.pk, Choix("piece", mark_of(qual, prov)))


def test_a_file_of_another_officine_is_no_file(halle, port, qual, prov):
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    for faire in (
        lambda: separate(port.acteur("A01"), fusion.pk),
        lambda: merge(port.acteur("A01"), qual.pk, prov.pk, Choix("piece", "")),
    ):
        with pytest.raises(VenteRefusee) as refus:
            faire()
        assert refus.value.code.endswith("404")


@pytest.mark.parametrize(
    ("choix", "code"),
    [
        ({"motif": "parce que"}, "INS-109"),
        ({"vues": "1.1.PROV 2.1.PROV"}, "INS-110"),
        ({}, "INS-111"),
        ({"nom_utilise": 0}, "INS-111"),
    ],
)
def test_what_is_missing_or_has_changed_is_said(halle, qual, prov, choix, code):
    with pytest.raises(VenteRefusee) as refus:
        fuse(halle, qual, prov, **choix)
    assert refus.value.code == code


def test_a_file_is_not_merged_with_itself_nor_twice(halle, qual, prov):
    with pytest.raises(VenteRefusee) as refus:
        fuse(halle, qual, qual)
    assert refus.value.code == "INS-104"
    fuse(halle, qual, prov, nom_utilise=qual.pk)
    with pytest.raises(VenteRefusee) as refus:
        fuse(halle, qual, prov, nom_utilise=qual.pk)
    assert refus.value.code == "PAT-404"


def test_a_merge_is_undone_for_thirty_days_once(halle, qual, prov):
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    Fusion.objects.update(faite_le=timezone.now() - timedelta(days=30, seconds=1))
    with pytest.raises(VenteRefusee) as refus:
        separate(halle.acteur("A01"), fusion.pk)
    assert refus.value.code == "INS-119"
    assert "pendant 30 jours" in refus.value.phrase
    Fusion.objects.update(faite_le=timezone.now() - timedelta(days=29, hours=23))
    separate(halle.acteur("A01"), fusion.pk)
    with pytest.raises(VenteRefusee) as refus:
        separate(halle.acteur("A01"), fusion.pk)
    assert refus.value.code == "INS-118"


def test_merges_of_one_file_are_undone_last_first(halle, qual, prov):
    premiere = fuse(halle, prov, dossier(halle))
    seconde = fuse(halle, qual, prov, nom_utilise=qual.pk)
    with pytest.raises(VenteRefusee) as refus:
        separate(halle.acteur("A01"), premiere.pk)
    assert refus.value.code == "INS-120"
    separate(halle.acteur("A01"), seconde.pk)
    separate(halle.acteur("A01"), premiere.pk)
    assert Patient.objects.filter(nom_naissance="ADRUN", actif=True).count() == 3


# What happened between the merge and its end


def test_an_identity_marked_doubtful_since_gives_each_its_own_back(halle, qual, prov):
    fusion = fuse(halle, prov, qual, nom_utilise=prov.pk)
    withdraw_ins(prov, qual.cree_par_id, "douteux", "deux personnes", {"attr_douteux": True})
    separate(halle.acteur("A01"), fusion.pk)
    prov.refresh_from_db()
    qual.refresh_from_db()
    assert (prov.statut, prov.attr_douteux, prov.cog_naissance) == ("PROV", True, "")
    assert (qual.statut, qual.ins_matricule) == ("QUAL", ZOE)


def test_what_was_taken_away_since_does_not_come_back(halle, qual, prov):
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    withdraw_ins(qual, qual.cree_par_id, "douteux", "vu", {"attr_douteux": True})
    separate(halle.acteur("A01"), fusion.pk)
    qual.refresh_from_db()
    assert (qual.statut, qual.ins_empreinte) == ("PROV", "")
    assert not PieceControlee.objects.filter(patient=qual, active=True).exists()


def test_an_ins_got_since_stays_with_the_kept_file(halle, prov):
    fusion = fuse(halle, prov, dossier(halle, cog_naissance="63113"), nom_utilise=prov.pk)
    prov.traits_version += 1
    with_ins(prov)
    separate(halle.acteur("A01"), fusion.pk)
    prov.refresh_from_db()
    assert (prov.statut, prov.ins_matricule, prov.cog_naissance) == ("RECUP", ZOE, "63113")


def test_a_document_seen_since_stays_with_the_kept_file(halle, qual, prov):
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    PieceControlee.objects.update(active=False)
    with_piece(qual)
    separate(halle.acteur("A01"), fusion.pk)
    qual.refresh_from_db()
    assert qual.statut == "QUAL"
    assert PieceControlee.objects.filter(patient=qual, active=True).count() == 1


def test_an_ins_that_a_third_file_took_since_keeps_the_merge(halle, qual, prov):
    fusion = fuse(halle, prov, qual, nom_utilise=prov.pk)
    withdraw_ins(prov, qual.cree_par_id, "dequalifier", "erreur")
    with_ins(dossier(halle, premier_prenom="ZOEE"))
    with pytest.raises(VenteRefusee) as refus:
        separate(halle.acteur("A01"), fusion.pk)
    assert refus.value.code == "INS-121"
    prov.refresh_from_db()
    assert (prov.statut, Fusion.objects.get().annulee_le) == ("VALI", None)


@pytest.mark.exigence("INS-27")
def test_the_database_holds_one_active_file_per_ins(halle, qual):
    autre = dossier(halle)
    with pytest.raises(Exception, match="patient_ins_unique"):
        with_ins(autre)
    assert empreinte_of(ZOE) == qual.ins_empreinte


@pytest.mark.exigence("INS-27")
@pytest.mark.cas("ins-50")
def test_an_ins_already_held_ends_in_one_file(comptoir, zoe):
    """INSi gives a second file the INS of the first: refused there, then the two are merged."""
    troupe = comptoir.troupe
    tenue = comptoir.read(zoe)
    comptoir.check(tenue)
    autre = comptoir.read(
        porteur("2490163220111", "19751231", "ZOE", patronymique="ADRUN", certifie="2751263220749")
    )
    appel = appel_of(autre)
    client, url = troupe.client("A01"), f"/patient/{autre.pk}/fusion/{tenue.pk}/"
    assert url in client.get(f"/vente/{comptoir.vente.pk}/identite/").content.decode()
    assert f'value="{tenue.pk}"' in client.get(url).content.decode()
    collision = TacheIdentite.objects.get(nature="collision")
    fuse(troupe, tenue, autre, carte=tenue.pk)
    assert (tenue.statut, tenue.ins_matricule, autre.actif) == ("QUAL", ZOE, False)
    appel.refresh_from_db()
    collision.refresh_from_db()
    assert (appel.patient, collision.issue) == (tenue, "Dossiers fusionnés")
    comptoir.vente.refresh_from_db()
    assert comptoir.vente.patient == tenue


@pytest.mark.exigence("INS-26")
def test_after_a_merge_the_ins_finds_the_file_that_was_kept(halle, qual, prov):
    fuse(halle, prov, qual, nom_utilise=prov.pk)
    inconnue = Traits("AUTRE", "", "NOM", None)
    assert patient_same(halle.officine.pk, inconnue, matricule=ZOE) == prov


@pytest.mark.parametrize("code", ["adjoint", "titulaire"])
def test_the_titulaire_may_keep_merges_for_himself(halle, qual, prov, code):
    Parametre.objects.create(
        officine=halle.officine,
        cle=ADJOINT_FUSIONNE,
        valeur="non",
        a_partir_du=timezone.now(),
        auteur=halle.operateurs["A01"],
    )
    acteur = replace(halle.acteur("A01"), role=code)
    choix = Choix("piece", mark_of(qual, prov), nom_utilise=qual.pk)
    if code == "titulaire":
        assert separate(acteur, merge(acteur, qual.pk, prov.pk, choix).pk).annulee_le
        return
    with pytest.raises(PermissionError):
        merge(acteur, qual.pk, prov.pk, choix)


@pytest.mark.parametrize("ventes", [1, 40])
def test_a_merge_costs_the_same_whatever_the_file_holds(halle, qual, prov, ventes):
    for _ in range(ventes):
        Vente.objects.create(
            officine=halle.officine, etat="terminee", ouverte_par=prov.cree_par, patient=prov
        )
    choix = Choix("piece", mark_of(qual, prov), nom_utilise=qual.pk)
    with CaptureQueriesContext(connection) as requetes:
        fusion = merge(halle.acteur("A01"), qual.pk, prov.pk, choix)
    assert len(requetes) <= 45
    with CaptureQueriesContext(connection) as requetes:
        separate(halle.acteur("A01"), fusion.pk)
    assert len(requetes) <= 40


def _question(prenom):
    return Question("ADRUN", (prenom,), "F", "1975-12-31", "")


@pytest.mark.parametrize("cote", ["garde", "absorbe"])
def test_after_a_merge_undone_the_next_question_is_a_new_one(halle, qual, prov, cote):
    """Rows move with their file, keys do not: counting rows would give a key that is taken."""
    acteur = halle.acteur("A01")
    appels = [ask_traits(acteur, Cible(patient_id=p.pk), _question("UN")) for p in (qual, prov)]
    fusion = fuse(halle, qual, prov, nom_utilise=qual.pk)
    appels.append(ask_traits(acteur, Cible(patient_id=qual.pk), _question("DEUX")))
    if cote == "absorbe":  # one left meanwhile: it stays with the file that was kept
        Envoi.objects.filter(pk=appels[1].envoi_id).update(etat="envoye")
    separate(acteur, fusion.pk)
    patient = qual if cote == "garde" else prov
    appels.append(ask_traits(acteur, Cible(patient_id=patient.pk), _question("TROIS")))
    assert len({appel.envoi_id for appel in appels}) == 4
    assert appels[-1].patient_id == patient.pk
    assert question_of(appels[-1]) == _question("TROIS")
