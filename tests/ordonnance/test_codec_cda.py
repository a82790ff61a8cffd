"""CDA eP-MED-DM: the examples of the ANS read whole, and what is not one refused."""

import contextlib
import json
import re
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ordonnance.codec.cda import parse_epmeddm, read_epmeddm
from ordonnance.rules.modele import Beneficiaire, Professionnel
from teleservices.cda.lecteurs import CdaIllisible

NS = {"h": "urn:hl7-org:v3"}
MEDICAMENTS = "//h:section[h:code/@code='57828-6']/h:entry/h:substanceAdministration"
CIS = ".//h:manufacturedMaterial//*[@codeSystem='1.2.250.1.213.2.3.1'][1]"
DISPOSITIFS = "//h:section[h:code/@code='46264-8']/h:entry/h:supply"
VERSIONS = [
    f"eP-MED-DM_{version}_Poso{genre}"
    for version in ("2022.01", "2023.01", "2024.01")
    for genre in ("Struct", "NonStruct")
]


def exemple(partage, nom):
    return (partage / f"data/ordonnance/ans-cda/{nom}.xml").read_bytes()


def xpath(octets, chemin):
    return etree.fromstring(octets).xpath(chemin, namespaces=NS)


@pytest.mark.donnees_partagees
@pytest.mark.cas("ordonnance-E2")
@pytest.mark.parametrize("nom", VERSIONS)
def test_every_example_of_the_ans_is_read_with_all_its_lines(partage, nom):
    octets = exemple(partage, nom)
    lue = parse_epmeddm(octets)
    medicaments, dispositifs = xpath(octets, MEDICAMENTS), xpath(octets, DISPOSITIFS)
    assert len(medicaments) > 0
    assert [ligne.rang for ligne in lue.lignes] == list(
        range(1, len(medicaments) + len(dispositifs) + 1)
    )
    assert sorted(ligne.nature for ligne in lue.lignes) == sorted(
        ["MEDICAMENT"] * len(medicaments) + ["DISPOSITIF"] * len(dispositifs)
    )
    attendus = [
        (e.find("h:id", NS).get("root") or "").lower() for e in (*medicaments, *dispositifs)
    ]
    assert [ligne.id for ligne in lue.lignes] == attendus


@pytest.mark.donnees_partagees
@pytest.mark.parametrize("nom", VERSIONS)
def test_the_head_says_what_an_independent_path_finds(partage, nom):
    octets = exemple(partage, nom)
    lue = parse_epmeddm(octets)
    role = "/h:ClinicalDocument/h:recordTarget/h:patientRole"
    noms = f"{role}/h:patient/h:name/h:family[@qualifier='BR']"
    assert lue.beneficiaire.nom == xpath(octets, f"string({noms})")
    naissance = xpath(octets, f"string({role}/h:patient/h:birthTime/@value)")
    assert lue.beneficiaire.naissance.replace("-", "") == naissance[:8]
    sexe = xpath(octets, f"string({role}/h:patient/h:administrativeGenderCode/@code)")
    assert lue.beneficiaire.sexe == sexe
    (ins,) = xpath(octets, f"{role}/h:id[starts-with(@root, '1.2.250.1.213.1.4.')]")
    assert lue.beneficiaire.matricule + lue.beneficiaire.cle == ins.get("extension")
    assert lue.beneficiaire.oid == ins.get("root")
    auteur = "/h:ClinicalDocument/h:author/h:assignedAuthor"
    assert lue.prescripteur.nom == xpath(
        octets, f"string({auteur}/h:assignedPerson/h:name/h:family)"
    )
    assert xpath(octets, f"string({auteur}/h:id/@extension)").endswith(lue.prescripteur.rpps)
    quand = xpath(octets, "string(/h:ClinicalDocument/h:effectiveTime/@value)")
    assert lue.date_prescription.strftime("%Y%m%d") == quand[:8]


