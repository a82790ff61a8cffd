"""Verification of identities by the INSi simulator: our contract, one by one and by batches."""

import uuid
from dataclasses import replace

import httpx
import psycopg
import pytest
from lxml import etree

from simulators.population import build_population
from simulators.population.personnes import completed_date
from tests.conftest import RACINE
from tests.simulators.client_carte import VERIF, ClientVerification, Identite, results
from tests.simulators.client_nu import BAM, LPS, ClientInsi, Simulateur, body, header

SCHEMA = etree.XMLSchema(etree.parse(RACINE / "docs/contrats/insi-verification.xsd"))
ADRUN = Identite("2751263220749", "74", "ADRUN", "ZOE", "F", "1975-12-31", "63220")
CORSE = Identite("180032B020401", "23", "CORSE", "ANTHONY", "M", "1980-03-02", "2B020")
GENS = build_population()


def of_kind(genre, rang=0):
    """Return the identity of someone generated, as a file would hold it after INSi."""
    p = [p for p in GENS if p.genre == genre][rang]
    return identity(p)


def identity(p, reference="p-1"):
    return Identite(
        p.ins.matricule,
        p.ins.cle,
        p.nom,
        " ".join(p.prenoms),
        p.sexe,
        completed_date(p.naissance),
        p.lieu,
        p.ins.oid,
        reference,
    )


def batch(nombre, debut=0):
    return [identity(p, f"p-{n}") for n, p in enumerate(GENS[100 + debut : 100 + debut + nombre])]


@pytest.fixture(scope="module")
def simulateur(tls, tmp_path_factory):
    """One process for the module; batches end at once unless a test says."""
    dossier = tmp_path_factory.mktemp("insi")
    processus = Simulateur("insi", dossier, tls, "--lot-ms", "0")
    yield processus
    processus.stop()


@pytest.fixture
def insi(simulateur, tls):
    """A client of a simulator gone back to its start data."""
    simulateur.post("/oublier")
    client = ClientVerification(simulateur.adresse, tls)
    yield client
    client.close()


# One identity


@pytest.mark.parametrize(
    ("identite", "code"),
    [
        (ADRUN, "00"),
        (replace(ADRUN, lieu=""), "00"),
        (replace(ADRUN, nom="DUPONT"), "01"),
        (replace(ADRUN, prenoms="ZOEE"), "01"),
        (replace(ADRUN, sexe="M"), "01"),
        (replace(ADRUN, naissance="1975-12-30"), "01"),
        (replace(ADRUN, lieu="75056"), "01"),
        (replace(ADRUN, cle="75"), "01"),
        (replace(ADRUN, oid="1.2.250.1.213.1.4.9"), "01"),
        (replace(ADRUN, matricule="2751263220750"), "02"),
        (CORSE, "00"),
        (replace(CORSE, lieu="20020"), "00"),
        (replace(CORSE, lieu="2A020"), "00"),
        (replace(CORSE, lieu="20021"), "01"),
        # The list of first names is compared whole.
        (
            Identite(
                "1010663220754", "60", "D'ARTAGNAN DE L'HERAULT", "PIERRE-ALAIN", "M", "2001-06-17"
            ),
            "01",
        ),
        # A former number is known, and is nobody's any more.
        (
            Identite(
                "2090763220834",
                "39",
                "ECETINSI",
                "PIERRE-ALAIN MURIEL FLORIANT",
                "M",
                "2009-07-14",
            ),
            "01",
        ),
        # The base holds a key that fails mod 97, and no key at all: its own stands.
        (Identite("1810363220456", "60", "HERMANN", "GATIEN", "M", "1981-03-24"), "00"),
        (Identite("2711163220301", "79", "SANSCLE", "IRENE", "F", "1971-11-02"), "00"),
        # A completed date stands for an incomplete one.
        (Identite("2500099352123", "64", "LUNAIRE", "AMINA", "F", "1950-12-31", "99352"), "00"),
        (Identite("1620599350124", "81", "LUNAIRE", "BAKARI", "M", "1962-05-01"), "00"),
    ],
)
def test_an_identity_is_what_the_base_says_or_not(insi, identite, code):
    if identite.nom in {"SANSCLE", "LUNAIRE"}:
        personne = next(p for p in GENS if p.ins.matricule == identite.matricule)
        identite = replace(identite, cle=personne.ins.cle or _key(identite.matricule))

    assert insi.verify(identite) == code


