"""The status machine told by events: each case of the specification, and no false « qualifiée »."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from ins.rules.histoire import GENRES, Evenement, EvenementRefuse, replay
from ins.rules.transitions import TRANSITIONS

M1, M2 = "M1", "M2"
CREE = Evenement("creation", "A")
INSI = Evenement("insi", "A", M1)
CNI = Evenement("piece")


def fin(*evenements):
    identite = replay(evenements)
    return identite.statut, identite.transitions[-1]


@pytest.mark.exigence("INS-04", "INS-05")
@pytest.mark.parametrize(
    ("evenements", "statut", "transition"),
    [
        pytest.param([CREE], "PROV", "T1", id="ins-0"),
        pytest.param([CREE, INSI], "RECUP", "T6", id="ins-1"),
        pytest.param([CREE, INSI, CNI], "QUAL", "T10", id="ins-2"),
        pytest.param([CREE, CNI], "VALI", "T7", id="ins-3"),
        pytest.param([CREE, CNI, INSI], "QUAL", "T8", id="ins-4"),
        pytest.param([CREE, CNI, Evenement("insi", "B", M1)], "RECUP", "T9", id="ins-5"),
        pytest.param(
            [CREE, CNI, Evenement("insi", "B", M1, accepte=False)], "VALI", "T11", id="ins-6"
        ),
        pytest.param([CREE, Evenement("insi", code="01")], "PROV", "T12", id="ins-14"),
        pytest.param([CREE, INSI, CNI, Evenement("insi", code="02")], "QUAL", "T12", id="ins-19"),
        pytest.param([CREE, INSI, INSI], "RECUP", "T22", id="T22"),
        pytest.param([CREE, INSI, CNI, Evenement("insi", "B", M1)], "RECUP", "T23", id="T23"),
        pytest.param(
            [CREE, INSI, CNI, Evenement("insi", "A", M2, (M1,))], "QUAL", "T24", id="ins-32"
        ),
        pytest.param([CREE, INSI, CNI, Evenement("insi", "A", M2)], "QUAL", "T25", id="ins-33"),
        pytest.param([CREE, INSI, CNI, Evenement("douteux")], "PROV", "T17", id="ins-44"),
        pytest.param(
            [CREE, INSI, Evenement("douteux"), Evenement("doute_leve", motif="vu")],
            "PROV",
            "T18",
            id="ins-45",
        ),
        pytest.param([CREE, Evenement("fictif"), INSI], "PROV", "T12", id="fictif"),
        pytest.param([CREE, Evenement("douteux"), CNI], "PROV", "", id="douteux-piece"),
        pytest.param([Evenement("apcv", "A", M1)], "QUAL", "T3", id="ins-60"),
        pytest.param([CREE, Evenement("apcv", "A", M1, conforme=False)], "PROV", "", id="ins-63"),
        pytest.param([CREE, INSI, Evenement("apcv", "A", M2)], "RECUP", "T25", id="ins-65"),
        pytest.param(
            [CREE, Evenement("douteux"), Evenement("apcv", "A", M1)], "PROV", "", id="5.3-7"
        ),
        pytest.param([CREE, INSI, Evenement("piece", niveau="faible")], "RECUP", "", id="faible"),
        pytest.param(
            [CREE, INSI, CNI, Evenement("piece", coherente=False)], "RECUP", "", id="divergente"
        ),
        pytest.param([CREE, INSI, CNI, Evenement("traits_modifies", "B")], "PROV", "T16", id="T16"),
        pytest.param([CREE, INSI, CNI, Evenement("traits_modifies", "A")], "QUAL", "", id="rien"),
        pytest.param([CREE, INSI, Evenement("verification")], "RECUP", "T19", id="T19"),
        pytest.param(
            [CREE, INSI, Evenement("verification", conforme=False)], "PROV", "T20", id="T20"
        ),
        pytest.param(
            [CREE, INSI, CNI, Evenement("verification", conforme=False)], "VALI", "T21", id="T21"
        ),
        pytest.param([CREE, Evenement("verification")], "PROV", "", id="sans-ins"),
        pytest.param(
            [CREE, INSI, CNI, Evenement("dequalifier", motif="m")], "VALI", "T13", id="T13"
        ),
        pytest.param(
            [CREE, INSI, Evenement("annuler_recuperation", motif="m")], "PROV", "T14", id="T14"
        ),
        pytest.param([CREE, CNI, Evenement("devalider", motif="m")], "PROV", "T15", id="T15"),
        pytest.param([CREE, INSI, CNI, Evenement("deces")], "QUAL", "T29", id="T29"),
        pytest.param(
            [CREE, Evenement("insi", "A", M1, nature="NIA"), Evenement("insi", "A", M2, (M1,))],
            "RECUP",
            "T26",
            id="T26",
        ),
        pytest.param([CREE, Evenement("dequalifier", motif="m")], "PROV", "", id="sans-objet"),
    ],
)
def test_each_transition_ends_where_the_specification_says(evenements, statut, transition):
    assert fin(*evenements) == (statut, transition)


@pytest.mark.parametrize(
    "evenements",
    [
        [Evenement("naissance")],
        [CREE, Evenement("insi")],
        [Evenement("apcv")],
        [CREE, Evenement("traits_modifies")],
        [CREE, CREE],
        [CREE, Evenement("dequalifier")],
        [CREE, Evenement("doute_leve", motif=" ")],
        [CREE, Evenement("fictif"), Evenement("douteux")],
        [CREE, Evenement("douteux"), Evenement("fictif")],
    ],
)
def test_an_event_that_lacks_what_it_must_carry_is_refused(evenements):
    with pytest.raises(EvenementRefuse):
        replay(evenements)


evenement = st.builds(
    Evenement,
    st.sampled_from([g for g in GENRES if g not in {"creation", "fictif"}]),
    traits=st.sampled_from(["A", "B"]),
    matricule=st.sampled_from([M1, M2]),
    anciens=st.sampled_from([(), (M1,), (M2,)]),
    code=st.sampled_from(["00", "00", "01", "02"]),
    accepte=st.booleans(),
    niveau=st.sampled_from(["fort", "faible"]),
    coherente=st.booleans(),
    conforme=st.booleans(),
    motif=st.just("motif"),
)


@pytest.mark.exigence("INS-05", "INS-30", "INS-33")
@given(st.lists(evenement, max_size=14))
def test_no_sequence_of_events_leaves_a_false_qualification(suite):
    """Seen from the events alone: who gave the traits of now, and who saw a document on them."""
    identite = replay([CREE, *suite])
    if identite.statut != "QUAL":
        return
    assert not identite.bloquee
    sources = [
        e for e in suite if e.genre in {"insi", "apcv"} and e.matricule == identite.matricule
    ]
    assert any(e.traits == identite.traits for e in sources)
    controles = [
        e
        for e in suite
        if (e.genre == "piece" and e.niveau == "fort" and e.coherente)
        or (e.genre == "apcv" and e.conforme)
    ]
    assert controles
    dernier_doute = max((i for i, e in enumerate(suite) if e.genre == "douteux"), default=-1)
    apres = suite[dernier_doute + 1 :]
    assert any(e.genre in {"insi", "apcv"} for e in apres)
    assert any(e in controles for e in apres)


@pytest.mark.exigence("INS-04")
@given(st.lists(evenement, max_size=14))
def test_every_step_of_every_story_is_a_row_of_the_table(suite):
    """Told apart: the fold computes statuses, the table says which moves exist."""
    lignes = {
        (arrivee.numero, avant, apres)
        for departs in TRANSITIONS.values()
        for avant, arrivee in departs.items()
        for apres in arrivee.vers
    }
    avant = "PROV"
    for rang in range(1, len(suite) + 1):
        identite = replay([CREE, *suite[:rang]])
        numero = identite.transitions[-1]
        if numero:
            assert (numero, avant, identite.statut) in lignes
        elif identite.statut != avant:
            assert suite[rang - 1].genre == "piece"  # a document that contradicts takes back
        avant = identite.statut


def demander(texte, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(texte))
    sortie = io.StringIO()
    call_command("ins_statut", "--json", stdout=sortie)
    return json.loads(sortie.getvalue())


def test_the_command_prints_status_and_reasons(monkeypatch):
    lu = demander(
        '[{"evenement": "creation", "traits": "A"},'
        ' {"evenement": "insi", "traits": "A", "matricule": "M1", "anciens": ["M0"]},'
        ' {"evenement": "piece", "coherente": true}]',
        monkeypatch,
    )
    assert (lu["statut"], lu["ins"], lu["transitions"]) == ("QUAL", True, ["T1", "T6", "T10"])
    assert len(lu["raisons"]) == 3


@pytest.mark.parametrize(
    "texte",
    ["", "{}", "[1]", '[{"evenement": 1}]', '[{"evenement": "naissance"}]',
     '[{"evenement": "insi", "matricule": 3}]', '[{"evenement": "insi", "humeur": "x"}]',
     '[{"evenement": "insi", "genre": "x"}]'],
)  # fmt: skip
def test_the_command_refuses_what_it_does_not_know_in_one_sentence(texte, monkeypatch):
    with pytest.raises(CommandError, match=r"refusé.*Connus"):
        demander(texte, monkeypatch)