@pytest.mark.donnees_partagees
@pytest.mark.parametrize("nom", VERSIONS)
def test_each_medicine_has_the_codes_the_boxes_and_the_flags_of_its_entry(partage, nom):
    octets = exemple(partage, nom)
    lignes = [ligne for ligne in parse_epmeddm(octets).lignes if ligne.nature == "MEDICAMENT"]
    for ligne, entree in zip(lignes, xpath(octets, MEDICAMENTS), strict=True):

        def un(chemin, entree=entree):
            return entree.xpath(f"string({chemin})", namespaces=NS)

        assert ligne.produit.cis == un(f"{CIS}/@code")
        boites = un("h:entryRelationship/h:supply/h:quantity/@value")
        assert ligne.quantite == (Decimal(boites) if boites else None)
        ald = un("h:entryRelationship/h:observation[h:code/@code='MED-574']/h:value/@value")
        assert ligne.ald is {"true": True, "false": False}.get(ald)
        renouvellements = un("h:repeatNumber/@value")
        assert ligne.renouvellements == (int(renouvellements) if renouvellements else None)
        assert ligne.posologie
        assert not ligne.posologie.startswith("-")


@pytest.mark.donnees_partagees
def test_the_latest_example_says_these_facts(partage):
    lue = parse_epmeddm(exemple(partage, "eP-MED-DM_2024.01_PosoStruct"))
    assert (lue.beneficiaire.nom, lue.beneficiaire.prenoms) == (
        "PAT-TROIS",
        "DOMINIQUE MARIE-LOUISE",
    )
    assert lue.beneficiaire.matricule == "2790351215189"
    premiere = lue.lignes[0]
    assert premiere.produit.libelle == "PARACETAMOL MYLAN 500 mg, comprimé"
    assert (premiere.produit.cis, premiere.produit.cip13) == ("63107752", "3400933516390")
    assert (premiere.debut, premiere.fin) == (date(2023, 12, 1), date(2023, 12, 6))
    assert (premiere.substituable, premiere.motif_ns) == (False, "MTE")
    assert premiere.instruction_dispensateur == ""
    assert premiere.instruction_patient == "A prendre au cours d'un repas"


@pytest.mark.donnees_partagees
def test_the_examples_kept_twice_are_read_the_same(partage):
    for nom in ("eP-MED-DM_2024.01_PosoStruct", "eP-MED-DM_2024.01_PosoNonStruct"):
        autre = (partage / f"data/cda/examples/{nom}.xml").read_bytes()
        assert parse_epmeddm(autre) == parse_epmeddm(exemple(partage, nom))


@pytest.mark.donnees_partagees
def test_no_other_example_of_the_ans_is_taken_for_a_prescription(partage):
    autres = [
        f
        for f in sorted((partage / "data/cda/examples").glob("*.xml"))
        if not f.name.startswith("eP-MED-DM")
    ]
    assert len(autres) > 20
    for fichier in autres:
        with pytest.raises(CdaIllisible) as leve:
            parse_epmeddm(fichier.read_bytes())
        assert leve.value.code == "cda_modele", fichier.name


@pytest.mark.donnees_partagees
@pytest.mark.parametrize("nom", VERSIONS)
def test_the_support_command_prints_what_the_screens_read(partage, nom, capsys):
    call_command("lire_cda", str(partage / f"data/ordonnance/ans-cda/{nom}.xml"))
    dit = json.loads(capsys.readouterr().out)
    assert dit == {"genre": "eP-MED-DM", **read_epmeddm(exemple(partage, nom))}
    assert dit["patient"]["nom"]
    assert dit["auteur"]["nom"]
    assert dit["lignes"]


@pytest.mark.donnees_partagees
@pytest.mark.cas("ordonnance-E1")
def test_the_number_is_that_of_the_base_and_absent_from_a_document_without_it(partage):
    avec = (partage / "spec/ordonnance-examples/cda-eP-MED-DM_exemple.xml").read_bytes()
    numeros = xpath(
        avec, "//h:documentationOf/h:serviceEvent/h:id[@root='1.2.250.1.215.500.1.1']/@extension"
    )
    assert [parse_epmeddm(avec).numero] == numeros
    sans = avec.replace(b"1.2.250.1.215.500.1.1", b"1.2.250.1.215.500.1.9")
    assert parse_epmeddm(sans).numero == ""