def _key(numero):
    return f"{97 - int(numero) % 97:02d}"


@pytest.mark.parametrize(
    "genre",
    [
        *("ordinaire", "famille", "jumeaux", "homonyme", "homonyme_meme_lieu", "corse"),
        *("outre_mer", "etranger", "nia", "etat_civil_incomplet", "historique", "changement_sexe"),
        *("nom_compose", "epouse"),
    ],
)
def test_people_of_every_kind_are_verified(insi, genre):
    assert insi.verify(of_kind(genre, 1)) == "00"


def test_the_used_name_of_a_married_woman_is_not_hers_here(insi):
    personne = next(p for p in GENS if p.genre == "epouse")

    assert insi.verify(replace(identity(personne), nom=personne.nom_usuel)) == "01"


def test_an_identity_that_changes_is_not_verified_any_more(insi, simulateur):
    avant = insi.verify(ADRUN)
    simulateur.post("/evenement", nom="ADRUN", prenom="ZOE", evenement="nir_definitif")

    assert (avant, insi.verify(ADRUN)) == ("00", "01")


def test_the_reference_comes_back_and_no_trait_does(insi):
    racine, corps = insi.request("verifierIdentite")
    replace(ADRUN, naissance="1975-12-30", reference="f-900").append_to(corps)
    recu = insi.send(racine)

    assert SCHEMA.validate(recu.corps), SCHEMA.error_log
    assert (recu.text("Reference"), recu.code) == ("f-900", "01")
    assert b"1975" not in recu.octets
    assert b"ADRUN" not in recu.octets


# Batches


def test_a_batch_is_deposited_then_collected(insi, simulateur):
    identites = [
        replace(ADRUN, reference="a"),
        replace(ADRUN, reference="b", sexe="M"),
        replace(ADRUN, reference="c", matricule="2751263220750"),
    ]
    depot = insi.deposit(identites)
    recu = insi.collect(depot.text("NumeroLot"))

    for reponse in (depot, recu):
        assert SCHEMA.validate(reponse.corps), SCHEMA.error_log
    assert (depot.text("Nombre"), recu.text("Etat")) == ("3", "TERMINE")
    assert results(recu) == {"a": "00", "b": "01", "c": "02"}
    assert [(e["operation"], e["resultat"]) for e in simulateur.journal()] == [
        ("deposerLotRequete", "depose"),
        ("releverLotRequete", "TERMINE"),
    ]


def test_five_hundred_identities_fit_in_a_batch_and_one_more_does_not(insi):
    identites = batch(501)
    depot = insi.deposit(identites[:500])
    recu = insi.collect(depot.text("NumeroLot"))

    assert set(results(recu).values()) == {"00"}
    assert len(results(recu)) == 500
    assert insi.deposit(identites).code == "desir_1020"


def test_a_batch_is_treated_little_by_little(insi, simulateur):
    simulateur.post("/lots", duree_ms=3_600_000)
    numero = insi.deposit(batch(500)).text("NumeroLot")
    debut = insi.collect(numero)
    (lot,) = simulateur.get("/lots")
    simulateur.post("/lots", duree_ms=2)
    fin = insi.collect(numero)

    assert (debut.text("Etat"), debut.texts("Resultat")) == ("EN_COURS", [])
    assert int(debut.text("Traitees")) < 500 == int(debut.text("Nombre"))
    assert (lot["numero"], lot["nombre"], lot["codes"]) == (numero, 500, {"00": 500})
    assert (fin.text("Etat"), fin.text("Traitees")) == ("TERMINE", "500")


def test_the_progress_of_a_batch_only_grows(insi, simulateur):
    simulateur.post("/lots", duree_ms=300)
    numero = insi.deposit(batch(400)).text("NumeroLot")
    vus = []
    while not vus or vus[-1] < 400:
        vus.append(int(insi.collect(numero).text("Traitees")))

    assert vus == sorted(vus)
    assert len(set(vus)) > 2


def test_the_same_batch_deposited_twice_has_one_number(insi, simulateur):
    id_lot = str(uuid.uuid4())
    numeros = {insi.deposit(batch(3), id_lot).text("NumeroLot") for _ in range(2)}

    assert len(numeros) == 1
    assert [e["resultat"] for e in simulateur.journal()] == ["depose", "deja_depose"]


