"""The relying party against our simulator, on real sockets: two readings of the same page."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from psc.client import PscClient
from psc.documents import MagasinMemoire
from psc.echanges import Reglages, begin
from psc.jetons import Pair
from psc.rules.retour import RetourRefuse, parse_callback
from teleservices.errors import Rejected, TeleserviceError
from teleservices.tls import Materiel
from teleservices.transport import HttpsTransport
from tests.simulators.client_nu import Simulateur
from tests.simulators.client_psc import FIN, RETOUR, SUJET, Navigateur, target

SECRET = "secret : de / test +"
ALICE = "99700900014"


@pytest.fixture(scope="module")
def psc(tls, tmp_path_factory):
    processus = Simulateur("psc", tmp_path_factory.mktemp("psc"), tls, "--ciba-intervalle", "1")
    yield processus
    processus.stop()


@pytest.fixture
def fabrique(psc, tls):
    """Makes relying parties of this simulator, which went back to its start."""
    psc.post("/oublier")
    declares = {"retours": [RETOUR], "apres_deconnexion": [FIN]}
    psc.post("/clients", client_id="par-secret", secret=SECRET, ciba=True, **declares)
    psc.post(
        "/clients",
        client_id="par-certificat",
        methode="tls_client_auth",
        sujet=SUJET,
        ciba=True,
        **declares,
    )
    adresses = psc.get("/adresses")
    emetteur = adresses["decouverte"].split("/.well-known/")[0]
    hotes = frozenset(urlsplit(a).netloc for a in adresses.values() if "://" in str(a))
    transports = []

    def fabrique(authentification="client_secret_basic"):
        certificat = authentification == "none"
        materiel = Materiel(str(tls / "ac-serveurs.pem"))
        if certificat:
            paire = (str(tls / f"psc-edc.{fin}") for fin in ("pem", "key"))
            materiel = Materiel(str(tls / "ac-serveurs.pem"), *paire)
        transports.append(HttpsTransport(materiel))
        reglages = Reglages(
            Pair(emetteur, "par-certificat" if certificat else "par-secret"),
            hotes,
            RETOUR,
            FIN,
            "" if certificat else SECRET,
            authentification,
        )
        return PscClient(reglages, transports[-1], MagasinMemoire())

    yield fabrique
    for transport in transports:
        transport.close()


@pytest.fixture
def navigateur(tls):
    navigateur = Navigateur(tls)
    yield navigateur
    navigateur.close()


def arrive(client, navigateur, qui="alice CARD"):
    """Go through the page as this person, come back, and be believed or not."""
    depart = begin(client._horloge())
    page = navigateur.open(client.authorization_url(depart))
    adresse = target(navigateur.choose(page, qui))
    retour = parse_callback(parse_qsl(urlsplit(adresse).query, keep_blank_values=True))
    assert retour.etat in {depart.etat, ""}
    return client.finish(retour, depart)


@pytest.mark.exigence("PSC-10")
@pytest.mark.cas("psc-1")
@pytest.mark.parametrize("authentification", ["client_secret_basic", "client_secret_post", "none"])
def test_the_whole_way_by_each_authentication_of_the_client(fabrique, navigateur, authentification):
    client = fabrique(authentification)
    authentifie = arrive(client, navigateur)
    assert authentifie.identite.rpps == ALICE
    assert authentifie.preuve.national == authentifie.identite.national
    assert abs(client.ecart_s) < 30
    jetons = client.renew(authentifie.jetons, authentifie.preuve, authentifie.jetons.recu_le)
    assert jetons.renouvellement != authentifie.jetons.renouvellement
    assert client.introspect(jetons.acces)
    assert client.userinfo(jetons.acces, authentifie.preuve) == authentifie.identite
    client.end_session(jetons.identite)
    assert not client.introspect(jetons.acces)
    with pytest.raises(Rejected) as leve:
        client.renew(jetons, authentifie.preuve, jetons.recu_le)
    assert leve.value.code == "session_terminee"


@pytest.mark.cas("psc-83", "psc-84", "psc-87")
def test_a_telephone_is_asked_and_approves(psc, fabrique):
    client = fabrique("none")
    demande = client.ciba_start(ALICE, "47")
    (appel,) = psc.get("/telephones")
    assert (appel["numero"], appel["identifiant"]) == ("47", f"8{ALICE}")
    assert client.ciba_poll(demande).issue == "en_attente"
    assert client.ciba_poll(demande).issue == "ralentir"
    psc.post("/telephone", ref=appel["ref"], geste="approuver")
    psc.post("/horloge", decalage_s=20)
    sondage = client.ciba_poll(demande)
    assert sondage.authentifie.identite.rpps == ALICE


@pytest.mark.cas("psc-85", "psc-86")
@pytest.mark.parametrize(
    ("reponse", "code"),
    [
        ({"geste": "refuser"}, "ciba_refuse"),
        ({"geste": "approuver", "autre": "bruno"}, "ciba_autre_personne"),
    ],
)
def test_a_telephone_refuses_or_another_answers(psc, fabrique, reponse, code):
    client = fabrique("none")
    demande = client.ciba_start(ALICE, "47")
    (appel,) = psc.get("/telephones")
    psc.post("/telephone", ref=appel["ref"], **reponse)
    with pytest.raises(Rejected) as leve:
        client.ciba_poll(demande)
    assert leve.value.code == code
    fins = [e["resultat"] for e in psc.journal() if e["operation"] == "deconnexion"]
    assert fins == (["deconnecte"] if code == "ciba_autre_personne" else [])


@pytest.mark.cas("psc-91")
def test_a_professional_without_telephone_is_told(fabrique):
    with pytest.raises(Rejected) as leve:
        fabrique("none").ciba_start("10101010101", "47")
    assert leve.value.code == "ciba_inconnu"


ACCEPTE = ""
ANOMALIES = {
    "nonce_faux": "jeton_nonce",
    "nonce_absent": "jeton_nonce",
    "iss_faux": "jeton_emetteur",
    "sub_autre": "userinfo_sujet",
    "sub_vide": "jeton_sujet",
    "aud_autre": "jeton_audience",
    "aud_liste": ACCEPTE,
    "aud_liste_sans_azp": "jeton_audience",
    "azp_autre": "jeton_audience",
    "expire_25": ACCEPTE,
    "expire_90": "jeton_expire",
    "iat_futur": "horloge",
    "iat_ancien": "jeton_date",
    "nbf_futur": "jeton_date",
    "acr_absent": "jeton_acr",
    "acr_eidas0": "jeton_acr",
    "acr_eidas3": ACCEPTE,
    "auth_time_ancien": "jeton_authentification",
    "auth_time_absent": "jeton_authentification",
    "auth_time_zero": "jeton_authentification",
    "at_hash_faux": "jeton_acces",
    "typ_bearer": "jeton_genre",
    "evenement": "jeton_genre",
    "subject_name_id_autre": "userinfo_identifiant",
    "sans_typ": ACCEPTE,
    "sans_noms": ACCEPTE,
    "hs256_secret": "jeton_algorithme",
    "hs256_cle_publique": "jeton_algorithme",
    "logout_token_rendu": "jeton_genre",
    "sans_id_token": "jeton_absent",
    "sans_access_token": "psc_illisible",
    "token_type_mac": "psc_illisible",
    "expires_in_zero": ACCEPTE,
    "bearer_minuscule": ACCEPTE,
    "sans_refresh_expires_in": ACCEPTE,
    "membre_en_plus": ACCEPTE,
    "userinfo_401": "jeton_perime",
    "userinfo_500": "psc_indisponible",
    "userinfo_html": "userinfo_illisible",
    "userinfo_vide": "userinfo_illisible",
    "userinfo_1mio": "psc_illisible",
    "userinfo_sub_autre": "userinfo_sujet",
    "userinfo_subject_autre": "userinfo_identifiant",
    "exercices_objet": "userinfo_illisible",
    "listes_de_1000": "userinfo_illisible",
    "autre_graphie": ACCEPTE,
    "membre_inconnu": ACCEPTE,
    "sans_auth_mode": ACCEPTE,
    "userinfo_jwt": ACCEPTE,
    "userinfo_jwt_aud_autre": "jeton_audience",
    "userinfo_jwt_faux": "jeton_cle",
    "iss_absent": "retour_emetteur",
    "iss_autre": "retour_emetteur",
    "state_absent": "retour_illisible",
    "state_double": "retour_double",
    "code_double": "retour_double",
    "sans_session_state": ACCEPTE,
    "erreur_balisage": "retour_annule",
    "erreur_temporaire": "psc_indisponible",
    "emetteur_autre": "psc_document",
    "hote_interdit": "psc_document",
    "http": "psc_document",
    "decouverte_500": "psc_indisponible",
    "cles_500": "psc_indisponible",
    "cles_vides": "psc_document",
}


@pytest.mark.exigence("PSC-10")
@pytest.mark.cas("psc-33", "psc-34", "psc-36", "psc-37", "psc-38", "psc-39", "psc-43", "psc-44")
@pytest.mark.cas("psc-46", "psc-47", "psc-48", "psc-49", "psc-50", "psc-51", "psc-52", "psc-57")
@pytest.mark.parametrize("nom", ANOMALIES)
def test_each_fault_of_the_service_ends_as_it_must(psc, fabrique, navigateur, nom):
    client = fabrique()
    psc.post("/anomalies", noms=[nom], fois=1)
    try:
        authentifie = arrive(client, navigateur)
        code = ACCEPTE
        assert authentifie.identite.rpps == ALICE
    except (TeleserviceError, RetourRefuse) as refus:
        code = getattr(refus, "code", str(refus))
    jouees = {a for entree in psc.journal() for a in entree.get("anomalies", [])}
    assert nom in jouees
    assert code == ANOMALIES[nom]
