"""Kill tests: whatever dies, the service executes once and the screens say what is true."""

import signal

import pytest

from config.lanceur.pile import Options, pile_complete
from tests.parcours.bureau import until
from tests.pile.guichet import Guichet

pytestmark = [pytest.mark.pile, pytest.mark.exigence("OPS-14")]


@pytest.fixture(scope="module")
def pile(tmp_path_factory):
    """Real processes, durable base; rows in flight are doubted after four seconds."""
    reglages = Options(
        durable=True,
        calme=True,
        env={"COMPTOIR_EN_VOL_MAX_S": "4", "COMPTOIR_DISJONCTEUR_S": "2"},
    )
    with pile_complete(tmp_path_factory.mktemp("pannes"), reglages) as pile:
        yield pile


@pytest.fixture(scope="module")
def comptoir(pile):
    guichet = Guichet(pile)
    guichet.ouvrir_session()
    guichet.signer()
    yield guichet
    guichet.http.close()


@pytest.fixture
def vente(pile, comptoir):
    """A sale ready for its control, services at rest; it is ended whatever happens."""
    comptoir.humeur("normal")
    vente = comptoir.preparer_vente()
    yield vente
    for nom, enfant in pile.enfants.items():
        if not enfant.alive:
            pile.demarrer(nom)
    comptoir.humeur("normal")
    vente.finir()


def test_an_execution_is_acknowledged(vente):
    vente.valider()
    vente.attendre_panneau("accusé reçu")
    vente.attendre_file("accusé reçu")
    assert len(vente.recues()) == len(vente.executees()) == 1


def _en_vol(vente, humeur, **autres):
    """Validate under a mood for this one call, and return once the service holds the request."""
    vente.guichet.humeur(humeur, operation="enregistrerExecution", fois=1, **autres)
    vente.valider()
    until(vente.guichet.humeur_prise, "la demande chez le service")
    assert "en cours d'envoi" in vente.envoi()[1]


def _une_fois(vente):
    """The fact that matters: executed once there, acknowledged once here."""
    assert [e["annulee"] for e in vente.executees()] == [False]
    assert [e for e in vente.recues() if e.get("nouvelle")] == vente.recues()[:1]


def _fini(vente, delai_s=25.0):
    vente.attendre_panneau("accusé reçu", delai_s)
    assert "accusé reçu" in vente.envoi()[1]


# The worker


def test_a_worker_killed_before_the_service_executed_is_asked_about_then_sent(pile, vente):
    _en_vol(vente, "panne", latence_ms=1500)
    pile.tuer("interactif")
    assert "En attente d'envoi" in vente.panneau()
    assert "en cours d'envoi" in vente.envoi()[1]
    vente.attendre_file("incertain, on vérifie")
    assert "On vérifie auprès de lui avant tout nouvel envoi" in vente.panneau()
    assert vente.executees() == []
    pile.demarrer("interactif")
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def test_a_worker_killed_while_the_service_works_sends_nothing_again(pile, vente):
    _en_vol(vente, "lent")
    pile.tuer("interactif")
    until(vente.executees, "l'exécution chez le service")
    vente.attendre_file("incertain, on vérifie")
    assert "On vérifie auprès de lui avant tout nouvel envoi" in vente.panneau()
    pile.demarrer("interactif")
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def test_a_worker_killed_with_the_answer_in_its_hands_sends_nothing_again(pile, vente):
    """The answer has come; a lock on the row holds the settling until the worker dies."""
    _en_vol(vente, "normal", latence_ms=1500)
    superviseur = pile.postgres.connect
    with superviseur() as vue, superviseur("comptoir") as base, base.transaction():
        base.execute(
            "SELECT 1 FROM teleservices_envoi WHERE id = %s FOR UPDATE", [vente.envoi()[0]]
        )
        until(lambda: [e for e in vente.recues() if e["reponse_envoyee"]], "la réponse envoyée")
        until(lambda: _attend_un_verrou(vue), "le règlement qui attend")
        pile.tuer("interactif")
    assert "en cours d'envoi" in vente.envoi()[1]
    vente.attendre_file("incertain, on vérifie")
    pile.demarrer("interactif")
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def _attend_un_verrou(vue):
    return vue.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
        ["%teleservices_envoi%"],
    ).fetchone()[0]


# The broker and the database


def test_without_valkey_the_sale_goes_on_and_the_sweep_sends(pile, vente):
    pile.arreter("valkey")
    vente.valider()
    assert "En attente d'envoi" in vente.panneau()
    assert "en attente d'envoi" in vente.envoi()[1]
    assert vente.recues() == []
    pile.demarrer("valkey")
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def test_valkey_restarted_during_a_call_changes_nothing(pile, vente):
    _en_vol(vente, "lent")
    pile.tuer("valkey")
    pile.demarrer("valkey")
    _fini(vente)
    _une_fois(vente)


def test_postgres_crashing_during_a_call_loses_nothing(pile, vente):
    """The settling finds no database; after recovery the row is doubted, asked about, settled."""
    _en_vol(vente, "lent")
    pile.tuer("postgres", signal.SIGQUIT)
    until(vente.executees, "l'exécution chez le service")
    pile.demarrer("postgres")
    vente.attendre_file("incertain, on vérifie")
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


# The answer


def test_a_lost_answer_is_asked_about_and_never_sent_again(vente):
    vente.guichet.humeur("reponse_perdue")
    vente.valider()
    vente.attendre_file("incertain, on vérifie")
    vente.attendre_panneau("On vérifie auprès de lui avant tout nouvel envoi")
    assert "reseau_coupe" in vente.guichet.lire(f"/file/{vente.envoi()[0]}/")
    vente.guichet.humeur("normal")
    vente.verifier_maintenant()
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def test_an_answer_given_twice_is_one_execution(vente):
    vente.guichet.humeur("doublon", operation="enregistrerExecution", fois=1)
    vente.valider()
    _fini(vente)
    _une_fois(vente)


@pytest.mark.parametrize(
    "variante", ["html", "tronque", "coupe", "autre", "vide", "enorme", "dtd", "type_contenu"]
)
@pytest.mark.exigence("SEC-09")
def test_a_nonsense_answer_is_asked_about_and_never_sent_again(vente, variante):
    vente.guichet.humeur("absurde", variante=variante, operation="enregistrerExecution", fois=1)
    vente.valider()
    _fini(vente)
    _une_fois(vente)
    assert len(vente.recues()) == 1


def test_an_answer_after_thirty_seconds_is_one_execution(vente):
    """Doubted while the first call still waits, asked, sent; the late one is the same execution."""
    _en_vol(vente, "tres_lent")
    _fini(vente)
    until(lambda: len(vente.recues()) == 2, "la première demande, enfin traitée", 35)
    assert "accusé reçu" in vente.envoi()[1]
    assert len(vente.executees()) == 1
    assert sorted(e["nouvelle"] for e in vente.recues()) == [False, True]
