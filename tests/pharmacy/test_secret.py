"""« Mot de passe et PIN »: one's own secrets, and what is said of them at the next sign-in."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, identify_hasher
from django.utils import timezone

from pharmacy.models import Audit, Operateur, Poste, SessionOuverte, VerrouConnexion
from pharmacy.mots_de_passe import disclosed, is_disclosed
from pharmacy.rules.mot_de_passe import MOTS, leans_on
from pharmacy.services.secret import Changement

pytestmark = [pytest.mark.django_db, pytest.mark.exigence("SEC-07")]
PAGE, URL = "/connexion/changer/", "/connexion/"
ACTUEL = "halle-adjointe"
NEUF = "  des nèfles, 3 cerises & un 🦔  "


def _texte(reponse):
    return " ".join(reponse.content.decode().split())


def _entrer(troupe, poste=0, code="A02", secret=ACTUEL):
    client = troupe.navigateur(poste)
    assert client.post(URL, {"code": code, "mot_de_passe": secret}).status_code == 302
    return client


def _dedans(client):
    return client.get("/donnees/").status_code == 200


def _changer(client, **champs):
    if "nouveau" in champs:
        champs.setdefault("confirmation", champs["nouveau"])
    return client.post(PAGE, {"actuel": ACTUEL} | champs)


# What is accepted


@pytest.mark.parametrize(
    "neuf",
    [
        NEUF,
        "quatorzelapins",
        "71930264815599",
        "x" * 7 + "é" * 57,
        "correct " * 15 + "horse",
        "</form><b>&amp;",
    ],
)
def test_any_character_goes_and_the_password_is_kept_as_it_was_typed(halle, neuf):
    client = _entrer(halle)
    assert _changer(client, nouveau=neuf).status_code == 302
    assert halle.navigateur().post(URL, {"code": "A02", "mot_de_passe": ACTUEL}).status_code == 422
    voisins = {neuf.strip(), neuf.upper(), neuf.lower(), neuf[:-1], neuf + " "} - {neuf}
    for voisin in voisins:
        assert not Operateur.objects.get(code="A02").check_password(voisin)
    assert halle.navigateur().post(URL, {"code": "A02", "mot_de_passe": neuf}).status_code == 302


def test_a_pin_changes_alone_and_the_password_stays(halle):
    client = _entrer(halle)
    assert _changer(client, pin="719302", pin_confirmation="719302").status_code == 302
    operateur = Operateur.objects.get(code="A02")
    assert operateur.check_pin("719302")
    assert operateur.check_password(ACTUEL)


def test_the_page_hides_what_is_typed_and_hinders_no_manager(halle):
    page = halle.client().get(PAGE).content.decode()
    champs = page.split("<form", 3)[-1].split("<input")
    types = [c for c in champs if 'name="' in c and "csrf" not in c.split(">")[0]]
    for nom, usage in (("actuel", "current-password"), ("nouveau", "new-password")):
        (champ,) = [c.split(">")[0] for c in types if f'name="{nom}"' in c]
        assert 'type="password"' in champ
        assert f'autocomplete="{usage}"' in champ
        for frein in ("onpaste", "oncopy", "readonly", "pattern", "minlength"):
            assert frein not in champ
        assert 'maxlength="128"' in champ
    for script in (settings.BASE_DIR / "static/js").glob("*.js"):
        assert "'paste'" not in script.read_text(encoding="utf-8")


# What is refused


@pytest.mark.parametrize(
    ("champs", "phrase"),
    [
        ({"actuel": "", "nouveau": NEUF}, "Donnez votre mot de passe d&#x27;aujourd&#x27;hui"),
        ({"nouveau": "court"}, "trop court"),
        ({"nouveau": "1qaz2wsx3edc"}, "trop courant"),
        ({"nouveau": "QWERTY123456qwerty"}, ""),
        ({"nouveau": "ElvisOfRock87"}, "circule déjà"),
        ({"nouveau": "Pharmacie-2026"}, "se devine d&#x27;ici"),
        ({"nouveau": "{prenom}.{nom}.75"}, "se devine d&#x27;ici"),
        ({"nouveau": "752026005-A02"}, "se devine d&#x27;ici"),
        ({"nouveau": ACTUEL}, "déjà votre mot de passe"),
        ({"nouveau": NEUF, "confirmation": "autre"}, "Les deux saisies diffèrent"),
        ({"nouveau": NEUF, "confirmation": ""}, "une seconde fois"),
        ({"pin": "123456", "pin_confirmation": "123456"}, "se devine"),
        ({"pin": "719302", "pin_confirmation": "719303"}, "Les deux PIN diffèrent"),
        ({}, "un nouveau mot de passe, ou un nouveau PIN"),
    ],
)
def test_what_is_too_weak_or_unclear_changes_nothing(halle, champs, phrase):
    client = _entrer(halle)
    avant = Operateur.objects.get(code="A02")
    champs = {c: v.format(prenom=avant.prenom, nom=avant.nom) for c, v in champs.items()}
    reponse = _changer(client, **champs)
    assert reponse.status_code == 422
    assert phrase in _texte(reponse)
    apres = Operateur.objects.get(code="A02")
    assert (apres.password, apres.pin) == (avant.password, avant.pin)
    for typed in {v for v in champs.values() if v and v != ACTUEL}:
        assert f'value="{typed}"' not in _texte(reponse)


def test_who_does_not_know_the_password_of_today_is_counted_then_locked(halle):
    client = _entrer(halle)
    for _ in range(5):
        reponse = _changer(client, actuel="un autre", nouveau=NEUF)
        assert reponse.status_code == 422
    assert "Réessayez dans 30 s" in _texte(reponse)
    assert "Réessayez dans" in _texte(_changer(client, nouveau=NEUF))
    assert Operateur.objects.get(code="A02").check_password(ACTUEL)
    assert VerrouConnexion.objects.get(code="A02").echecs == 5
    refus = Audit.objects.filter(acte="operateur.mot_de_passe", resultat="refus")
    assert refus.count() == 5


def test_the_list_of_disclosed_passwords_is_long_sorted_and_says_none_of_them():
    connus = disclosed()
    assert len(connus) >= 3000
    assert list(connus) == sorted(set(connus))
    assert is_disclosed(" Q1W2E3R4T5Y6 ")
    assert not is_disclosed(NEUF)


@pytest.mark.parametrize("mot", [m for m in MOTS if len(m) > 4])
def test_a_word_of_here_with_a_year_is_no_password(mot):
    assert leans_on(f"{mot.capitalize()}2026!!")
    assert leans_on(f"2026-{mot.replace('a', '4').replace('e', '3').replace('o', '0')}")
    assert not leans_on(f"{mot} et trois hérissons")


def test_a_name_of_two_letters_forbids_nothing():
    assert not leans_on("le levain de seigle", ["le", ""])


# What follows


def test_the_other_sessions_end_and_this_one_stays_under_another_key(halle):
    ici, ailleurs, autre = _entrer(halle), _entrer(halle, 1), halle.client("B01")
    cle = ici.cookies[settings.SESSION_COOKIE_NAME].value
    _changer(ici, nouveau=NEUF)
    assert _dedans(ici)
    assert not _dedans(ailleurs)
    assert _dedans(autre)
    assert ici.cookies[settings.SESSION_COOKIE_NAME].value != cle
    (ouverte,) = SessionOuverte.objects.filter(operateur=halle.operateurs["A02"])
    assert ouverte.cle == ici.cookies[settings.SESSION_COOKIE_NAME].value
    ligne = Audit.objects.get(acte="operateur.mot_de_passe")
    assert (ligne.resultat, ligne.precision) == ("ok", "mot_de_passe")


def test_a_change_is_told_on_the_spot_and_at_the_next_sign_in_once(halle):
    client = _entrer(halle)
    _changer(client, nouveau=NEUF)
    assert "Vos autres sessions sont fermées" in client.get("/donnees/").content.decode()
    assert "Vos autres sessions" not in client.get("/donnees/").content.decode()
    suivant = _entrer(halle, 1, secret=NEUF)
    page = _texte(suivant.get("/donnees/"))
    assert "Votre mot de passe ou votre PIN a été changé le" in page
    assert "sur Comptoir 1" in page
    assert "prévenez le titulaire" in page
    assert "a été changé" not in _texte(_entrer(halle, secret=NEUF).get("/donnees/"))


@pytest.mark.parametrize(("fautes", "dit"), [(2, False), (3, True)])
def test_many_refusals_here_are_told_a_slip_of_the_hand_is_not(halle, fautes, dit):
    _entrer(halle)
    for _ in range(fautes):
        halle.navigateur().post(URL, {"code": "A02", "mot_de_passe": "faux"})
    page = _texte(_entrer(halle).get("/donnees/"))
    assert ("3 essais refusés avec votre code" in page) is dit


def test_one_refusal_on_another_poste_is_told_to_its_operator_alone(halle):
    _entrer(halle)
    _entrer(halle, code="A01", secret="halle-titulaire")
    halle.navigateur(1).post(URL, {"code": "A02", "mot_de_passe": "faux"})
    page = _texte(_entrer(halle).get("/donnees/"))
    assert "Un essai refusé avec votre code, le dernier le" in page
    assert "sur Comptoir 2" in page
    autre = _entrer(halle, code="A01", secret="halle-titulaire")
    assert "essai refusé" not in _texte(autre.get("/donnees/"))


def test_ones_own_sessions_are_seen_and_the_others_end_with_the_password(halle):
    ici, ailleurs, autre = _entrer(halle), _entrer(halle, 1), halle.client("B01")
    page = _texte(ici.get(PAGE))
    assert page.count("dernier acte à") == 2
    assert "Comptoir 2, depuis le" in page
    assert page.count("(ici)") == 1
    assert ici.post(PAGE, {"fermer": "oui"}).status_code == 422
    assert _changer(ici, actuel="faux", fermer="oui").status_code == 422
    assert _dedans(ailleurs)
    assert _changer(ici, fermer="oui", nouveau=NEUF).status_code == 302
    assert (_dedans(ici), _dedans(ailleurs), _dedans(autre)) == (True, False, True)
    assert Operateur.objects.get(code="A02").check_password(ACTUEL)
    assert Audit.objects.filter(acte="session.fermer_a_distance").count() == 1


# How secrets are kept


def test_a_secret_is_kept_under_argon2_with_a_salt_of_its_own(halle):
    operateur = Operateur.objects.get(code="A02")
    sels = set()
    for garde in (operateur.password, operateur.pin):
        assert identify_hasher(garde).algorithm == "argon2"
        lu = Argon2PasswordHasher().decode(garde)
        assert lu["variety"] == "argon2id"
        # RFC 9106, second recommendation: 64 MiB, three passes; the library gives 100 MiB, two.
        assert lu["memory_cost"] * lu["time_cost"] >= 3 * 64 * 1024
        assert len(lu["salt"]) >= 16
        sels.add(lu["salt"])
    assert len(sels) == 2


def test_a_password_has_no_end_and_no_hint(halle):
    client = _entrer(halle)
    Operateur.objects.filter(code="A02").update(
        last_login=timezone.now() - timedelta(days=3650), arrivee="2001-01-01"
    )
    client.post("/deconnexion/")
    assert _dedans(_entrer(halle))
    champs = {champ.name for champ in Operateur._meta.get_fields()}
    assert not {c for c in champs if "indice" in c or "question" in c or "expire" in c}


def test_a_temporary_password_is_drawn_long_and_never_twice(halle):
    from pharmacy.services.connexion import set_temporaire

    tires = {set_temporaire(Operateur.objects.get(code="A02")) for _ in range(8)}
    assert len(tires) == 8
    assert all(len(t) >= 16 for t in tires)  # 96 bits in base64url


def test_what_was_typed_never_shows_in_a_representation():
    assert repr(Changement("un", "deux", "719302")) == "Changement(…)"


def test_no_account_is_there_by_default(halle):
    """Who exists was named by an officine: no administrator of Django, no shared code."""
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    codes = set(Operateur.objects.values_list("code", flat=True))
    assert not codes & {"ADMIN", "ROOT", "SA", "TEST", "DEMO"}
    assert Poste.objects.count() > 0