@pytest.mark.parametrize("autres", [batch(2), batch(3, debut=1), list(reversed(batch(3)))])
def test_another_content_under_the_same_name_is_a_fault(insi, autres):
    id_lot = str(uuid.uuid4())
    numero = insi.deposit(batch(3), id_lot).text("NumeroLot")
    recu = insi.deposit(autres, id_lot)

    assert (recu.statut, recu.code, recu.details["cote"]) == (500, "insi_14", "Sender")
    assert len(results(insi.collect(numero))) == 3


def test_an_unknown_batch_is_told_and_is_no_fault(insi):
    recu = insi.collect("L202611249999")

    assert (recu.statut, recu.faute, recu.text("Etat")) == (200, False, "INCONNU")
    assert (recu.text("Traitees"), recu.text("Nombre")) == ("0", "0")


def test_forgetting_loses_the_batches_and_never_gives_a_number_twice(insi, simulateur):
    numero = insi.deposit(batch(1)).text("NumeroLot")
    simulateur.post("/oublier")

    assert insi.collect(numero).text("Etat") == "INCONNU"
    assert insi.deposit(batch(1)).text("NumeroLot") != numero


# What the contract refuses


def _text(nom, valeur):
    def change(corps):
        corps.find(f"{{{VERIF}}}Identite/{{{VERIF}}}{nom}").text = valeur

    return change


def _without(nom):
    def change(corps):
        identite = corps.find(f"{{{VERIF}}}Identite")
        identite.remove(identite.find(f"{{{VERIF}}}{nom}"))

    return change


def _swap(corps):
    identite = corps.find(f"{{{VERIF}}}Identite")
    identite.append(identite[0])


def _twice(corps):
    corps.append(corps[0])
    corps.append(etree.fromstring(etree.tostring(corps[0])))


HORS_CONTRAT = {
    **{f"sans {nom}": _without(nom) for nom in ("Reference", "Matricule", "Cle", "OID")},
    **{f"sans {nom}": _without(nom) for nom in ("NomNaissance", "Prenoms", "Sexe")},
    "sans DateNaissance": _without("DateNaissance"),
    "référence qui est un nom": _text("Reference", "ADRUN ZOE"),
    "matricule de quinze caractères": _text("Matricule", "275126322074974"),
    "OID de l'INS-C": _text("OID", "1.2.250.1.213.1.4.2"),
    "nom en minuscules": _text("NomNaissance", "Adrun"),
    "prénoms accentués": _text("Prenoms", "ZOÉ"),
    "sexe indéterminé": _text("Sexe", "I"),
    "date lunaire": _text("DateNaissance", "1950-00-00"),
    "date impossible": _text("DateNaissance", "1975-02-30"),
    "date avec fuseau": _text("DateNaissance", "1975-12-31Z"),
    "date avec fuseau d'ici": _text("DateNaissance", "1975-12-31+01:00"),
    "lieu en lettres": _text("LieuNaissance", "PARIS"),
    "élément vide": _text("Prenoms", None),
    "ordre": _swap,
    "deux identités": _twice,
}


@pytest.mark.parametrize("interdit", list(HORS_CONTRAT))
def test_what_does_not_fit_the_contract_is_a_fault(insi, simulateur, interdit):
    racine, corps = insi.request("verifierIdentite")
    ADRUN.append_to(corps)
    HORS_CONTRAT[interdit](corps)
    recu = insi.send(racine)

    assert (recu.statut, recu.code) == (500, "desir_1020")
    assert "ADRUN" not in str(simulateur.journal()[-1])


def test_a_batch_without_anybody_and_a_batch_without_a_name_are_faults(insi):
    sans_nom = insi.deposit_envelope([ADRUN])
    corps = body(sans_nom)[0]
    corps.remove(corps[0])

    assert insi.deposit([]).code == "desir_1020"
    assert insi.deposit([ADRUN], id_lot="LOT-1").code == "desir_1020"
    assert insi.send(sans_nom).code == "desir_1020"


def test_a_reference_is_given_once_in_a_batch(insi):
    deux = batch(2)
    meme = [deux[0], replace(deux[1], reference=deux[0].reference)]

    assert insi.deposit(deux).text("NumeroLot")
    assert insi.deposit(meme).code == "desir_1020"


