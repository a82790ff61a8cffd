"""Rights given and taken away: within the law, dated, signed, effective at once (TIT-02)."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from pharmacy.acteurs import DROITS, FIXES, PLAFOND, Acteur, ceiling_of, is_held, peut
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import Audit, Habilitation, Operateur
from pharmacy.services import habilitations as service
from pharmacy.views.flux import Ecoute, Partie

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("TIT-02")]
URL = "/equipe/habilitations/"


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _cochees(matrice):
    return {
        case.cle
        for _, lignes in matrice.familles
        for ligne in lignes
        for case in ligne.cases
        if case.tenu and not case.ferme
    }


def _changer(troupe, *, donner=(), retirer=(), code="A01"):
    """Tick and untick squares of the matrix of roles, as its form does."""
    matrice = service.matrix_of_roles(troupe.officine.pk)
    return service.change_roles(
        troupe.administrateur(code),
        (_cochees(matrice) | set(donner)) - set(retirer),
        matrice.marque,
    )


def _changer_personne(troupe, cible, *, donner=(), retirer=()):
    matrice = service.matrix_of_person(troupe.operateurs[cible])
    return service.change_person(
        troupe.administrateur(),
        troupe.operateurs[cible],
        (_cochees(matrice) | set(donner)) - set(retirer),
        matrice.marque,
    )


# The law


def test_the_legal_floor_is_never_below_the_default_and_names_known_rights():
    assert set(PLAFOND) <= set(DROITS)
    for droit, (roles, _) in DROITS.items():
        assert roles <= ceiling_of(droit), droit


@pytest.mark.parametrize("droit", sorted(DROITS))
def test_a_decision_gives_nothing_beyond_the_law_and_takes_nothing_from_a_titulaire(droit):
    for role in Operateur.Role.values:
        donne, retire = frozenset({(droit, True)}), frozenset({(droit, False)})
        if role == "titulaire":
            assert is_held(role, droit, retire) == is_held(role, droit)
            continue
        if droit in FIXES:
            assert is_held(role, droit, retire)
            continue
        assert is_held(role, droit, donne) == (role in ceiling_of(droit))
        assert not is_held(role, droit, retire)


@pytest.mark.parametrize(
    ("role", "droit"),
    [
        ("preparateur", "ins.traits"),
        ("preparateur", "ins.lever_doute"),
        ("preparateur", "ins.fusionner"),
        ("adjoint", "ins.verifier_lot"),
        ("apprenti", "ordonnance.lever_bloquant"),
        ("adjoint", "operateurs.gerer"),
        ("adjoint", "operateurs.reinitialiser"),
        ("administratif", "patient.lire"),
        ("administratif", "vente"),
    ],
)
def test_what_the_law_reserves_is_not_given_even_in_the_database(halle, role, droit):
    """ins.md §2.6, and the console: the row is there, and gives nothing."""
    Habilitation.objects.create(
        officine=halle.officine,
        droit=droit,
        role=role,
        accorde=True,
        auteur=halle.operateurs["A01"],
    )
    Operateur.objects.filter(code="A02").update(role=role)
    halle.operateurs["A02"].role = role
    assert not peut(halle.acteur("A02"), droit).ok
    with pytest.raises(PermissionError, match="HAB-001"):
        _changer(halle, donner=[f"{role}:{droit}"])


def test_a_forged_square_is_refused_and_nothing_of_the_form_is_kept(halle):
    matrice = service.matrix_of_roles(halle.officine.pk)
    reponse = halle.administration().post(
        URL, {"droit": ["preparateur:ins.traits"], "marque": matrice.marque}
    )
    assert reponse.status_code == 403
    assert "HAB-001" in _texte(reponse)
    assert not Habilitation.objects.exists()
    assert not Audit.objects.filter(acte__startswith="droit.").exists()


def test_the_database_refuses_a_decision_on_titulaires_or_on_nobody(halle):
    for sujet in (
        {"role": "titulaire"},
        {"role": ""},
        {"role": "adjoint", "operateur": halle.operateurs["A02"]},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Habilitation.objects.create(
                officine=halle.officine,
                droit="vente",
                accorde=False,
                auteur=halle.operateurs["A01"],
                **sujet,
            )


# Roles


@pytest.mark.exigence("TIT-04")
def test_a_right_taken_from_a_role_is_gone_at_the_next_request_of_an_open_session(halle):
    preparateur = halle.client("B01")
    assert preparateur.get("/patients/").status_code == 200
    assert _changer(halle, retirer=["preparateur:patient.lire"]) == 1
    reponse = preparateur.get("/patients/")
    assert reponse.status_code == 403
    assert "Votre profil ne permet pas de ouvrir un dossier patient" in _texte(reponse)
    assert halle.client("A02").get("/patients/").status_code == 200
    ligne = Audit.objects.get(acte="droit.retirer")
    assert (ligne.objet, ligne.precision) == ("droit:patient.lire", "role:preparateur")


@pytest.mark.exigence("TIT-04")
def test_a_right_given_to_a_role_holds_at_once_and_its_default_leaves_no_row(halle):
    adjointe = halle.client("A02")
    assert adjointe.get("/postes/").status_code == 403
    _changer(halle, donner=["adjoint:postes.gerer"])
    assert adjointe.get("/postes/").status_code == 200
    _changer(halle, retirer=["adjoint:postes.gerer"])
    assert adjointe.get("/postes/").status_code == 403
    assert not Habilitation.objects.exists()


@pytest.mark.exigence("TIT-04")
def test_the_stream_of_who_loses_a_right_ends(halle):
    client = halle.client("A02")
    cle = client.cookies["comptoir_session"].value
    ecoute = Ecoute(halle.acteur(), halle.vente().pk, cle)
    ecoute.read(["bandeau"])
    _changer(halle, retirer=["adjoint:file.agir"])
    with pytest.raises(Partie):
        ecoute.read(["bandeau"])


def test_the_matrix_is_filled_read_and_signed_on_the_screen(halle):
    titulaire = halle.administration()
    page = _texte(titulaire.get(URL))
    assert "Aucune : les droits sont ceux du rôle." in page
    assert "Préparateur : tenir une vente" in page
    assert "fermé par la loi" in page
    matrice = service.matrix_of_roles(halle.officine.pk)
    cochees = _cochees(matrice) - {"apprenti:ins.appeler"}
    reponse = titulaire.post(URL, {"droit": sorted(cochees), "marque": matrice.marque})
    assert reponse["Location"] == URL
    page = _texte(titulaire.get(URL))
    assert "Apprenti, interroger INSi : <strong>retiré</strong>" in page
    assert "par J. ROUSSEAU" in page


def test_a_matrix_read_before_another_change_changes_nothing(halle):
    avant = service.matrix_of_roles(halle.officine.pk)
    _changer(halle, donner=["adjoint:postes.gerer"])
    reponse = halle.administration().post(
        URL, {"droit": sorted(_cochees(avant)), "marque": avant.marque}
    )
    assert reponse.status_code == 409
    assert "HAB-002" in _texte(reponse)
    assert Habilitation.objects.count() == 1


@pytest.mark.parametrize("code", ["A02", "B01"])
def test_nobody_else_decides(halle, code):
    assert halle.client(code).get(URL).status_code == 403
    with pytest.raises(PermissionError):
        _changer(halle, donner=["adjoint:postes.gerer"], code=code)


# Persons


def test_a_decision_for_a_person_comes_before_their_role(halle):
    _changer(halle, retirer=["preparateur:ins.qualifier"])
    assert not peut(halle.acteur("B01"), "ins.qualifier").ok
    _changer_personne(halle, "B01", donner=["ins.qualifier"])
    del halle.operateurs["B01"].ecarts
    assert peut(halle.acteur("B01"), "ins.qualifier").ok
    ligne = Audit.objects.get(acte="droit.donner")
    assert ligne.precision == f"operateur:{halle.operateurs['B01'].pk}"
    page = _texte(halle.administration().get(URL))
    assert "B01 · Sam LEROY" in page


def test_a_decision_for_one_person_leaves_the_others_of_the_role(halle):
    autre = Operateur.objects.create(
        officine=halle.officine, code="B02", role="preparateur", nom="ROY", prenom="Ana"
    )
    _changer_personne(halle, "B01", retirer=["vente"])
    assert not peut(halle.acteur("B01"), "vente").ok
    halle.operateurs["B02"] = autre
    assert peut(halle.acteur("B02"), "vente").ok


def test_the_page_of_a_person_is_filled_and_says_what_the_role_has(halle):
    titulaire = halle.administration()
    leroy = halle.operateurs["B01"]
    url = f"/equipe/{leroy.pk}/habilitations/"
    assert "vaut pour cette personne seule" in _texte(titulaire.get(url))
    matrice = service.matrix_of_person(leroy)
    cochees = sorted(_cochees(matrice) - {"vente"})
    assert titulaire.post(url, {"droit": cochees, "marque": matrice.marque})["Location"] == url
    assert halle.client("B01").get("/vente/").status_code == 403
    assert "tenir une vente : <strong>retiré</strong>" in _texte(titulaire.get(url))


def test_nobody_gives_a_right_to_themselves(halle):
    rousseau = halle.operateurs["A01"]
    with pytest.raises(PermissionError, match="Vous ne vous donnez pas de droit"):
        service.change_person(halle.administrateur(), rousseau, [], "")
    page = _texte(halle.administration().get(f"/equipe/{rousseau.pk}/habilitations/"))
    assert "Un titulaire a tous les droits" in page
    assert "Enregistrer les droits" not in page


def test_the_decisions_of_one_officine_are_nothing_to_another(halle, port):
    _changer(halle, retirer=["adjoint:vente"])
    with officine_context(port.officine.pk):
        assert not Habilitation.objects.exists()
        assert service.matrix_of_roles(port.officine.pk).decisions == []


# What it costs


def test_an_actor_of_a_session_is_read_with_the_rights_in_one_query(halle):
    _changer(halle, retirer=["adjoint:file.agir"], donner=["adjoint:postes.gerer"])
    client = halle.client("A02")
    client.get("/touches/")
    with CaptureQueriesContext(connection) as requetes:
        client.get("/touches/")
    lues = [q["sql"] for q in requetes if "pharmacy_habilitation" in q["sql"]]
    assert len(lues) == 1
    assert "pharmacy_operateur" in lues[0]


def test_a_right_is_asked_without_a_query(halle, django_assert_num_queries):
    acteur = halle.acteur("A02")
    with django_assert_num_queries(0):
        for droit in DROITS:
            peut(acteur, droit)


def test_an_actor_says_no_name_and_can_be_a_key():
    acteur = Acteur(1, 2, "adjoint", ecarts=frozenset({("vente", False)}))
    assert hash(acteur)
    assert not peut(acteur, "vente").ok


def test_the_matrix_shows_every_right_that_can_move():
    assert set(service.right_list()) == set(DROITS) - FIXES
    for droit in service.right_list():
        assert service.FAMILLES.get(droit.split(".", 1)[0]), droit