@pytest.mark.parametrize(
    ("contenu", "code"),
    [
        (None, "Fichier illisible"),
        (b"", "cda_xml"),
        (b"pas du XML", "cda_xml"),
        (b"<html/>", "cda_autre"),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>', "cda_modele"),
        (
            b'<ClinicalDocument xmlns="urn:hl7-org:v3">'
            b'<templateId root="1.2.250.1.213.1.1.1.39"/></ClinicalDocument>',
            "cda_incomplet",
        ),
    ],
)
def test_a_broken_file_is_one_sentence(contenu, code, tmp_path):
    fichier = tmp_path / "document.xml"
    if contenu is not None:
        fichier.write_bytes(contenu)
    with pytest.raises(CommandError, match=code) as leve:
        call_command("lire_cda", str(fichier))
    assert leve.value.returncode == 1
    assert "\n" not in str(leve.value)


def test_a_file_too_big_is_not_opened(tmp_path):
    fichier = tmp_path / "gros.xml"
    with fichier.open("wb") as sortie:
        sortie.truncate(20_000_001)
    with pytest.raises(CommandError, match="20 Mo"):
        call_command("lire_cda", str(fichier))


@pytest.mark.exigence("SEC-09")
@pytest.mark.parametrize(
    "octets",
    [
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>',
        b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
        b"<a>" * 300 + b"</a>" * 300,
        b"<x>" * 5000,
        b"A" * 11_000_000,
    ],
)
def test_hostile_xml_is_refused_before_anything_is_read(octets):
    with pytest.raises(CdaIllisible) as leve:
        parse_epmeddm(octets)
    assert leve.value.code == "cda_xml"
    assert re.search(r"\(xml_\w+\)", leve.value.phrase)


# A document written here: what each part becomes, and what its absence becomes.
ENTREE = """<entry><substanceAdministration>
<id root="AAAA-1"/><text><reference value="#L1"/></text>{temps}{repete}
<consumable><manufacturedProduct><manufacturedMaterial>{produit}</manufacturedMaterial>
</manufacturedProduct></consumable>{relations}</substanceAdministration></entry>"""


def document(entree="", *, tete="", role="", auteur="", sections="", narratif=None):
    narratif = '<content ID="L1">DOLIPRANE 1 g</content>' if narratif is None else narratif
    entree = entree or ligne()
    return f"""<ClinicalDocument xmlns="urn:hl7-org:v3"
    xmlns:p="urn:hl7-org:pharm"><templateId root="1.2.250.1.213.1.1.1.39"/>{tete}
    {role}{auteur}<component><structuredBody>{sections}<component><section>
    <code code="57828-6"/><text>{narratif}</text>{entree}</section></component></structuredBody>
    </component></ClinicalDocument>""".encode()


def ligne(temps="", repete="", produit="<name>DOLIPRANE</name>", relations=""):
    return ENTREE.format(temps=temps, repete=repete, produit=produit, relations=relations)


def lire_ligne(*args, narratif=None, **kwargs):
    return parse_epmeddm(document(ligne(*args, **kwargs), narratif=narratif)).lignes[0]


def test_a_document_without_head_is_read_with_blanks():
    lue = parse_epmeddm(document())
    assert lue.beneficiaire == Beneficiaire()
    assert lue.prescripteur == Professionnel()
    assert (lue.numero, lue.document_id, lue.types, lue.commentaire) == ("", "", (), "")
    assert (lue.date_prescription, lue.debut_validite, lue.fin_validite) == (None, None, None)


