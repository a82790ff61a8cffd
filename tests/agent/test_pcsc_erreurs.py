"""What each refusal of PC/SC means, row by row (agent.md §5.9)."""

import pytest

from agent.cards.pcsc.erreurs import translate


@pytest.mark.exigence("AGT-10")
@pytest.mark.parametrize(
    ("hresult", "attendu", "details"),
    [
        (0x80100016, "E_CARD_REMOVED", {}),
        (0x80100069, "E_CARD_REMOVED", {}),
        (0x80100068, "E_CARD_PROTOCOL", {}),
        (0x8010002F, "E_CARD_PROTOCOL", {}),
        (0x8010000B, "E_READER_BUSY", {}),
        (0x8010000C, "E_NO_CARD", {}),
        (0x80100066, "E_CARD_MUTE", {}),
        (0x80100067, "E_CARD_MUTE", {}),
        (0x8010000F, "E_CARD_UNKNOWN", {"atr_class": "autre"}),
        (0x80100009, "E_READER_GONE", {}),
        (0x80100017, "E_READER_GONE", {}),
        (0x8010002E, "E_NO_READER", {}),
        (0x80100013, "E_PCSC_UNAVAILABLE", {}),
        (0x8010001D, "E_PCSC_UNAVAILABLE", {}),
        (0x8010001E, "E_PCSC_UNAVAILABLE", {}),
        (0x8010006A, "E_PCSC_UNAVAILABLE", {"reason": "polkit"}),
        (0x80100001, "E_INTERNAL", {"hresult": "80100001"}),
    ],
)
def test_each_refusal_of_the_service_has_its_code(hresult, attendu, details):
    erreur = translate(hresult)
    assert (erreur.code, erreur.details) == (attendu, details)
