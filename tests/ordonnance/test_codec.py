"""EPU messages: what we write is the examples of the contract, what we read is kept as given."""

import contextlib
import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ordonnance.codec import (
    corps_consulter,
    corps_executer,
    corps_liberer,
    corps_ouvrir,
    envelopper,
    parse_accuse,
    parse_prescription,
    parse_verrou,
)
from ordonnance.codec.demande import corps_sans_verrou
from ordonnance.codec.reponse import check_release
from ordonnance.rules.modele import (
    Beneficiaire,
    ExecutionAEnvoyer,
    InterventionAEnvoyer,
    LigneAEnvoyer,
    ProduitPrescrit,
    Professionnel,
)
from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)
from teleservices.soap.contextes import EnteteEnvoi, Logiciel
from teleservices.soap.contrat import ContratRefuse
from tests.conftest import RACINE

EXEMPLES = RACINE / "docs/contrats/exemples-epu"
PARIS = timezone(timedelta(hours=1))
ROUSSEAU = Professionnel("10100000032", "752026005", "ROUSSEAU", "Julien", "G15_21/A")
PATIENTE = Beneficiaire(
    "PAT-TROIS",
    "DOMINIQUE MARIE-LOUISE",
    "F",
    "1979-03-28",
    "2790351215189",
    "89",
    "1.2.250.1.213.1.4.10",
)
LIGNE = "6B1F5A10-0C3B-4E0B-9B59-0A4F1C2D100"
FAITE = "7C20A1B2-5D11-4E8E-8C47-2B9D3E4F100"


def lire(nom):
    (fichier,) = EXEMPLES.glob(f"{nom}-*.xml")
    return fichier.read_bytes()


def forme(element):
    """What an element says, its identifiers in one case: « 2 » and « 2.0 » are two things."""
    texte = (element.text or "").strip()
    if re.fullmatch(r"[0-9A-Fa-f-]{36}", texte):
        texte = texte.lower()
    return (element.tag, texte, [forme(e) for e in element.iterchildren("*")])


def corps_de(octets):
    (corps,) = etree.fromstring(octets).find("{*}Body")
    return corps


EXECUTION = ExecutionAEnvoyer(
    id="3d5e1c90-7c0e-4d0a-9c37-6f5b2a8d4e11",
    cle="5f0c3f8e-2f67-4a7b-bb8e-b2cf5b6a0005",
    numero="01K7M4QX9TRB2VWZ3H",
    version_connue=1,
    jeton="vrr-8b2f6d0c41",
    mode="PHASE_2",
    hors_ligne=False,
    date_delivrance=datetime(2026, 1, 13, 17, 5, tzinfo=PARIS),
    numero_delivrance=0,
    executant=ROUSSEAU,
    beneficiaire_confirme=True,
    lignes=(
        LigneAEnvoyer(
            f"{FAITE}1",
            f"{LIGNE}1",
            "DELIVRE",
            Decimal(2),
            ProduitPrescrit(
                "METFORMINE BIOGARAN 1000 mg, comprimé pelliculé, plaquettes de 30",
                cis="67346461",
                cip13="3400939718330",
            ),
            "MB4471",
            date(2028, 5, 31),
            "7H2K94QT0001",
            (InterventionAEnvoyer("SUBSTITUTION", "GENERIQUE"),),
        ),
        LigneAEnvoyer(
            f"{FAITE}2",
            f"{LIGNE}2",
            "DELIVRE",
            Decimal(1),
            ProduitPrescrit(
                "LEVOTHYROX 75 microgrammes, comprimé sécable, plaquettes de 30",
                cis="62080626",
                cip13="3400930065785",
            ),
            "LV0932",
            date(2027, 9, 30),
        ),
        LigneAEnvoyer(
            f"{FAITE}3",
            f"{LIGNE}3",
            "NON_DELIVRE",
            Decimal(0),
            interventions=(
                InterventionAEnvoyer(
                    "NON_DELIVRANCE",
                    "PATIENT_DISPOSE_DU_PRODUIT",
                    commentaire="La patiente a encore une boîte à domicile",
                ),
            ),
        ),
    ),
    commentaire=(
        "Substitution de la metformine expliquée à la patiente. "
        "Compresses non délivrées à sa demande."
    ),
)


def test_a_consultation_is_the_example_of_the_contract_but_the_birth_place():
    attendu = corps_de(lire("01"))
    beneficiaire = attendu.find("{*}Beneficiaire")
    beneficiaire.remove(beneficiaire.find("{*}LieuNaissance"))
    corps = corps_consulter("01K7M4QX9TRB2VWZ3H", "SCAN", ROUSSEAU, PATIENTE)
    assert forme(etree.fromstring(corps)) == forme(attendu)