def test_an_operation_is_that_of_its_action(insi):
    racine, corps = insi.request("verifierIdentite")
    ADRUN.append_to(corps)
    genre = f'application/soap+xml; charset=utf-8; action="{VERIF}:deposerLot"'

    assert insi.send(racine, type_contenu=genre).code == "desir_1020"


@pytest.mark.cas("ins-48")
def test_the_contexts_and_the_software_are_checked_as_for_a_recovery(insi):
    sans_couverture = insi.deposit_envelope([ADRUN])
    bam = header(sans_couverture, BAM, "ContexteBAM")
    bam.remove(bam.find(f"{{{BAM}}}COUVERTURE"))
    inconnu = insi.deposit_envelope([ADRUN])
    header(inconnu, LPS, "ContexteLPS").find(f".//{{{LPS}}}IDAM").text = "INCONNU"
    rejoue = insi.deposit_envelope([ADRUN])

    assert insi.send(sans_couverture).code == "desir_1020"
    assert insi.send(inconnu).code == "desir_550"
    assert [insi.send(rejoue).code for _ in range(2)] == ["", "desir_1020"]


@pytest.mark.cas("ins-48")
def test_another_certificate_verifies_nothing(simulateur, tls):
    client = ClientVerification(simulateur.adresse, tls, "refuse-autre-cn")

    assert client.deposit([ADRUN]).code == "desir_560"
    client.close()


# Moods


@pytest.mark.cas("ins-79")
@pytest.mark.parametrize("humeur", ["panne", "panne_503"])
@pytest.mark.parametrize("operation", ["verifierIdentite", "deposerLot", "releverLot"])
def test_an_operation_can_be_down_alone(insi, simulateur, humeur, operation):
    simulateur.humeur(humeur, operation=operation)
    actes = {
        "verifierIdentite": lambda: insi.verify(ADRUN),
        "deposerLot": lambda: insi.deposit([ADRUN]),
        "releverLot": lambda: insi.collect("L202611249999"),
    }
    with pytest.raises((httpx.TransportError, etree.XMLSyntaxError)):
        actes.pop(operation)()
    for acte in actes.values():
        acte()

    assert simulateur.journal()[0]["humeur"] == humeur


def test_a_deposit_whose_answer_was_lost_is_found_again_by_its_name(insi, simulateur):
    id_lot = str(uuid.uuid4())
    simulateur.humeur("reponse_perdue", fois=1)
    with pytest.raises(httpx.TransportError):
        insi.deposit(batch(3), id_lot)
    numero = insi.deposit(batch(3), id_lot).text("NumeroLot")

    assert [lot["numero"] for lot in simulateur.get("/lots")] == [numero]
    assert results(insi.collect(numero)) == {"p-0": "00", "p-1": "00", "p-2": "00"}


def test_a_doubled_deposit_is_one_batch(insi, simulateur):
    simulateur.humeur("doublon", fois=1)
    numero = insi.deposit(batch(3)).text("NumeroLot")

    assert [lot["numero"] for lot in simulateur.get("/lots")] == [numero]
    assert [e["reponse_envoyee"] for e in simulateur.journal()] == [False, True]


@pytest.mark.parametrize("variante", ["html", "tronque", "vide", "autre", "dtd", "type_contenu"])
def test_nonsense_comes_for_a_batch_too(insi, simulateur, variante):
    simulateur.humeur("absurde", variante=variante, fois=1)
    reponse = insi.post(insi.deposit_envelope([ADRUN]))

    assert (reponse.status_code, simulateur.journal()[-1]["absurdite"]) == (200, variante)
    assert len(simulateur.get("/lots")) == 1


@pytest.mark.cas("ins-47")
@pytest.mark.parametrize("code", ["insi_102", "insi_111", "desir_550", "insi_14"])
def test_a_fault_can_be_asked_for(insi, simulateur, code):
    simulateur.humeur("faute", code=code, fois=1, operation="deposerLot")

    assert insi.verify(ADRUN) == "00"
    assert insi.deposit([ADRUN]).code == code
    assert simulateur.get("/lots") == []