def test_the_head_in_full():
    tete = """<id root="1.2" extension="D1"/><effectiveTime value="20260112093000+0100"/>
    <documentationOf><serviceEvent><id root="1.9" extension="autre"/>
    <id root="1.2.250.1.215.500.1.1" extension="01K7M4QX9TRB2VWZ3H"/>
    <code code="MED-1096"/><code code="INCONNU"/>
    <effectiveTime><low value="202601120930+0100"/><high value="20260712"/></effectiveTime>
    </serviceEvent></documentationOf>"""
    sections = """<component><section><code code="11111-1"/></section></component>
    <component><section><code code="55112-7"/><text>À  revoir</text></section></component>"""
    lue = parse_epmeddm(document(tete=tete, sections=sections))
    assert (lue.numero, lue.document_id, lue.types) == ("01K7M4QX9TRB2VWZ3H", "1.2^D1", ("BIZONE",))
    assert lue.debut_validite.isoformat() == "2026-01-12T09:30:00+01:00"
    assert lue.fin_validite is None
    assert lue.commentaire == "À revoir"


@pytest.mark.parametrize(
    ("valeur", "attendu"),
    [
        ("202601120930+0100", "2026-01-12T09:30:00+01:00"),
        ("20260112093015+0100", "2026-01-12T09:30:15+01:00"),
        ("20260112093015.123-0500", "2026-01-12T09:30:15-05:00"),
        ("20260112", None),
        ("20260112093015", None),
        ("20261312093015+0100", None),
        ("20260112093", None),
    ],
)
def test_a_time_has_its_zone_and_its_minutes_are_not_seconds(valeur, attendu):
    tete = f"""<documentationOf><serviceEvent><effectiveTime><low value="{valeur}"/>
    </effectiveTime></serviceEvent></documentationOf>"""
    lu = parse_epmeddm(document(tete=tete)).debut_validite
    assert (lu.isoformat() if lu else None) == attendu


def test_an_identifier_may_be_its_root_alone():
    lue = parse_epmeddm(
        document(tete='<id root="1.2"/><documentationOf><serviceEvent/></documentationOf>')
    )
    assert (lue.document_id, lue.numero) == ("1.2", "")


def test_a_patient_without_ins_with_a_lunar_date_and_one_name():
    role = """<recordTarget><patientRole><id root="9.9" extension="local"/><patient><name>
    <given qualifier="CL">MARIE</given><family>PAT-UN</family></name>
    <birthTime value="19790000"/></patient></patientRole></recordTarget>"""
    patient = parse_epmeddm(document(role=role)).beneficiaire
    assert (patient.nom, patient.prenoms, patient.matricule, patient.oid) == (
        "PAT-UN",
        "MARIE",
        "",
        "",
    )
    assert patient.naissance == "19790000"
    assert patient.nom_utilise == ""


@pytest.mark.parametrize(
    ("ident", "structure", "rpps", "finess"),
    [
        ("810100000024", "1750990012", "10100000024", "750990012"),
        ("10100000024", "750990012", "10100000024", "750990012"),
    ],
)
def test_the_type_of_an_identifier_is_taken_off(ident, structure, rpps, finess):
    auteur = f"""<author><assignedAuthor><id extension="{ident}"/><telecom value="tel:0100000001"/>
    <assignedPerson/><representedOrganization><id extension="{structure}"/>
    </representedOrganization></assignedAuthor></author>"""
    lu = parse_epmeddm(document(auteur=auteur)).prescripteur
    assert (lu.rpps, lu.finess, lu.telephone, lu.nom) == (rpps, finess, "0100000001", "")


@pytest.mark.cas("ordonnance-E4", "ordonnance-E5")
@pytest.mark.parametrize(
    ("repete", "attendu"),
    [
        ('<repeatNumber value="3"/>', 3),
        ('<repeatNumber nullFlavor="NI"/>', None),
        ("", None),
        ('<repeatNumber value="-1"/>', None),
    ],
)
def test_renewals_are_a_number_or_unknown(repete, attendu):
    assert lire_ligne(repete=repete).renouvellements == attendu