def test_an_opening_is_the_example_of_the_contract():
    attendu = corps_de(lire("03"))
    cle = attendu.findtext("{*}CleIdempotence")
    corps = corps_ouvrir("01K7M4QX9TRB2VWZ3H", 1, cle, ROUSSEAU)
    assert forme(etree.fromstring(corps)) == forme(attendu)


def test_an_execution_is_the_example_of_the_contract_but_its_invoice():
    attendu = corps_de(lire("05"))
    attendu.remove(attendu.find("{*}ReferenceFacture"))
    assert forme(etree.fromstring(corps_executer(EXECUTION))) == forme(attendu)


def test_what_is_frozen_is_the_same_bytes_each_time():
    assert corps_executer(EXECUTION) == corps_executer(EXECUTION)


def test_a_release_says_the_number_the_execution_and_the_token():
    corps = etree.fromstring(corps_liberer("01K7M4QX9TRB2VWZ3H", EXECUTION.id, "vrr-1"))
    assert etree.QName(corps).localname == "libererExecutionRequete"
    assert [e.text for e in corps][:3] == ["01K7M4QX9TRB2VWZ3H", EXECUTION.id, "vrr-1"]


@pytest.mark.cas("ordonnance-B11", "ordonnance-B15")
@pytest.mark.parametrize(
    ("patient", "balises"),
    [
        (None, None),
        (Beneficiaire(nom="PAT-TROIS"), None),
        (
            replace(PATIENTE, matricule="", sexe="I"),
            ["NomNaissance", "Prenoms", "DateNaissance"],
        ),
        (replace(PATIENTE, oid=""), ["NomNaissance", "Prenoms", "Sexe", "DateNaissance"]),
    ],
)
def test_a_patient_is_said_only_as_far_as_known(patient, balises):
    corps = etree.fromstring(corps_consulter("01K7M4QX9TRB2VWZ3H", "SAISIE", ROUSSEAU, patient))
    element = corps.find("{*}Beneficiaire")
    dites = [etree.QName(e).localname for e in element] if element is not None else None
    assert dites == balises
    assert [e for e in corps.iter("*") if not len(e) and not e.text] == []


def test_the_key_of_a_matricule_of_fifteen_characters_is_its_end():
    patient = replace(PATIENTE, matricule="279035121518989", cle="")
    corps = etree.fromstring(corps_consulter("01K7M4QX9TRB2VWZ3H", "SCAN", ROUSSEAU, patient))
    assert corps.findtext(".//{*}INS/{*}Matricule") == "2790351215189"
    assert corps.findtext(".//{*}INS/{*}Cle") == "89"


@pytest.mark.cas("ordonnance-D20")
@pytest.mark.parametrize("commentaire", ["x" * 1001, "cloche \x07", "\x00", "retour \x0b"])
def test_a_comment_that_does_not_fit_never_leaves(commentaire):
    with pytest.raises(ContratRefuse):
        corps_executer(replace(EXECUTION, commentaire=commentaire))


@pytest.mark.cas("ordonnance-D20")
@pytest.mark.parametrize("commentaire", ["😀" * 1000, "deux\nlignes", "<&>\"'"])
def test_a_comment_is_counted_in_characters_and_comes_back_as_typed(commentaire):
    corps = etree.fromstring(corps_executer(replace(EXECUTION, commentaire=commentaire)))
    assert corps.findtext("{*}CommentairePrescripteur") == commentaire


@pytest.mark.cas("ordonnance-D20")
def test_the_comment_of_a_line_holds_five_hundred_characters():
    def envoyer(n):
        dit = InterventionAEnvoyer("NON_DELIVRANCE", "AUTRE", commentaire="é" * n)
        ligne = replace(EXECUTION.lignes[2], interventions=(dit,))
        return corps_executer(replace(EXECUTION, lignes=(ligne,)))

    assert etree.fromstring(envoyer(500)).findtext(".//{*}Commentaire") == "é" * 500
    with pytest.raises(ContratRefuse):
        envoyer(501)


def test_an_agreement_says_whether_and_when():
    accord = InterventionAEnvoyer(
        "SUBSTITUTION", "RUPTURE", accord_obtenu=True, accord_date=date(2026, 1, 13)
    )
    ligne = replace(EXECUTION.lignes[0], interventions=(accord,))
    corps = etree.fromstring(corps_executer(replace(EXECUTION, lignes=(ligne,))))
    element = corps.find(".//{*}AccordPrescripteur")
    assert [(etree.QName(e).localname, e.text) for e in element] == [
        ("Obtenu", "true"),
        ("Date", "2026-01-13"),
    ]


