"""The tables: what the database refuses, what is sealed, what the door lets through."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from psc.coffre import CoffreFerme, seal, unseal
from psc.documents import Garde
from psc.echanges import Jetons
from psc.models import (
    DocumentPsc,
    InstantanePsc,
    JetonVu,
    RattachementPsc,
    SessionPsc,
    TentativePsc,
)
from psc.rules.decision import Lien
from psc.rules.etats import TRANSITIONS, Etat
from psc.services import acces
from teleservices.errors import NotReady
from tests.conftest import RACINE
from tests.psc.forge import EMETTEUR, SUB

RPPS = "99700123459"
JETONS = Jetons("acces-secret", "renouvellement-secret", "identite-secret", 120, 1800, 1.5, "s1")


def rattachement(troupe, code="A02", **champs):
    operateur = troupe.operateurs[code]
    base = {
        "officine": troupe.officine,
        "operateur": operateur,
        "declare_par": operateur,
        "environnement": "bas",
        "rpps": RPPS,
    }
    return RattachementPsc.objects.create(**{**base, **champs})


def session(troupe, code="A02", poste=0, **champs):
    maintenant = timezone.now()
    ident = uuid4()
    base = {
        "id": ident,
        "officine": troupe.officine,
        "operateur": troupe.operateurs[code],
        "poste": troupe.postes[poste],
        "environnement": "bas",
        "emetteur": EMETTEUR,
        "sub": SUB,
        "sid": "s1",
        "national": f"8{RPPS}",
        "rpps": RPPS,
        "acr": "eidas1",
        "voie": "code",
        "jetons": seal(ident, JETONS),
        "derniere_activite": maintenant,
        "echeance_inactivite": maintenant + timedelta(minutes=30),
        "echeance_fin": maintenant + timedelta(hours=4),
    }
    return SessionPsc.objects.create(**{**base, **champs})


def refuse(appel, *args, **kwargs):
    with pytest.raises(IntegrityError) as leve, transaction.atomic():
        appel(*args, **kwargs)
    return leve.value.__cause__.diag.constraint_name


# Links.


@pytest.mark.exigence("PSC-05")
@pytest.mark.cas("psc-16")
def test_an_identity_belongs_to_one_operator_of_an_officine(halle):
    rattachement(halle)
    assert refuse(rattachement, halle, "B01") == "rattachement_rpps_unique"
    assert refuse(rattachement, halle, rpps="99700900014") == "rattachement_operateur_unique"
    rattachement(halle, "B01", environnement="prod")
    message = next(
        c.violation_error_message
        for c in RattachementPsc._meta.constraints
        if c.name == "rattachement_rpps_unique"
    )
    assert message == "Ce RPPS est déjà celui d'un autre opérateur."


def test_a_link_removed_frees_the_identity(halle):
    ancien = rattachement(halle)
    ancien.etat = Lien.RETIRE
    ancien.save(update_fields=["etat"])
    assert rattachement(halle, "B01").rpps == RPPS


def test_a_national_identifier_is_attached_once_too(halle):
    rattachement(halle, rpps="", national="3752026005/CPE0001")
    autre = {"rpps": "", "national": "3752026005/CPE0001"}
    assert refuse(rattachement, halle, "B01", **autre) == "rattachement_national_unique"
    assert rattachement(halle, "B01", rpps="", national="3752026005/CPE0002")


def test_a_link_names_somebody_in_the_right_form_and_says_when_it_was_proved(halle):
    assert refuse(rattachement, halle, rpps="") == "rattachement_identifie"
    assert refuse(rattachement, halle, rpps="9970012345A") == "rattachement_rpps_forme"
    assert refuse(rattachement, halle, etat="prouve") == "rattachement_prouve_date"


@pytest.mark.exigence("SEC-06")
def test_the_same_person_works_in_two_officines_that_do_not_see_each_other(halle, port):
    rattachement(halle)
    with officine_context(port.officine.pk):
        assert rattachement(port, next(iter(port.operateurs))).rpps == RPPS
        assert RattachementPsc.objects.count() == 1
    assert RattachementPsc.objects.get().officine_id == halle.officine.pk


@pytest.fixture
def troupe_vraie(django_db_setup, django_db_blocker):
    """The cast without the transaction of a test: what is written is committed, then taken away."""
    from pharmacy.demonstration.donnees import HALLE
    from tests.troupe import officine_of

    with django_db_blocker.unblock(), officine_of(HALLE) as troupe:
        yield troupe
        RattachementPsc.objects.all().delete()
    for connexion in connections.all():
        connexion.close()


@pytest.mark.cas("psc-17")
def test_two_requests_at_once_attach_one_identity_once(troupe_vraie):
    """Each in its own connection, both past any check of ours: the constraint decides."""
    depart, issues = threading.Barrier(2, timeout=20), []

    def attache(code):
        with officine_context(troupe_vraie.officine.pk):
            depart.wait()
            try:
                with transaction.atomic():
                    rattachement(troupe_vraie, code)
                issues.append("fait")
            except IntegrityError as exc:
                issues.append(exc.__cause__.diag.constraint_name)
        transaction.get_connection().close()

    fils = [threading.Thread(target=attache, args=(code,)) for code in ("A02", "B01")]
    for fil in fils:
        fil.start()
    for fil in fils:
        fil.join(30)
    assert sorted(issues) == ["fait", "rattachement_rpps_unique"]


def test_the_words_of_the_rules_are_those_of_the_table():
    assert set(RattachementPsc.Etat.values) == {lien.value for lien in Lien}
    assert set(SessionPsc.Etat.values) == {e.value for e in Etat} - {"absente", "en_attente"}


def test_the_drawing_of_the_states_is_the_table_of_the_rules():
    lignes = ["    [*] --> absente"]
    for avant, apres in TRANSITIONS.items():
        lignes += [f"    {avant} --> {suivant}" for suivant in sorted(apres)]
        lignes += [] if apres else [f"    {avant} --> [*]"]
    page = (RACINE / "psc/README.md").read_text(encoding="utf-8")
    assert "stateDiagram-v2\n" + "\n".join(lignes) + "\n```" in page


# Attempts.


def tentative(troupe, poste=0, **champs):
    base = {
        "officine": troupe.officine,
        "objet": "connexion",
        "poste": troupe.postes[poste],
        "session_empreinte": "e" * 64,
        "expire_le": timezone.now() + timedelta(minutes=10),
    }
    return TentativePsc.objects.create(**{**base, **champs})


@pytest.mark.exigence("PSC-12")
def test_the_secrets_of_an_attempt_are_not_in_the_row(halle):
    posee = tentative(halle, nonce="nonce-secret", verifieur="verifieur", ciba_demande="demande")
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT nonce, verifieur, ciba_demande FROM psc_tentativepsc WHERE id = %s", [posee.pk]
        )
        brut = b"".join(bytes(colonne) for colonne in curseur.fetchone())
    for secret in (b"nonce-secret", b"verifieur", b"demande"):
        assert secret not in brut
    assert TentativePsc.objects.get().nonce == "nonce-secret"


def test_one_attempt_lives_on_a_poste_and_a_state_serves_once(halle):
    premiere = tentative(halle, etat_empreinte="a" * 64, billet_empreinte="b" * 64)
    assert refuse(tentative, halle) == "tentative_vivante_par_poste"
    premiere.consommee_le = timezone.now()
    premiere.save(update_fields=["consommee_le"])
    tentative(halle)
    refus = refuse(tentative, halle, poste=1, etat_empreinte="a" * 64)
    assert refus == "tentative_etat_unique"
    refus = refuse(tentative, halle, poste=1, billet_empreinte="b" * 64)
    assert refus == "tentative_billet_unique"


# Sessions.


def test_a_poste_has_one_active_session_and_may_keep_others_parked(halle):
    session(halle)
    assert refuse(session, halle, "B01") == "session_psc_active_par_poste"
    refus = refuse(session, halle, "B01", etat="a_reconfirmer")
    assert refus == "session_psc_active_par_poste"
    session(halle, "B01", etat="garee")
    session(halle, "B01", poste=1)


def test_a_session_that_is_over_holds_no_token_and_says_why(halle):
    contrainte = "session_psc_terminee_sans_jeton"
    assert refuse(session, halle, etat="terminee", motif_fin="depart") == contrainte
    assert refuse(session, halle, etat="terminee", jetons=None) == contrainte
    assert refuse(session, halle, jetons=None) == contrainte
    assert session(halle, etat="terminee", motif_fin="depart", jetons=None).etat == "terminee"


def test_the_idle_deadline_never_passes_the_end(halle):
    tard = timezone.now() + timedelta(hours=5)
    assert refuse(session, halle, echeance_inactivite=tard) == "session_psc_echeances"


@pytest.mark.exigence("PSC-12")
def test_tokens_and_names_received_are_encrypted_at_rest(halle):
    posee = session(halle)
    InstantanePsc.objects.create(officine=halle.officine, session=posee, contenu=b"ALBA ESSAI")
    with connection.cursor() as curseur:
        curseur.execute(
            "SELECT s.jetons, i.contenu FROM psc_sessionpsc s "
            "JOIN psc_instantanepsc i ON i.session_id = s.id"
        )
        jetons, contenu = (bytes(colonne) for colonne in curseur.fetchone())
    for secret in (b"acces-secret", b"renouvellement-secret", b"identite-secret"):
        assert secret not in jetons
    assert b"ALBA" not in contenu
    assert InstantanePsc.objects.get().contenu == b"ALBA ESSAI"


@pytest.mark.cas("psc-66")
@pytest.mark.exigence("PSC-12")
def test_a_blob_copied_into_another_row_does_not_open(halle):
    une, autre = session(halle), session(halle, "B01", etat="garee")
    assert unseal(une.pk, une.jetons) == JETONS
    SessionPsc.objects.filter(pk=autre.pk).update(jetons=une.jetons)
    autre.refresh_from_db()
    with pytest.raises(CoffreFerme):
        unseal(autre.pk, autre.jetons)


def test_keys_rotate_and_a_blob_touched_does_not_open(settings):
    ident, ancienne = uuid4(), Fernet.generate_key().decode()
    settings.CLES_CHIFFREMENT = [ancienne]
    scelle = seal(ident, JETONS)
    assert seal(ident, JETONS) != scelle
    settings.CLES_CHIFFREMENT = [Fernet.generate_key().decode(), ancienne]
    assert unseal(ident, memoryview(scelle)) == JETONS
    neuf = seal(ident, replace(JETONS, acces="neuf"))
    settings.CLES_CHIFFREMENT = [ancienne]
    for faux in (neuf, scelle[:-1], scelle[:5], b"", b"\x02" + scelle[1:]):
        with pytest.raises(CoffreFerme):
            unseal(ident, faux)
    settings.CLES_CHIFFREMENT = []
    with pytest.raises(ImproperlyConfigured):
        seal(ident, JETONS)


def porte(sid="", sub="", emetteur=EMETTEUR):
    with connection.cursor() as curseur:
        curseur.execute("SELECT * FROM comptoir_sessions_psc(%s, %s, %s)", [emetteur, sid, sub])
        return {(officine, ident) for officine, ident in curseur.fetchall()}


@pytest.mark.cas("psc-77", "psc-79")
def test_the_door_finds_sessions_of_every_officine_and_gives_their_ids_only(halle, port):
    une = session(halle)
    session(halle, "B01", poste=1, sid="s2", sub="autre")
    session(halle, etat="terminee", motif_fin="depart", jetons=None)
    with officine_context(port.officine.pk):
        ailleurs = session(port, next(iter(port.operateurs)))
    attendues = {(halle.officine.pk, une.pk), (port.officine.pk, ailleurs.pk)}
    assert porte(sid="s1") == attendues
    assert porte(sub=SUB) == attendues
    assert porte(sid="s1", sub="autre") == attendues
    assert porte(sid="inconnu", sub=SUB) == set()
    assert porte() == set()
    assert porte(sid="s1", emetteur="https://mal.test") == set()


# Documents and tokens seen.


@pytest.mark.usefixtures("db")
@pytest.mark.cas("psc-81")
def test_a_document_is_kept_for_every_process():
    magasin = acces.MagasinBase()
    assert magasin.read("d") is None
    magasin.keep("d", Garde(b"un", 1000.5))
    magasin.keep("d", Garde(b"deux", 2000.25))
    assert acces.MagasinBase().read("d") == Garde(b"deux", 2000.25)
    assert DocumentPsc.objects.count() == 1


@pytest.mark.usefixtures("db")
@pytest.mark.cas("psc-41")
def test_the_floor_is_claimed_by_one_process_whatever_its_clock():
    un, deux = acces.MagasinBase(), acces.MagasinBase()
    assert un.claim("d", 1000, 60)
    assert un.read("d") is None
    assert not deux.claim("d", 1059, 60)
    assert deux.claim("d", 1060, 60)
    assert not un.claim("d", 1061, 60)
    assert un.claim("d", 900, 60)
    assert un.claim("autre", 900, 60)


@pytest.mark.usefixtures("db")
@pytest.mark.cas("psc-78")
def test_a_logout_token_is_taken_once_per_issuer():
    fin = datetime(2026, 11, 25, tzinfo=UTC)
    assert not acces.is_replayed(EMETTEUR, "j1", fin)
    assert acces.is_replayed(EMETTEUR, "j1", fin)
    assert not acces.is_replayed(EMETTEUR, "j2", fin)
    assert not acces.is_replayed("https://autre.test", "j1", fin)
    assert "j1" not in set(JetonVu.objects.values_list("empreinte", flat=True))


# The client of this installation.


def test_without_its_settings_there_is_no_client(settings):
    with pytest.raises(NotReady) as leve:
        acces.psc_client()
    assert leve.value.code == "psc_non_regle"
    settings.PSC_ACTIF = True
    with pytest.raises(NotReady):
        acces.psc_client()