@pytest.mark.parametrize(
    ("temps", "debut", "fin", "jours"),
    [
        ("", None, None, None),
        ("<effectiveTime/>", None, None, None),
        ('<effectiveTime><low value="20260112"/></effectiveTime>', date(2026, 1, 12), None, None),
        ('<effectiveTime><high value="20260112"/></effectiveTime>', None, date(2026, 1, 12), None),
        (
            '<effectiveTime/><effectiveTime><low value="20260112"/><high value="20260121"/>'
            "</effectiveTime>",
            date(2026, 1, 12),
            date(2026, 1, 21),
            10,
        ),
        (
            '<effectiveTime><low value="20260121"/><high value="20260112"/></effectiveTime>',
            date(2026, 1, 21),
            date(2026, 1, 12),
            None,
        ),
    ],
)
def test_a_period_is_its_two_days_both_counted(temps, debut, fin, jours):
    lue = lire_ligne(temps=temps)
    assert (lue.debut, lue.fin, lue.duree_jours) == (debut, fin, jours)


@pytest.mark.cas("ordonnance-B18")
def test_flags_are_true_false_or_unknown():
    relations = "".join(
        f'<entryRelationship><observation><code code="{code}"/>{valeur}</observation>'
        "</entryRelationship>"
        for code, valeur in (
            ("MED-574", '<value value="true"/>'),
            ("GEN-180", '<value value="false"/>'),
            ("GEN-295", '<value nullFlavor="NI"/>'),
            ("AUTRE", '<value value="true"/>'),
        )
    )
    lue = lire_ligne(relations=relations)
    assert (lue.ald, lue.atmp, lue.prevention, lue.hors_amm) == (True, False, None, None)


def _substitution(code, dedans=""):
    return (
        '<entryRelationship><act><templateId root="1.2.250.1.213.1.1.3.87"/>'
        f'<code code="{code}">{dedans}</code><text><reference value="#S1"/></text></act>'
        "</entryRelationship>"
    )


@pytest.mark.parametrize(
    ("relation", "mots", "attendu"),
    [
        ("", "", (None, "")),
        ("<entryRelationship><act/></entryRelationship>", "", (None, "")),
        (_substitution("G"), "Substituable", (True, "")),
        (_substitution("N"), "NS (MTE)", (False, "MTE")),
        (_substitution("N"), "marge thérapeutique étroite", (False, "MTE")),
        (_substitution("N", "<originalText>EFG</originalText>"), "", (False, "EFG")),
        (
            _substitution("N", '<originalText><reference value="#S2"/></originalText>'),
            "",
            (False, "CIF"),
        ),
        (_substitution("X"), "", (None, "")),
    ],
)
def test_what_may_be_substituted_is_said_with_its_reason(relation, mots, attendu):
    narratif = f'<content ID="L1">D</content><content ID="S1">{mots}</content>'
    narratif += '<content ID="S2">motif CIF</content>'
    lue = lire_ligne(relations=relation, narratif=narratif)
    assert (lue.substituable, lue.motif_ns) == attendu


@pytest.mark.parametrize(
    ("supply", "attendu"),
    [
        ("", (None, "")),
        ("<supply/>", (None, "")),
        ('<supply><quantity value="2" unit="30009000"/></supply>', (Decimal(2), "30009000")),
        ('<supply><quantity value="deux"/></supply>', (None, "")),
        ('<supply><quantity nullFlavor="NI"/></supply>', (None, "")),
    ],
)
def test_boxes_are_a_number_or_unknown(supply, attendu):
    lue = lire_ligne(relations=f"<entryRelationship>{supply}</entryRelationship>")
    assert (lue.quantite, lue.unite) == attendu


@pytest.mark.parametrize(
    ("produit", "libelle", "cip13"),
    [
        ("<name>DOLIPRANE</name>", "DOLIPRANE", ""),
        (
            '<code code="3400935601711" codeSystem="1.2.250.1.213.2.3.2"'
            ' displayName="GLUCOPHAGE"/>',
            "GLUCOPHAGE",
            "3400935601711",
        ),
        (
            '<code nullFlavor="NI"><translation code="3400935601711"'
            ' codeSystem="1.2.250.1.213.2.3.2"/></code>',
            "ce qui est écrit",
            "3400935601711",
        ),
        ('<code code="1" codeSystem="1.9"/>', "ce qui est écrit", ""),
        ('<code codeSystem="1.2.250.1.213.2.3.2"/>', "ce qui est écrit", ""),
    ],
)
@pytest.mark.exigence("ORD-26")
def test_a_product_keeps_its_words_whatever_its_codes(produit, libelle, cip13):
    lue = lire_ligne(produit=produit, narratif='<content ID="L1">ce qui est écrit</content>')
    assert (lue.produit.libelle, lue.produit.cip13) == (libelle, cip13)