@pytest.mark.cas("ordonnance-D17")
def test_a_lapsed_lock_is_taken_out_and_nothing_else_moves():
    avant = etree.fromstring(corps_executer(EXECUTION))
    apres = etree.fromstring(corps_sans_verrou(corps_executer(EXECUTION), "nouvelle-cle"))
    assert apres.find("{*}JetonVerrou") is None
    assert apres.findtext("{*}CleIdempotence") == "nouvelle-cle"
    assert apres.findtext("{*}SaisieHorsLigne") == "true"
    change = {"JetonVerrou", "CleIdempotence", "SaisieHorsLigne"}
    restes = [
        [forme(e) for e in arbre if etree.QName(e).localname not in change]
        for arbre in (avant, apres)
    ]
    assert restes[0] == restes[1]


def test_a_frozen_body_without_lock_may_be_asked_for_again_and_a_strange_one_not():
    sans = corps_sans_verrou(corps_executer(replace(EXECUTION, jeton="")), "k")
    assert b"JetonVerrou" not in corps_sans_verrou(sans, "k2")
    with pytest.raises(ContratRefuse, match="CleIdempotence"):
        corps_sans_verrou(b'<x xmlns="urn:sim:epu:1"/>', "k")


def test_the_envelope_holds_the_frozen_bytes_and_the_assertion_untouched():
    assertion = etree.fromstring(b'<a xmlns="urn:a"><b>1</b></a>')
    entete = EnteteEnvoi(
        "m", "urn:x", "c", "t", "752026005", Logiciel("i", "1", "u", "n"), assertion=assertion
    )
    racine = etree.fromstring(envelopper(corps_executer(EXECUTION), entete))
    assert racine.findtext(".//{*}Security/{*}a/{*}b") == "1"
    (corps,) = racine.find("{*}Body")
    assert forme(corps) == forme(etree.fromstring(corps_executer(EXECUTION)))


def test_the_prescription_of_the_example_is_read_whole():
    lue = parse_prescription(lire("02"))
    assert (lue.numero, lue.version, lue.statut) == ("01K7M4QX9TRB2VWZ3H", 1, "CREEE")
    assert lue.date_prescription == date(2026, 1, 12)
    assert lue.debut_validite == datetime(2026, 1, 12, 9, 30, tzinfo=PARIS)
    assert lue.types == ("BIZONE",)
    assert lue.retour_autorise is True
    assert lue.beneficiaire == replace(PATIENTE, lieu="51215")
    assert (lue.prescripteur.nom, lue.prescripteur.rpps) == ("MARCHAND", "10100000024")
    assert [(x.rang, x.nature, x.quantite) for x in lue.lignes] == [
        (1, "MEDICAMENT", Decimal(2)),
        (2, "MEDICAMENT", Decimal(1)),
        (3, "DISPOSITIF", Decimal(1)),
    ]
    metformine, levothyrox, _ = lue.lignes
    assert metformine.id == f"{LIGNE}1".lower()
    assert (metformine.renouvellements, metformine.ald, metformine.duree_jours) == (5, True, 30)
    assert (levothyrox.substituable, levothyrox.motif_ns) == (False, "MTE")
    assert lue.executions == ()


def change(nom, *echanges):
    """An example, with some of its text replaced; each replacement must be there to be made."""
    texte = lire(nom).decode()
    for avant, apres in echanges:
        assert re.search(avant, texte), avant
        texte = re.sub(avant, apres, texte)
    return texte.encode()


@pytest.mark.cas("ordonnance-B17")
def test_a_status_never_seen_is_kept_as_written_and_is_none_of_ours():
    lue = parse_prescription(change("02", (">CREEE<", ">SUSPENDUE<")))
    assert (lue.statut, lue.statut_brut) == ("INCONNU", "SUSPENDUE")


@pytest.mark.cas("ordonnance-B18")
def test_a_flag_that_is_absent_is_unknown_and_not_false():
    lue = parse_prescription(
        change("02", ("<epu:ALD>[a-z]*</epu:ALD>", ""), ("<epu:HorsAMM>false", "<epu:HorsAMM>1"))
    )
    assert [ligne.ald for ligne in lue.lignes] == [None, None, None]
    assert lue.lignes[0].hors_amm is True


