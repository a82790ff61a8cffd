"""Whose identity is whose: declared, asked for, approved, proved, changed, taken away."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Operateur, SessionOuverte
from pharmacy.services import equipe
from pharmacy.services.equipe import SaisieRefusee
from pharmacy.services.vente import VenteRefusee
from psc.models import RattachementPsc, SessionPsc
from psc.rules.decision import Cadre, Lien, decide_login
from psc.services import rattachements as service
from tests.psc.personnes import identite
from tests.psc.sessions_psc import attache, authentifie

pytestmark = pytest.mark.django_db
Etat = RattachementPsc.Etat
RPPS, AUTRE = "99700123459", "99700900014"
PAGE = "/psc/rattachements/"
MOTS = {"A01": "halle-titulaire"}


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def saisie(rpps=RPPS):
    return service.read_typed(rpps)


def prouve(troupe, code="A02"):
    """The link of the sheet, once somebody came with it."""
    operateur = troupe.operateurs[code]
    return service.prove(operateur, authentifie(f"8{operateur.rpps}"))


def fiche(troupe, code):
    return Operateur.objects.get(pk=troupe.operateurs[code].pk)


def poster(troupe, code, acte, par="A01", **champs):
    """One act of the page, by whoever."""
    adresse = f"{PAGE}{troupe.operateurs[code].pk}/"
    return troupe.administration(par).post(adresse, {"acte": acte, **champs})


# What is typed.


@pytest.mark.exigence("TIT-01")
@pytest.mark.cas("psc-9", "psc-22")
@pytest.mark.parametrize("tape", ["899700900014", "8 997.009.000-14", "99700 900014"])
def test_the_link_and_the_sheet_keep_eleven_digits(halle, tape):
    assert poster(halle, "B01", "declarer", rpps=tape).status_code == 302
    lien = RattachementPsc.objects.get()
    assert (lien.rpps, lien.etat, fiche(halle, "B01").rpps) == (AUTRE, "declare", AUTRE)
    (connu,) = service.known(halle.officine.pk, identite(f"8{AUTRE}"))
    assert connu.operateur_id == halle.operateurs["B01"].pk


@pytest.mark.cas("psc-22")
@pytest.mark.parametrize("tape", ["9970090001", "99700A00014", "999700900014", ""])
def test_what_is_no_rpps_is_told_beside_its_field(halle, tape):
    reponse = poster(halle, "B01", "declarer", rpps=tape)
    assert reponse.status_code == 422
    assert 'aria-describedby="faute-declarer"' in _texte(reponse)
    assert not RattachementPsc.objects.exists()


@pytest.mark.cas("psc-23")
def test_a_wrong_key_is_a_warning_and_is_kept(halle):
    reponse = poster(halle, "B01", "declarer", rpps="10003461033")
    assert "La clé de ce RPPS" in _texte(halle.client("A01").get(reponse["Location"]))
    assert RattachementPsc.objects.get().rpps == "10003461033"


@pytest.mark.cas("psc-27", "psc-8")
def test_the_rpps_of_an_employer_is_not_read_in_an_employee_s_identifier(halle):
    reponse = poster(halle, "B01", "declarer", national="699700123459/3")
    assert reponse.status_code == 302
    lien = RattachementPsc.objects.get()
    assert (lien.rpps, lien.national, fiche(halle, "B01").rpps) == ("", "699700123459/3", "")
    assert service.known(halle.officine.pk, identite(f"8{RPPS}")) == []
    (connu,) = service.known(halle.officine.pk, identite("699700123459/3"))
    assert (connu.operateur_id, connu.lien) == (halle.operateurs["B01"].pk, Lien.DECLARE)


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"rpps": RPPS, "national": "30B0330011/CPE0001"}, "pas les deux"),
        ({"national": "n'importe"}, "aucune des formes connues"),
    ],
)
def test_one_identifier_of_a_known_form(halle, champs, phrase):
    reponse = poster(halle, "B01", "declarer", **champs)
    assert (reponse.status_code, phrase in reponse.content.decode().replace("&#x27;", "'")) == (
        422,
        True,
    )


def test_a_card_s_first_line_in_the_other_field_is_a_rpps():
    lu = service.read_typed("", f"8{AUTRE}")
    assert (lu.rpps, lu.national) == (AUTRE, "")


# One identity, one operator.


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-16")
def test_an_identity_that_somebody_has_is_refused_and_nothing_is_saved(halle):
    reponse = poster(halle, "B01", "declarer", rpps=halle.operateurs["A02"].rpps)
    assert reponse.status_code == 422
    assert "déjà celui d" in _texte(reponse)
    assert not RattachementPsc.objects.exists()
    assert fiche(halle, "B01").rpps == ""


@pytest.mark.cas("psc-16")
def test_a_national_identifier_that_somebody_has_is_refused_too(halle):
    poster(halle, "B01", "declarer", national="30B0330011/CPE0001")
    with pytest.raises(SaisieRefusee) as leve:
        service.declare(
            halle.acteur("A01"),
            halle.operateurs["A02"].pk,
            service.read_typed("", "30B0330011/CPE0001"),
        )
    assert leve.value.champ == "national"


@pytest.mark.exigence("PSC-05")
def test_who_left_keeps_nobody_out(halle):
    prouve(halle)
    equipe.leave(halle.administrateur(), halle.operateurs["A02"].pk)
    (parti,) = service.known(halle.officine.pk, identite("810100000040"))
    assert not parti.actif
    service.declare(halle.acteur("A01"), halle.operateurs["B01"].pk, saisie("10100000040"))
    (connu,) = service.known(halle.officine.pk, identite("810100000040"))
    assert connu.operateur_id == halle.operateurs["B01"].pk
    etats = dict(RattachementPsc.objects.values_list("operateur__code", "etat"))
    assert etats == {"A02": "retire", "B01": "declare"}


# The sheet and the link are one.


@pytest.mark.exigence("PSC-04")
def test_the_rpps_of_a_sheet_is_a_link_that_nobody_has_proved_yet(halle):
    alice = halle.operateurs["A02"]
    with CaptureQueriesContext(connection) as requetes:
        (connu,) = service.known(halle.officine.pk, identite("810100000040"))
    assert len(requetes) == 2
    assert (connu.operateur_id, connu.lien, connu.rpps) == (alice.pk, Lien.DECLARE, alice.rpps)
    assert service.current(alice) is None


@pytest.mark.cas("psc-9")
@pytest.mark.parametrize("tape", ["8 99700900014", "99.700.900.014"])
def test_a_sheet_that_changes_takes_its_link_with_it(halle, tape):
    titulaire, sam = halle.administration(), halle.operateurs["B01"]
    champs = {"prenom": sam.prenom, "nom": sam.nom, "role": sam.role}
    assert titulaire.post(f"/equipe/{sam.pk}/", {**champs, "rpps": tape}).status_code == 302
    assert service.current(sam).rpps == AUTRE
    titulaire.post(f"/equipe/{sam.pk}/", {**champs, "rpps": "10100000065"})
    assert service.current(sam).rpps == "10100000065"
    titulaire.post(f"/equipe/{sam.pk}/", {**champs, "rpps": ""})
    assert service.current(sam) is None
    assert set(
        Audit.objects.filter(acte__startswith="psc.lien").values_list("acte", flat=True)
    ) == {
        "psc.lien.declarer",
        "psc.lien.retirer",
    }


@pytest.mark.cas("psc-21")
def test_a_proved_identity_does_not_change_on_the_sheet(halle):
    prouve(halle)
    alice = halle.operateurs["A02"]
    reponse = halle.administration().post(
        f"/equipe/{alice.pk}/",
        {"prenom": alice.prenom, "nom": alice.nom, "role": alice.role, "rpps": AUTRE},
    )
    assert reponse.status_code == 422
    assert "changez-la dans « Rattachements »" in _texte(reponse)
    assert fiche(halle, "A02").rpps == alice.rpps


def test_a_national_identifier_stays_when_another_line_of_the_sheet_changes(halle):
    poster(halle, "B01", "declarer", national="30B0330011/CPE0001")
    sam = halle.operateurs["B01"]
    champs = {"prenom": "Samuel", "nom": sam.nom, "role": sam.role, "rpps": ""}
    assert halle.administration().post(f"/equipe/{sam.pk}/", champs).status_code == 302
    assert service.current(sam).national == "30B0330011/CPE0001"


def test_who_arrives_with_a_rpps_has_a_link(halle):
    champs = {"code": "C01", "prenom": "Noé", "nom": "Petit", "role": "adjoint"}
    halle.administration().post("/equipe/arrivee/", {**champs, "rpps": "10100000065"})
    assert service.current(Operateur.objects.get(code="C01")).etat == Etat.DECLARE


# Asking for it.


@pytest.mark.cas("psc-12", "psc-13")
def test_a_request_waits_for_the_titulaire_and_opens_nothing_meanwhile(halle):
    sam = halle.operateurs["B01"]
    qui = identite("899700900014", nom="LEROY", prenom="SAM")
    lien = service.request(sam, qui)
    assert (lien.etat, fiche(halle, "B01").rpps) == (Etat.DEMANDE, "")
    cadre = Cadre(lien.declare_le.date(), "simulateur", "simulateur")
    issue = decide_login(qui, service.known(halle.officine.pk, qui), cadre)
    assert issue.genre == "lier"
    assert service.request(sam, qui).pk == lien.pk
    page = halle.client("A01").get(PAGE)
    assert _texte(page).index("Répondre") < _texte(page).index("Ouvrir")
    assert poster(halle, "B01", "approuver", lien=lien.pk).status_code == 302
    assert fiche(halle, "B01").rpps == AUTRE
    assert [c.lien for c in service.known(halle.officine.pk, qui)] == [Lien.DECLARE]
    assert Operateur.objects.count() == 3


@pytest.mark.cas("psc-13")
def test_one_asks_on_one_s_own_page_and_the_titulaire_may_refuse(halle):
    sam = halle.client("B01")
    assert "Demander le rattachement" in _texte(sam.get("/psc/mon-rattachement/"))
    lieu = sam.post("/psc/mon-rattachement/", {"rpps": AUTRE})["Location"]
    assert "Votre demande est enregistrée" in _texte(sam.get(lieu))
    lien = service.current(halle.operateurs["B01"])
    poster(halle, "B01", "retirer", lien=lien.pk)
    lien.refresh_from_db()
    assert lien.etat == Etat.RETIRE
    assert Audit.objects.filter(acte="psc.lien.refuser").exists()


def test_a_request_keeps_nobody_out_and_fails_when_somebody_came_first(halle):
    lien = service.propose(halle.acteur("B01"), saisie())
    service.declare(halle.acteur("A01"), halle.operateurs["A01"].pk, saisie())
    reponse = poster(halle, "B01", "approuver", lien=lien.pk)
    assert reponse.status_code == 422
    lien.refresh_from_db()
    assert lien.etat == Etat.DEMANDE


def test_who_has_the_right_declares_at_once(halle):
    Operateur.objects.filter(pk=halle.operateurs["A01"].pk).update(rpps="")
    titulaire = Operateur.objects.get(pk=halle.operateurs["A01"].pk)
    lien = service.request(titulaire, identite(f"8{RPPS}"))
    assert (lien.etat, fiche(halle, "A01").rpps) == (Etat.DECLARE, RPPS)


def test_the_rpps_of_one_s_sheet_needs_no_approval(halle):
    assert service.request(halle.operateurs["A02"], identite("810100000040")).etat == Etat.DECLARE


def test_who_has_a_link_does_not_ask_for_another(halle):
    with pytest.raises(VenteRefusee) as leve:
        service.propose(halle.acteur("A02"), saisie())
    assert leve.value.code == "PSC-103"


# Proved, then changed.


@pytest.mark.exigence("PSC-09")
def test_a_link_is_proved_once_and_what_was_received_is_kept_each_time(halle):
    lien = prouve(halle)
    assert (lien.etat, lien.derniers_noms) == (Etat.PROUVE, "ALBA ESSAI")
    quand = lien.prouve_le
    assert prouve(halle).prouve_le == quand
    assert Audit.objects.filter(acte="psc.lien.prouver").count() == 1


@pytest.mark.cas("psc-21")
def test_a_titulaire_changes_a_proved_identity_with_the_password_and_sessions_end(halle):
    prouve(halle)
    attache(halle, national="810100000040")
    refus = poster(halle, "A02", "changer", rpps=AUTRE, mot_de_passe="faux")
    assert refus.status_code == 422
    assert "Il reste 4 essais" in _texte(refus)
    assert service.current(halle.operateurs["A02"]).etat == Etat.PROUVE
    fait = poster(halle, "A02", "changer", rpps=AUTRE, mot_de_passe=MOTS["A01"])
    assert fait.status_code == 302
    lien = service.current(halle.operateurs["A02"])
    assert (lien.rpps, lien.etat, fiche(halle, "A02").rpps) == (AUTRE, Etat.DECLARE, AUTRE)
    session = SessionPsc.objects.get()
    assert (session.etat, session.jetons) == ("terminee", None)
    assert Audit.objects.filter(acte="psc.lien.changer").count() == 1


@pytest.mark.cas("psc-21")
def test_the_operator_reads_of_it_at_their_next_sign_in_then_goes_on(halle):
    prouve(halle)
    poster(halle, "A02", "changer", rpps=AUTRE, mot_de_passe=MOTS["A01"])
    navigateur = halle.navigateur()
    entree = navigateur.post("/connexion/", {"code": "A02", "mot_de_passe": "halle-adjointe"})
    assert entree["Location"].startswith("/psc/mon-rattachement/?suite=%2Fvente%2F")
    page = _texte(navigateur.get(entree["Location"]))
    assert "Un titulaire a changé" in page
    assert AUTRE in page
    suite = navigateur.post("/psc/mon-rattachement/", {"acte": "lu", "suite": "/vente/"})
    assert suite["Location"] == "/vente/"
    autre = halle.navigateur().post(
        "/connexion/", {"code": "A02", "mot_de_passe": "halle-adjointe"}
    )
    assert autre["Location"] == "/vente/"


def test_the_page_leads_on_inside_the_product_only(halle):
    reponse = halle.client("B01").post(
        "/psc/mon-rattachement/", {"acte": "lu", "suite": "https://mal.test/"}
    )
    assert reponse["Location"] == "/psc/mon-rattachement/"


@pytest.mark.cas("psc-21")
def test_an_adjoint_with_the_right_does_not_change_what_is_proved(halle):
    from pharmacy.models import Habilitation

    prouve(halle, "A01")
    for droit in ("psc.rattacher", "administration"):
        Habilitation.objects.create(
            officine=halle.officine,
            droit=droit,
            role="adjoint",
            accorde=True,
            auteur=halle.operateurs["A01"],
        )
    reponse = poster(halle, "A01", "changer", par="A02", rpps=AUTRE, mot_de_passe="halle-adjointe")
    assert reponse.status_code == 403
    lien = service.current(halle.operateurs["A01"])
    assert lien.etat == Etat.PROUVE
    encore = poster(halle, "A01", "retirer", par="A02", lien=lien.pk, mot_de_passe="halle-adjointe")
    assert encore.status_code == 403
    assert poster(halle, "B01", "declarer", par="A02", rpps=AUTRE).status_code == 302


def test_a_proved_link_is_not_declared_again(halle):
    prouve(halle)
    assert poster(halle, "A02", "declarer", rpps=AUTRE).status_code == 409


# Suspended, taken away.


def test_a_suspended_link_opens_nothing_and_comes_back_as_it_was(halle):
    lien = prouve(halle)
    attache(halle, national="810100000040")
    assert poster(halle, "A02", "suspendre", lien=lien.pk).status_code == 422
    poster(halle, "A02", "suspendre", lien=lien.pk, motif="carte perdue")
    (connu,) = service.known(halle.officine.pk, identite("810100000040"))
    assert connu.lien is Lien.SUSPENDU
    assert SessionPsc.objects.get().etat == "terminee"
    assert fiche(halle, "A02").rpps == "10100000040"
    assert "carte perdue" in _texte(halle.client("A02").get("/psc/mon-rattachement/"))
    poster(halle, "A02", "reprendre", lien=lien.pk)
    assert service.current(halle.operateurs["A02"]).etat == Etat.PROUVE


def test_a_link_taken_away_takes_the_rpps_of_the_sheet(halle):
    lien = prouve(halle)
    attache(halle, national="810100000040")
    refus = poster(halle, "A02", "retirer", lien=lien.pk, mot_de_passe="faux")
    assert (refus.status_code, "Il reste 4 essais" in _texte(refus)) == (422, True)
    poster(halle, "A02", "retirer", lien=lien.pk, mot_de_passe=MOTS["A01"])
    assert fiche(halle, "A02").rpps == ""
    assert service.known(halle.officine.pk, identite("810100000040")) == []
    assert SessionPsc.objects.get().etat == "terminee"
    encore = poster(halle, "A02", "retirer", lien=lien.pk, mot_de_passe=MOTS["A01"])
    assert encore.status_code == 404


def test_what_nobody_proved_is_taken_away_without_a_password(halle):
    lien = service.declare(halle.acteur("A01"), halle.operateurs["B01"].pk, saisie())
    poster(halle, "B01", "retirer", lien=lien.pk)
    assert (service.current(lien.operateur), fiche(halle, "B01").rpps) == (None, "")


def test_of_a_sheet_and_a_link_that_disagree_the_link_speaks(halle):
    prouve(halle)
    Operateur.objects.filter(pk=halle.operateurs["A02"].pk).update(rpps=AUTRE)
    assert service.known(halle.officine.pk, identite(f"8{AUTRE}")) == []
    (connu,) = service.known(halle.officine.pk, identite("810100000040"))
    assert connu.lien is Lien.PROUVE


def test_an_act_on_a_link_that_moved_is_told(halle):
    lien = prouve(halle)
    assert poster(halle, "A02", "reprendre", lien=lien.pk).status_code == 409
    assert poster(halle, "A02", "inconnu").status_code == 409


# Under whom.


@pytest.mark.exigence("PSC-15")
def test_a_preparateur_acts_under_a_pharmacist_whom_the_journal_names(halle):
    lien = service.declare(halle.acteur("A01"), halle.operateurs["B01"].pk, saisie())
    sam, alice = halle.operateurs["B01"], halle.operateurs["A02"]
    service.note_responsible(sam, lien)
    poster(halle, "B01", "responsable", lien=lien.pk, responsable=alice.pk)
    service.note_responsible(sam, service.current(sam))
    lignes = Audit.objects.filter(acte="psc.responsable").order_by("pk")
    assert [(ligne.operateur_id, ligne.objet) for ligne in lignes] == [
        (sam.pk, f"operateur:{halle.operateurs['A01'].pk}"),
        (sam.pk, f"operateur:{alice.pk}"),
    ]
    assert "responsabilité de Alice MARTIN" in _texte(
        halle.client("B01").get("/psc/mon-rattachement/")
    )
    equipe.leave(halle.administrateur(), alice.pk)
    service.note_responsible(sam, service.current(sam))
    assert lignes.last().objet == f"operateur:{halle.operateurs['A01'].pk}"


@pytest.mark.exigence("PSC-15")
def test_only_a_pharmacist_answers_for_somebody_who_is_none(halle):
    lien = service.declare(halle.acteur("A01"), halle.operateurs["B01"].pk, saisie())
    reponse = poster(halle, "B01", "responsable", lien=lien.pk, responsable=lien.operateur_id)
    assert reponse.status_code == 422
    assert "Choisissez un pharmacien présent." in _texte(reponse)
    service.note_responsible(halle.operateurs["A02"], prouve(halle))
    assert not Audit.objects.filter(acte="psc.responsable").exists()


def test_the_list_costs_two_queries_whatever_its_length(halle):
    with CaptureQueriesContext(connection) as requetes:
        lignes = service.line_list(halle.officine.pk)
    assert (len(lignes), len(requetes)) == (3, 2)


def test_links_of_another_officine_are_nobody_here(halle, port):
    with officine_context(port.officine.pk):
        service.declare(port.acteur("A01"), port.operateurs["A01"].pk, saisie())
        assert service.known(port.officine.pk, identite(f"8{RPPS}"))
    assert service.known(halle.officine.pk, identite(f"8{RPPS}")) == []
    assert not SessionOuverte.objects.exists()
