"""The published examples of the contract, replayed: dates, token and version moved only."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from tests.simulators.client_nu import EPU, RACINE, SOAP, ClientEpu, Simulateur

EXEMPLES = RACINE / "docs/contrats/exemples-epu"


@pytest.fixture
def simulateur(tls, tmp_path):
    """A process of its own: the story starts from nothing."""
    processus = Simulateur("ordonnance", tmp_path, tls)
    yield processus
    processus.stop()


@pytest.fixture
def epu(simulateur, tls):
    """The pharmacist of the story."""
    client = ClientEpu(simulateur.adresse, tls)
    yield client
    client.close()


def example(nom, **champs):
    """Return the body element of an example, some of its texts replaced."""
    corps = etree.parse(EXEMPLES / nom).find(f"{{{SOAP}}}Body")[0]
    for champ, valeur in champs.items():
        corps.find(f"{{{EPU}}}{champ}").text = valeur
    return corps


def statuses(corps):
    """Return what an answer says of the prescription and of each line."""
    lignes = {e.get("idLigne").upper(): e.text for e in corps.findall(f"{{{EPU}}}StatutLigne")}
    return (
        corps.findtext(f"{{{EPU}}}Version"),
        corps.findtext(f"{{{EPU}}}StatutPrescription"),
        lignes,
    )


def facts(prescription):
    """Return every text of a prescription that is no date, by rank of line and name."""
    variables = ("Date", "Validite", "Traitement", "Empreinte")
    dits = {}
    for ligne in prescription.findall(f"{{{EPU}}}Ligne"):
        rang = ligne.findtext(f"{{{EPU}}}Rang")
        for element in ligne.iter():
            nom = etree.QName(element).localname
            if len(element) == 0 and not any(v in nom for v in variables):
                dits[(rang, nom)] = element.text.upper() if nom == "IdLigne" else element.text
    return dits


@pytest.mark.cas("ordonnance-D1", "ordonnance-D4", "ordonnance-D12")
def test_the_whole_story_gives_the_answers_of_the_examples(epu):
    lu = epu.call(example("01-consulter-requete.xml"))
    attendu = example("02-consulter-reponse.xml").find(f"{{{EPU}}}Prescription")
    assert facts(lu.corps.find(f"{{{EPU}}}Prescription")) == facts(attendu)

    ouvert = epu.call(example("03-ouvrir-requete.xml"))
    assert ouvert.code == "00"

    execute = example(
        "05-executer-requete.xml",
        JetonVerrou=ouvert.text("JetonVerrou"),
        DateDelivrance=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    recu, rejeu = epu.call(execute), epu.call(execute)
    assert statuses(recu.corps) == statuses(example("06-executer-reponse.xml"))
    assert statuses(rejeu.corps) == statuses(example("07-executer-rejeu-reponse.xml"))
    assert [r.text("Rejeu") for r in (recu, rejeu)] == ["false", "true"]

    annule = epu.call(example("08-annuler-requete.xml"))
    assert statuses(annule.corps) == statuses(example("09-annuler-reponse.xml"))


@pytest.mark.cas("ordonnance-B3")
def test_the_example_of_exceptional_renewal_is_heard_once_expired(epu, simulateur):
    simulateur.post("/horloge", decalage_s=190 * 86400)
    date = datetime.now(UTC) + timedelta(days=190)
    demande = example(
        "14-renouvellement-exceptionnel-requete.xml",
        VersionConnue="1",
        DateDelivrance=date.isoformat(timespec="seconds"),
    )

    assert epu.consult("01K7M4QX9TRB2VWZ3H").text("Statut") == "EXPIREE"
    assert epu.call(demande).code == "00"


@pytest.mark.parametrize(
    ("nom", "numero"),
    [
        ("10-erreur-numero-inconnu.xml", "01ZZZZZZZZZZZZZZZZ"),
        ("11-erreur-deja-executee.xml", "01DEJA00E0000007SG"),
        ("12-erreur-verrou.xml", "01VERR00E0000008TH"),
    ],
)
def test_the_faults_are_those_of_the_examples(epu, nom, numero):
    attendue = etree.parse(EXEMPLES / nom).find(f".//{{{EPU}}}Erreur")
    recue = epu.open(numero, 1).arbre.find(f".//{{{EPU}}}Erreur")

    for champ in ("Code", "Libelle", "Gravite", "Reessayable"):
        assert recue.findtext(f"{{{EPU}}}{champ}") == attendue.findtext(f"{{{EPU}}}{champ}")
    detail = attendue.findtext(f"{{{EPU}}}Detail") or ""
    assert (recue.findtext(f"{{{EPU}}}Detail") or "")[:20] == detail[:20]
