"""The hardened parser: what is hostile is refused with a stable code, quickly, without a call."""

import socket
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from teleservices.soap.lecture import PROFONDEUR_MAX, XmlRefuse, parse_xml, text_of

pytestmark = pytest.mark.exigence("SEC-09")


def refus(octets, **options):
    with pytest.raises(XmlRefuse) as pris:
        parse_xml(octets, **options)
    assert str(pris.value) == pris.value.code
    return pris.value.code


@pytest.mark.parametrize(
    "dtd",
    [
        b"<!DOCTYPE r>",
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">',
        b'<!DOCTYPE r PUBLIC "-//X//Y" "http://127.0.0.1:9/x.dtd">',
        b'<!DOCTYPE r [<!ENTITY e "x">]>',
        b'<!DOCTYPE r [<!ATTLIST r a CDATA "defaut">]>',
        b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
    ],
)
def test_any_document_type_is_refused(dtd):
    assert refus(dtd + b"<r/>") == "xml_dtd"


def test_an_external_entity_reads_no_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    octets = b'<!DOCTYPE r [<!ENTITY e SYSTEM "file://%b">]><r>&e;</r>' % str(secret).encode()
    with pytest.raises(XmlRefuse) as pris:
        parse_xml(octets)
    assert "SECRET" not in repr(pris.value.__context__) + str(pris.value)


def test_an_external_document_type_opens_no_connection():
    with socket.create_server(("127.0.0.1", 0)) as prise:
        prise.settimeout(0.2)
        url = f"http://127.0.0.1:{prise.getsockname()[1]}/x".encode()
        octets = b'<!DOCTYPE r SYSTEM "%b" [<!ENTITY %% p SYSTEM "%b"> %%p;]><r>&p;</r>'
        assert refus(octets % (url, url)) == "xml_dtd"
        with pytest.raises(TimeoutError):
            prise.accept()


@pytest.mark.parametrize("usage", [b"<r>&i9;</r>", b'<r a="&i9;"/>'])
def test_an_entity_bomb_is_refused_at_once(usage):
    entites = b'<!ENTITY i0 "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY i%d "%b">' % (n, b"&i%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    debut = time.monotonic()
    assert refus(b"<!DOCTYPE r [" + entites + b"]>" + usage) == "xml_dtd"
    assert time.monotonic() - debut < 2


def test_a_quadratic_bomb_is_refused_at_once():
    octets = b'<!DOCTYPE r [<!ENTITY a "%b">]><r>%b</r>' % (b"A" * 50_000, b"&a;" * 50_000)
    debut = time.monotonic()
    assert refus(octets) == "xml_dtd"
    assert time.monotonic() - debut < 2


@pytest.mark.parametrize("codage", ["utf-16", "utf-16-le", "utf-32"])
def test_a_document_type_hidden_in_another_charset_is_refused(codage):
    texte = f'<?xml version="1.0" encoding="{codage}"?><!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'
    assert refus(texte.encode(codage)) in {"xml_dtd", "xml_malforme"}


def test_size_is_bounded_before_reading():
    assert refus(b"<r>" + b"x" * 100, max_octets=99) == "xml_trop_gros"
    assert parse_xml(b"<r>" + b"x" * 92 + b"</r>", max_octets=99) is not None


@pytest.mark.parametrize(("profondeur", "code"), [(201, "xml_trop_profond"), (90_000, None)])
def test_depth_is_bounded(profondeur, code):
    octets = b"<a>" * profondeur + b"</a>" * profondeur
    assert refus(octets) in ({code} if code else {"xml_trop_profond", "xml_malforme"})


def test_the_depth_allowed_is_read():
    octets = b"<a>" * PROFONDEUR_MAX + b"</a>" * PROFONDEUR_MAX
    assert parse_xml(octets).tag == "a"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" ",
        b"<html><body>502</body>",
        b"<r>",
        b"<r/><r/>",
        b"<r>\xff</r>",
        b'<?xml version="1.0" encoding="utf-8"?><r>\xe9</r>',
        b'<?xml version="1.0" encoding="inconnu"?><r/>',
        b'<?xml version="1.0" encoding="utf-16"?><r/>',
        b"<r>\x00</r>",
        b"<r>&inconnue;</r>",
        b"<p:r/>",
        b'<r a="1" a="2"/>',
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_not_xml_is_refused(octets):
    assert refus(octets) == "xml_malforme"


@pytest.mark.parametrize("codage", ["utf-8", "iso-8859-1", "utf-16"])
def test_a_declared_charset_is_obeyed(codage):
    octets = f'<?xml version="1.0" encoding="{codage}"?><r>é</r>'.encode(codage)
    assert parse_xml(octets).text == "é"


@pytest.mark.parametrize("coupe", [b"<!-- x -->", b"<?p x?>", b"<![CDATA[]]>"])
def test_a_text_cut_by_a_comment_is_read_whole(coupe):
    racine = parse_xml(b"<r><a>8101" + coupe + b"00032</a></r>")
    assert racine.findtext("a") == "810100032"
    assert len(racine[0]) == 0


def test_a_text_is_found_by_namespace_and_trimmed():
    racine = parse_xml(b'<r xmlns:p="urn:x"><p:a> <p:b> v </p:b></p:a><p:c/></r>')
    assert text_of(racine, "urn:x", "a", "b") == "v"
    assert text_of(racine, "urn:x", "c") == ""
    assert text_of(racine, "urn:x", "absent", "b") == ""
    assert text_of(None, "urn:x") == ""


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(octets):
    with suppress(XmlRefuse):
        assert parse_xml(octets).getroottree().docinfo.doctype == ""


_NOEUDS = st.recursive(
    st.sampled_from([b"x", b"<!-- c -->", b"<?p i?>", b"&amp;", b"&e;", b"<![CDATA[<]]>", b"<b/>"]),
    lambda enfants: st.lists(enfants, max_size=4).map(lambda e: b"<n>" + b"".join(e) + b"</n>"),
    max_leaves=20,
)


@given(_NOEUDS, st.sampled_from([b"", b"<!DOCTYPE r>", b'<!DOCTYPE r [<!ENTITY e "v">]>']))
@settings(deadline=None)
def test_what_is_read_holds_elements_and_text_only(noeud, tete):
    try:
        racine = parse_xml(tete + b"<r>" + noeud + b"</r>")
    except XmlRefuse:
        return
    assert tete == b""
    assert all(isinstance(e.tag, str) for e in racine.iter())
    assert etree.tostring(racine).count(b"<!") == 0