def test_results_may_come_in_another_order(insi, simulateur):
    numero = insi.deposit(batch(4)).text("NumeroLot")
    simulateur.humeur("bizarre", variante="desordre", fois=1)
    desordre, ordre = insi.collect(numero), insi.collect(numero)

    assert SCHEMA.validate(desordre.corps)
    assert list(results(desordre)) == ["p-3", "p-2", "p-1", "p-0"]
    assert results(desordre) == results(ordre)


def test_some_may_have_to_be_asked_again(insi, simulateur):
    simulateur.humeur("bizarre", variante="a_redemander", fois=1)
    numero = insi.deposit(batch(40)).text("NumeroLot")
    lus = [results(insi.collect(numero)) for _ in range(2)]
    a_redemander = [identite for identite in batch(40) if lus[0][identite.reference] == "91"]
    seconde = insi.collect(insi.deposit(a_redemander).text("NumeroLot"))

    assert lus[0] == lus[1]
    assert set(lus[0].values()) == {"00", "91"}
    assert set(results(seconde).values()) == {"00"}
    assert set(results(seconde)) == {i.reference for i in a_redemander}


def test_one_identity_may_have_to_be_asked_again(insi, simulateur):
    simulateur.humeur("bizarre", variante="a_redemander", fois=1)

    assert [insi.verify(ADRUN), insi.verify(ADRUN)] == ["91", "00"]


def test_a_batch_under_way_may_tell_what_is_done(insi, simulateur):
    simulateur.post("/lots", duree_ms=2000)
    numero = insi.deposit(batch(400)).text("NumeroLot")
    simulateur.humeur("bizarre", variante="resultats_partiels")
    recu = insi.collect(numero)
    while int(recu.text("Traitees")) < 2:
        recu = insi.collect(numero)

    assert SCHEMA.validate(recu.corps)
    assert recu.text("Etat") == "EN_COURS"
    assert len(results(recu)) == int(recu.text("Traitees"))


@pytest.mark.parametrize(
    ("variante", "references"),
    [
        ("reference_manquante", ["p-0", "p-1"]),
        ("reference_inconnue", ["p-0", "p-1", "reference-inconnue"]),
        ("reference_double", ["p-0", "p-1", "p-0"]),
    ],
)
def test_what_no_service_may_answer_comes_only_when_asked_for(
    insi, simulateur, variante, references
):
    numero = insi.deposit(batch(3)).text("NumeroLot")
    simulateur.humeur("bizarre", variante=variante, fois=1)
    menteur = insi.collect(numero)

    assert menteur.texts("Reference") == references
    simulateur.humeur("bizarre")
    for _ in range(10):
        assert set(results(insi.collect(numero))) == {"p-0", "p-1", "p-2"}


def test_a_batch_may_be_lost_by_the_service(insi, simulateur):
    numero = insi.deposit(batch(3)).text("NumeroLot")
    simulateur.humeur("bizarre", variante="lot_oublie", fois=1)

    assert [insi.collect(numero).text("Etat") for _ in range(2)] == ["INCONNU", "TERMINE"]


def test_odd_answers_of_a_verification_are_still_of_the_contract(insi, simulateur):
    simulateur.humeur("bizarre")
    for _ in range(10):
        depot = insi.deposit(batch(5))
        recu = insi.collect(depot.text("NumeroLot"))
        assert SCHEMA.validate(depot.corps)
        assert SCHEMA.validate(recu.corps)
        assert set(results(recu).values()) <= {"00", "91"}


# Control


def test_people_are_listed_by_kind_and_by_page(simulateur):
    genres = simulateur.get("/genres")
    premiere = simulateur.get("/identites?genre=jumeaux&nombre=50")
    suite = simulateur.get("/identites?genre=jumeaux&depuis=50&nombre=500")
    foyer = simulateur.get(f"/identites?foyer={premiere[0]['foyer']}")

    assert len(simulateur.get("/identites")) == 30
    assert len(premiere) == 50
    assert len(premiere) + len(suite) == genres["jumeaux"]
    assert {p["genre"] for p in (*premiere, *suite)} == {"jumeaux"}
    assert not {p["matricule"] for p in premiere} & {p["matricule"] for p in suite}
    assert [p["rang"] for p in foyer] == [1, 1, 2]
    assert sum(genres.values()) == simulateur.get("/etat")["connus"] > 5000