@pytest.mark.cas("ordonnance-B19")
def test_what_we_do_not_know_is_passed_over():
    lue = parse_prescription(
        change("02", ("<epu:Type>", "<epu:Nouveau><x>1</x></epu:Nouveau><epu:Type>"))
    )
    assert lue.types == ("BIZONE",)


@pytest.mark.cas("ordonnance-B13")
def test_a_lunar_birth_date_is_kept_as_text():
    lue = parse_prescription(change("02", ("1979-03-28", "1979-00-00")))
    assert lue.beneficiaire.naissance == "1979-00-00"


@pytest.mark.cas("ordonnance-C38")
def test_lines_are_put_back_in_their_order():
    lue = parse_prescription(change("02", ("<epu:Rang>1<", "<epu:Rang>9<")))
    assert [ligne.rang for ligne in lue.lignes] == [2, 3, 9]


@pytest.mark.parametrize(
    ("avant", "apres", "champ"),
    [
        ("2026-02-10", "2026-02-31", "fin"),
        (">2</epu:UnitesParJour", ">deux</epu:UnitesParJour", "unites_par_jour"),
        (">2</epu:QuantitePrescrite", ">NaN</epu:QuantitePrescrite", "quantite"),
        (">2</epu:QuantitePrescrite", "></epu:QuantitePrescrite", "quantite"),
        (">5</epu:RenouvellementsPrevus", ">-1</epu:RenouvellementsPrevus", "renouvellements"),
        (">30</epu:DureeJours", ">999999999</epu:DureeJours", "duree_jours"),
    ],
)
def test_a_value_that_cannot_be_read_is_unknown_and_the_line_stays(avant, apres, champ):
    ligne = parse_prescription(change("02", (avant, apres))).lignes[0]
    assert getattr(ligne, champ) is None
    assert ligne.produit.cis == "61052830"


@pytest.mark.cas("ordonnance-E10")
def test_a_line_without_any_product_keeps_a_label():
    ligne = parse_prescription(change("02", ("(?s)<epu:Produit>.*?</epu:Produit>", ""))).lignes[0]
    assert ligne.produit == ProduitPrescrit("Produit sans libellé")


@pytest.mark.parametrize("instant", ["2026-01-12T09:30:00", "hier", ""])
def test_an_instant_without_its_zone_is_no_instant(instant):
    lue = parse_prescription(change("02", (r"2026-01-12T09:30:00\+01:00", instant)))
    assert lue.debut_validite is None


@pytest.mark.parametrize("date_lue", ["bientôt", ""])
def test_a_date_that_is_not_one_is_unknown(date_lue):
    echange = ("DatePrescription>2026-01-12", f"DatePrescription>{date_lue}")
    lue = parse_prescription(change("02", echange))
    assert lue.date_prescription is None


PASSEE = (
    "<epu:Execution><epu:IdExecution>3D5E1C90</epu:IdExecution>"
    "<epu:DateDelivrance>2026-01-13T17:05:00+01:00</epu:DateDelivrance>"
    "<epu:FINESS>752026005</epu:FINESS><epu:NumeroDelivrance>0</epu:NumeroDelivrance>"
    f"<epu:Annulee>true</epu:Annulee><epu:Ligne><epu:IdLigne>{LIGNE}1</epu:IdLigne>"
    "<epu:Resultat>DELIVRE</epu:Resultat></epu:Ligne></epu:Execution><epu:EmpreinteSHA256>"
)


def test_what_others_delivered_is_read_with_its_lines():
    (passee,) = parse_prescription(change("02", ("<epu:EmpreinteSHA256>", PASSEE))).executions
    assert (passee.id, passee.annulee, passee.finess) == ("3d5e1c90", True, "752026005")
    assert passee.lignes[0].id_ligne == f"{LIGNE}1".lower()
    assert passee.lignes[0].quantite == 0


@pytest.mark.parametrize("manque", ["IdExecution", "DateDelivrance"])
def test_an_execution_without_its_number_or_date_spoils_the_reply(manque):
    passee = re.sub(f"<epu:{manque}>.*?</epu:{manque}>", "", PASSEE)
    with pytest.raises(InvalidReply, match="execution_incomplete"):
        parse_prescription(change("02", ("<epu:EmpreinteSHA256>", passee)))


@pytest.mark.parametrize(
    "echange",
    [
        ("(?s)<epu:Prescription>.*</epu:Prescription>", ""),
        ("<epu:Version>1</epu:Version>", ""),
        ("<epu:Numero>01K7M4QX9TRB2VWZ3H</epu:Numero>", ""),
        ("(?s)<epu:Ligne>.*</epu:Ligne>", ""),
    ],
)
def test_a_half_prescription_is_not_shown(echange):
    with pytest.raises(InvalidReply, match="prescription_incomplete"):
        parse_prescription(change("02", echange))