@pytest.mark.exigence("ORD-26")
def test_a_line_without_any_word_is_still_a_line():
    lue = lire_ligne(produit="", narratif="")
    assert (lue.produit.libelle, lue.posologie) == ("Produit sans libellé", "")


@pytest.mark.exigence("ORD-26")
def test_a_line_without_product_keeps_the_text_written_in_it():
    entree = (
        "<entry><substanceAdministration><text>préparation  magistrale</text>"
        "</substanceAdministration></entry>"
    )
    lue = parse_epmeddm(document(entree)).lignes[0]
    assert (lue.id, lue.produit.libelle) == ("", "préparation magistrale")


def test_how_to_take_it_follows_the_narrative_once_each_and_no_dash():
    temps = "".join(
        f'<effectiveTime><phase><low><reference value="#{r}"/></low></phase></effectiveTime>'
        for r in ("P1", "P2", "P1")
    )
    narratif = '<content ID="L1">D</content><content ID="P1">matin</content>'
    narratif += '<content ID="P2">-</content>'
    assert lire_ligne(temps=temps, narratif=narratif).posologie == "matin"


def test_without_a_pointer_the_row_of_the_table_is_kept():
    narratif = '<table><tr><td ID="L1">D</td><td>1 le soir</td></tr></table>'
    assert lire_ligne(narratif=narratif).posologie == "D1 le soir"


def _instruction(code):
    return (
        f'<entryRelationship><act><code code="{code}"/><text><reference value="#I1"/></text></act>'
        "</entryRelationship>"
    )


@pytest.mark.parametrize(("mots", "attendu"), [("à jeun", "à jeun"), ("-", ""), ("", "")])
def test_instructions_go_to_their_reader_and_a_dash_is_none(mots, attendu):
    narratif = f'<content ID="L1">D</content><content ID="I1">{mots}</content>'
    patient = lire_ligne(relations=_instruction("PINSTRUCT"), narratif=narratif)
    assert (patient.instruction_patient, patient.instruction_dispensateur) == (attendu, "")
    pharmacien = lire_ligne(relations=_instruction("FINSTRUCT"), narratif=narratif)
    assert pharmacien.instruction_dispensateur == attendu


def test_a_device_is_a_line_of_its_own_after_the_medicines():
    sections = """<component><section><code code="46264-8"/><text/><entry><supply>
    <id root="BBBB-2"/><quantity value="1" unit="u"/><repeatNumber value="0"/><participant>
    <participantRole><playingDevice><code code="1397790" codeSystem="1.2.250.1.215.200.2.1"
    displayName="IALUSET+"/></playingDevice></participantRole></participant></supply></entry>
    </section></component>"""
    dispositif, medicament = parse_epmeddm(document(sections=sections)).lignes
    assert (dispositif.nature, dispositif.rang, medicament.rang) == ("DISPOSITIF", 1, 2)
    assert (dispositif.produit.lpp, dispositif.produit.libelle) == ("1397790", "IALUSET+")
    assert (dispositif.id, dispositif.quantite, dispositif.renouvellements) == (
        "bbbb-2",
        Decimal(1),
        0,
    )


@given(st.binary(max_size=40), st.integers(0, 1200))
def test_mutated_bytes_give_a_prescription_or_a_sentence(bruit, position):
    octets = document()
    with contextlib.suppress(CdaIllisible):
        parse_epmeddm(octets[:position] + bruit + octets[position + len(bruit) :])


def test_nothing_of_the_patient_is_in_a_representation():
    role = """<recordTarget><patientRole><patient><name><family>PAT-UN</family></name></patient>
    </patientRole></recordTarget>"""
    assert "PAT-UN" not in repr(parse_epmeddm(document(role=role)))