@pytest.mark.parametrize("genre", ["famille", "jumeaux"])
def test_a_generated_child_is_found_by_the_card_of_its_parent(insi, simulateur, tls, genre):
    client = ClientInsi(simulateur.adresse, tls)
    for enfant in simulateur.get(f"/identites?genre={genre}&nombre=60"):
        if not enfant["ouvrant_droit"]:
            continue
        recu = client.vitale(
            enfant["naissance"],
            ouvrant=enfant["ouvrant_droit"],
            nom=enfant["nom"],
            rang=str(enfant["rang"]),
        )
        assert (recu.code, recu.text("ListePrenom")) == ("00", enfant["prenoms"])
    client.close()


def test_generated_homonyms_are_several_until_the_place_is_given(insi, simulateur):
    for genre, attendu in (("homonyme", "00"), ("homonyme_meme_lieu", "02")):
        p = simulateur.get(f"/identites?genre={genre}&nombre=1")[0]
        traits = (p["nom"], p["prenoms"].split()[0], p["sexe"], p["naissance"])
        codes = [insi.traits(*traits).code, insi.traits(*traits, p["lieu"]).code]
        assert codes == ["02", attendu]


def test_the_generated_married_woman_is_found_by_her_birth_name_only(insi, simulateur):
    p = simulateur.get("/identites?genre=epouse&nombre=1")[0]
    prenom, traits = p["prenoms"].split()[0], (p["sexe"], p["naissance"])

    assert insi.traits(p["nom_usuel"], prenom, *traits).code == "01"
    assert insi.traits(p["nom"], prenom, *traits).code == "00"


@pytest.mark.parametrize("duree", [-1, "x"])
def test_a_wrong_duration_is_refused(simulateur, duree):
    assert simulateur.http.post("/lots", json={"duree_ms": duree}).status_code == 422


# Batches kept in PostgreSQL


@pytest.fixture
def dsn(tls):
    """A schema of our own in the embedded PostgreSQL, gone at the end."""
    from django.conf import settings

    base = settings.DATABASES["proprietaire"]
    nom = f"simulateur_{uuid.uuid4().hex[:8]}"
    commun = psycopg.conninfo.make_conninfo(
        host=base["HOST"],
        port=base["PORT"],
        user=base["USER"],
        password=base["PASSWORD"],
        dbname=base["NAME"],
    )
    with psycopg.connect(commun, autocommit=True) as connexion:
        connexion.execute(f"CREATE SCHEMA {nom}")
        yield psycopg.conninfo.make_conninfo(commun, options=f"-c search_path={nom}")
        connexion.execute(f"DROP SCHEMA {nom} CASCADE")


def test_batches_in_postgresql_answer_the_same_and_survive_a_restart(tls, tmp_path, dsn):
    numeros, codes = [], []
    id_lot = str(uuid.uuid4())
    for _ in range(2):
        simulateur = Simulateur("insi", tmp_path, tls, "--lot-ms", "0", "--base", dsn)
        client = ClientVerification(simulateur.adresse, tls)
        numeros.append(client.deposit(batch(50), id_lot).text("NumeroLot"))
        codes.append(results(client.collect(numeros[-1])))
        autre = client.deposit(batch(49), id_lot)
        connus = simulateur.get("/lots")
        client.close()
        simulateur.stop()
    with psycopg.connect(dsn) as connexion:
        (stockes,) = connexion.execute("SELECT count(*) FROM simulateur_resultat").fetchone()

    assert numeros[0] == numeros[1]
    assert codes[0] == codes[1]
    assert set(codes[0].values()) == {"00"}
    assert (autre.code, stockes) == ("insi_14", 50)
    assert [(lot["numero"], lot["codes"]) for lot in connus] == [(numeros[0], {"00": 50})]


def test_a_database_may_be_given_later_and_forgetting_empties_it(tls, tmp_path, dsn):
    simulateur = Simulateur("insi", tmp_path, tls)
    assert simulateur.post("/lots", base=dsn) == {"duree_ms": 1500, "en_base": True}
    client = ClientVerification(simulateur.adresse, tls)
    numero = client.deposit(batch(5)).text("NumeroLot")
    simulateur.post("/oublier")

    assert client.collect(numero).text("Etat") == "INCONNU"
    assert simulateur.get("/lots") == []
    assert client.deposit(batch(5)).text("NumeroLot") != numero
    client.close()
    simulateur.stop()