def test_a_lock_is_its_three_facts_or_none():
    verrou = parse_verrou(lire("04"))
    assert (verrou.id_execution, verrou.jeton) == (EXECUTION.id, "vrr-8b2f6d0c41")
    assert verrou.expire == datetime(2026, 1, 13, 17, 32, 40, tzinfo=PARIS)
    assert parse_verrou(change("04", ("vrr-8b2f6d0c41", ""))) is None
    assert parse_verrou(change("04", ("2026-01-13T17:32:40.01:00", ""))) is None
    assert parse_verrou(change("04", (EXECUTION.id, ""))) is None
    assert "vrr-" not in repr(verrou)


@pytest.mark.cas("ordonnance-D4")
def test_a_receipt_says_whether_it_is_the_first():
    accuse = parse_accuse(lire("06"))
    assert (accuse.recu, accuse.version, accuse.rejeu) == ("AR-20260113-00004217", 2, False)
    assert accuse.statut == "PARTIELLEMENT_EXECUTEE"
    rejoue = parse_accuse(lire("07"))
    assert (rejoue.recu, rejoue.rejeu) == (accuse.recu, True)


def test_without_a_receipt_number_nothing_is_acknowledged():
    with pytest.raises(InvalidReply, match="accuse_absent"):
        parse_accuse(change("06", ("AR-20260113-00004217", "")))


def test_a_release_is_acknowledged_by_its_own_reply_only():
    check_release(change("04", ("ouvrirExecution", "libererExecution")))
    with pytest.raises(InvalidReply, match="reponse_inattendue"):
        check_release(lire("04"))


@pytest.mark.parametrize(
    ("nom", "classe", "code"),
    [
        ("10", Rejected, "EPU-001"),
        ("11", Rejected, "EPU-005"),
        ("12", Rejected, "EPU-006"),
        ("13", Unavailable, "EPU-090"),
    ],
)
@pytest.mark.cas("ordonnance-B1", "ordonnance-B6", "ordonnance-B7")
def test_the_faults_of_the_examples_have_their_class(nom, classe, code):
    with pytest.raises(classe) as leve:
        parse_prescription(lire(nom))
    assert leve.value.code == code


@pytest.mark.parametrize(
    ("code", "classe"),
    [("EPU-030", NotReady), ("EPU-099", OutcomeUnknown), ("EPU-020", Rejected)],
)
@pytest.mark.cas("ordonnance-D8", "ordonnance-D10")
def test_each_class_of_the_taxonomy_is_reached(code, classe):
    with pytest.raises(classe) as leve:
        parse_accuse(change("10", ("EPU-001", code)))
    assert leve.value.code == code


def test_a_fault_without_a_code_is_no_answer():
    with pytest.raises(InvalidReply, match="faute_sans_code"):
        parse_accuse(change("10", ("<epu:Code>EPU-001</epu:Code>", "")))


def test_a_report_that_is_not_00_is_no_answer():
    with pytest.raises(InvalidReply, match="compte_rendu"):
        parse_accuse(change("06", (">00<", ">01<")))


@pytest.mark.exigence("SEC-09")
@pytest.mark.cas("ordonnance-B21")
@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>', "xml_dtd"),
        (b"<html><body>502</body></html>", "soap_enveloppe"),
        (b"", "xml_malforme"),
        (b"A" * 3_000_000, "xml_trop_gros"),
    ],
)
def test_hostile_replies_are_refused_with_a_stable_code(octets, code):
    for lire_reponse in (parse_prescription, parse_verrou, parse_accuse, check_release):
        with pytest.raises(InvalidReply, match=code):
            lire_reponse(octets)


@given(st.binary(max_size=60), st.integers(0, 4000))
def test_mutated_bytes_never_leave_the_taxonomy(bruit, position):
    octets = lire("02")
    with contextlib.suppress(TeleserviceError):
        parse_prescription(octets[:position] + bruit + octets[position + len(bruit) :])


def test_nothing_of_the_patient_is_in_a_representation():
    lue = parse_prescription(lire("02"))
    for trait in ("PAT-TROIS", "DOMINIQUE", "2790351215189", "1979-03-28", "MARCHAND"):
        assert trait not in repr(lue)
    assert "vrr-8b2f6d0c41" not in repr(EXECUTION)
