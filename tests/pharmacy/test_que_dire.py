"""« Que dire au patient »: four services, two sentences each, from the sale or on paper."""

import re
from html import unescape

import pytest

from pharmacy.views.que_dire import SUJETS

pytestmark = pytest.mark.django_db


@pytest.mark.exigence("CTR-15")
def test_each_service_has_two_sentences_as_one_says_them():
    assert [re.search(r"INS|DMP|Numérique|MSSanté", s.titre).group() for s in SUJETS] == [
        "INS",
        "DMP",
        "Numérique",
        "MSSanté",
    ]
    for sujet in SUJETS:
        assert len(sujet.phrases) == 2
        for phrase in sujet.phrases:
            assert re.fullmatch(r"[A-Z][^.!?]+\.", phrase), phrase


@pytest.mark.exigence("CTR-15")
def test_the_sale_opens_it_by_a_key_and_a_page_prints_it(halle):
    client = halle.client("A02")
    vente = halle.vente()
    assert re.search(
        r'href="/que-dire/"[^>]+data-officine-touche2="H"',
        client.get(f"/vente/{vente.pk}/").content.decode(),
    )
    for entetes in ({}, {"HTTP_HX_REQUEST": "true"}):
        texte = unescape(client.get("/que-dire/", **entetes).content.decode())
        for sujet in SUJETS:
            assert sujet.titre in texte
            assert " ".join(sujet.phrases) in texte
