"""Plain pyscard, a few lines: what any other program would do, no code of the agent."""

from tests.pcsc.attente import wait_for


class _AuPremierUsage:
    """`smartcard.scard`, imported when a test needs it: without it, only these tests fail."""

    def __getattr__(self, nom):
        from smartcard import scard as vrai

        return getattr(vrai, nom)


scard = _AuPremierUsage()
LECTEURS = (
    "SIM Comptoir 00 00",
    "SIM Comptoir 00 01",
    "SIM Second 00 00",
    "SIM Second 00 01",
)


def must(retour):
    """The rest of a call that succeeded; the code in hexadecimal otherwise."""
    hresult, *reste = retour
    assert hresult == 0, f"{hresult & 0xFFFFFFFF:#010x}"
    return reste[0] if len(reste) == 1 else reste


class Pcsc:
    """One context."""

    def __enter__(self):
        self.contexte = must(scard.SCardEstablishContext(scard.SCARD_SCOPE_USER))
        return self

    def __exit__(self, *_):
        scard.SCardReleaseContext(self.contexte)

    def readers(self):
        return must(scard.SCardListReaders(self.contexte, []))

    def state(self, lecteur):
        """(state word, ATR) at once."""
        ((_, etat, atr),) = must(
            scard.SCardGetStatusChange(self.contexte, 0, [(lecteur, scard.SCARD_STATE_UNAWARE)])
        )
        return etat, bytes(atr)

    def present(self, lecteur):
        return bool(self.state(lecteur)[0] & scard.SCARD_STATE_PRESENT)

    def try_connect(self, lecteur):
        """(code, handle)."""
        code, poignee, _ = scard.SCardConnect(
            self.contexte,
            lecteur,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        return code & 0xFFFFFFFF, poignee

    def connect(self, lecteur):
        code, poignee = self.try_connect(lecteur)
        assert code == 0, f"{code:#010x}"
        return poignee

    def send(self, poignee, hexa):
        """(code, whole answer), nothing followed."""
        code, reponse = scard.SCardTransmit(poignee, scard.SCARD_PCI_T0, list(bytes.fromhex(hexa)))
        return code & 0xFFFFFFFF, bytes(b & 0xFF for b in reponse)


def sw(reponse):
    return reponse[-2:].hex().upper()


def empty(banc):
    """Bring the bench back to its start: service running, slots seen empty, tries full."""
    banc.pcscd("start")
    for logement in range(len(LECTEURS)):
        banc.remove(logement)
    banc.say("reset")
    with Pcsc() as pcsc:
        for lecteur in LECTEURS:
            wait_for(lambda nom=lecteur: not pcsc.present(nom), f"{lecteur} vide")
