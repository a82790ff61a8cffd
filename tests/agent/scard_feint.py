"""PC/SC played at the seam: readers, cards and programs moved by the test (agent.md §5.9)."""

import threading
import time
from dataclasses import replace

from agent.cards.pcsc import scard as pcsc
from agent.cards.pcsc.scard import BRANCHEMENTS, ErreurScard, EtatLecteur

VITALE_ATR = "3B751300004409EA9000"
CPS_ATR = "3BAC00402A001225006480000310009000"
TELEPHONE_ATR = "3B80800101"


def tlv(balise, valeur):
    taille = len(valeur)
    longueur = (
        bytes([taille])
        if taille < 128
        else bytes([0x81, taille])
        if taille < 256
        else b"\x82" + taille.to_bytes(2)
    )
    return bytes([balise]) + longueur + valeur


def personne(nom="PAT-TROIS", prenom="DOMINIQUE", naissance="19790328", nir="279035121518989"):
    return (nom, prenom, naissance, nir)


class CarteFeinte:
    """A Vitale of §6.6 that answers APDUs, and what a test has it do at its n-th exchange."""

    def __init__(self, *personnes, atr=VITALE_ATR, nirs=None):
        personnes = personnes or (personne(),)
        latin = lambda texte: texte.encode("latin-1")  # noqa: E731
        identite = b"".join(
            tlv(
                0x65,
                tlv(0x80, latin(nom.ljust(27)))
                + tlv(0x81, latin(prenom.ljust(27)))
                + tlv(0x82, latin(naissance))
                + tlv(0x90, b"FR"),
            )
            for nom, prenom, naissance, _ in personnes
        )
        identite += tlv(0x66, tlv(0x80, b"20180501"))
        numeros = nirs if nirs is not None else [p[3] for p in personnes]
        nir = b"".join(tlv(0x65, tlv(0x93, latin(n))) for n in numeros)
        self.fichiers = {"MF": identite + bytes(32), "VITALE": nir + bytes(32)}
        self.atr = bytes.fromhex(atr)
        self.ou = None
        self.rang = 0
        self.recus = []
        # {n-th exchange: what happens before its answer}; it may return an answer itself.
        self.au = {}

    def reset(self):
        self.ou = None

    def apdu(self, a):
        self.rang += 1
        self.recus.append(a.hex().upper())
        if (geste := self.au.get(self.rang)) is not None:
            reponse = geste()
            if reponse is not None:
                return reponse
        return self.answer(a)

    def answer(self, a):
        if a[1] == 0xA4:
            ou = {"3F00": "MF", "D250000002564954414C45": "VITALE"}.get(a[5:].hex().upper())
            if ou is None:
                return b"\x6a\x82"
            self.ou = ou
            return b"\x90\x00"
        rang = 0 if a[2] & 0x80 else a[2] << 8 | a[3]
        if self.ou is None:
            return b"\x69\x86"
        lu = self.fichiers[self.ou][rang : rang + (a[4] or 256)]
        if a[4] == 0 and len(lu) < 256:
            return b"\x6c" + bytes([len(lu)])
        return lu + b"\x90\x00"


class _Fente:
    def __init__(self):
        self.carte = None
        self.compteur = 0
        self.occupee = False  # another program has it for itself
        self.collante = False  # a card is in, and the service says « empty »
        self.ailleurs = False  # another program holds a transaction


class ScardFeint:
    """The service, as agent.md §5.9 saw it behave."""

    motif = ""

    def __init__(self, *lecteurs):
        self._c = threading.Condition()
        self.service = True
        self.code_arret = 0x8010001D
        self.fentes = {nom: _Fente() for nom in lecteurs}
        self.series = {}
        self.branchements = 1
        self.poignees = {}
        self.contextes = {}
        self.suivant = 1
        self.appels = []
        self.fermetures = []
        self.codes = {}  # {reader: code a connection is refused with}
        self.inconnu_une_fois = set()

    # The hand of the test

    def _bouge(self):
        self._c.notify_all()

    def brancher(self, nom, serie=""):
        with self._c:
            self.fentes[nom] = _Fente()
            self.series[nom] = serie
            self.branchements += 1
            self._bouge()

    def debrancher(self, nom):
        with self._c:
            self._quitte(nom)
            del self.fentes[nom]
            self.branchements += 1
            self._bouge()

    def _quitte(self, nom):
        for poignee in self.poignees.values():
            if poignee["lecteur"] == nom:
                poignee["carte"] = None

    def inserer(self, nom, carte):
        with self._c:
            fente = self.fentes[nom]
            if fente.carte is not None:
                self._quitte(nom)
                fente.compteur += 1
            fente.carte = carte
            fente.compteur += 1
            self._bouge()

    def retirer(self, nom, *, collante=None):
        """Take the card out; `collante`: another is put back before the service looks."""
        with self._c:
            fente = self.fentes[nom]
            self._quitte(nom)
            fente.carte, fente.collante = collante, collante is not None
            fente.compteur += 1
            self._bouge()

    def coller(self, nom, carte):
        """Another card took the place and the service did not notice: nobody is woken."""
        with self._c:
            self._quitte(nom)
            self.fentes[nom].carte, self.fentes[nom].collante = carte, True

    def arreter(self, code=0x8010001D):
        with self._c:
            self.service, self.code_arret = False, code
            self.contextes.clear()
            self.poignees.clear()
            self._bouge()

    def redemarrer(self):
        with self._c:
            self.service = True
            self._bouge()

    def reinitialiser(self, nom):
        """Another program resets the card."""
        with self._c:
            for poignee in self.poignees.values():
                if poignee["lecteur"] == nom:
                    poignee["reset"] = True
            self.fentes[nom].carte.reset()

    def prendre(self, nom, *, seul=False, transaction=False):
        with self._c:
            self.fentes[nom].occupee, self.fentes[nom].ailleurs = seul, transaction
            self._bouge()

    # The calls

    def _check(self, contexte=None):
        if not self.service:
            raise ErreurScard(self.code_arret)
        if contexte is not None and contexte not in self.contextes:
            raise ErreurScard(0x80100003)

    def establish(self):
        with self._c:
            self.appels.append(("establish", time.monotonic()))
            self._check()
            self.suivant += 1
            self.contextes[self.suivant] = False
            return self.suivant

    def release(self, contexte):
        with self._c:
            self._check(contexte)
            del self.contextes[contexte]

    def cancel(self, contexte):
        with self._c:
            self._check(contexte)
            self.contextes[contexte] = True
            self._bouge()

    def readers(self, contexte):
        with self._c:
            self._check(contexte)
            return list(self.fentes)

    def _etat(self, nom):
        if nom == BRANCHEMENTS:
            return EtatLecteur(nom, self.branchements << 16)
        if nom in self.inconnu_une_fois:
            self.inconnu_une_fois.discard(nom)
            raise ErreurScard(0x80100009)
        if nom not in self.fentes:
            raise ErreurScard(0x80100009)
        fente = self.fentes[nom]
        if fente.carte is None or fente.collante:
            return EtatLecteur(nom, fente.compteur << 16 | pcsc.EMPTY)
        muet = pcsc.MUTE if not fente.carte.atr else 0
        return EtatLecteur(nom, fente.compteur << 16 | pcsc.PRESENT | muet, fente.carte.atr)

    def wait(self, contexte, delai_ms, connus):
        with self._c:
            self._check(contexte)
            fin = time.monotonic() + delai_ms / 1000
            while True:
                etats = [self._etat(e.nom) for e in connus]
                if any(e.etat != c.etat for e, c in zip(etats, connus, strict=True)):
                    return [replace(e, etat=e.etat | pcsc.CHANGED) for e in etats]
                if (reste := fin - time.monotonic()) <= 0:
                    return None
                self._c.wait(reste)
                if not self.service:
                    raise ErreurScard(0x80100013)
                if self.contextes.get(contexte):
                    self.contextes[contexte] = False
                    raise ErreurScard(0x80100002)

    def connect(self, contexte, lecteur, mode, protocoles):
        with self._c:
            self._check(contexte)
            self.appels.append(("connect", lecteur, mode, protocoles))
            if lecteur not in self.fentes:
                raise ErreurScard(0x80100009)
            fente = self.fentes[lecteur]
            if mode != pcsc.MODE_DIRECT:
                if lecteur in self.codes:
                    raise ErreurScard(self.codes[lecteur])
                if fente.carte is None or fente.collante:
                    raise ErreurScard(0x8010000C)
                if fente.occupee:
                    raise ErreurScard(0x8010000B)
            self.suivant += 1
            self.poignees[self.suivant] = {
                "lecteur": lecteur,
                "carte": fente.carte,
                "reset": False,
                "morte": 0,
            }
            return self.suivant, 1

    def reconnect(self, poignee, mode, protocoles, acte):
        with self._c:
            self._check()
            ouverte = self.poignees[poignee]
            fente = self.fentes[ouverte["lecteur"]]
            self.appels.append(("reconnect", ouverte["lecteur"], mode, acte))
            if fente.carte is None:
                raise ErreurScard(0x8010000C)
            if acte == pcsc.COUPER and fente.collante:
                fente.collante = False
                self._bouge()
            ouverte |= {"reset": False, "carte": fente.carte}
            return 1

    def begin(self, poignee):
        with self._c:
            ouverte = self._ouverte(poignee)
            fente = self.fentes[ouverte["lecteur"]]
            while fente.ailleurs:
                self._c.wait()
            if ouverte["reset"]:
                raise ErreurScard(0x80100068)

    def end(self, poignee, acte):
        with self._c:
            self._ouverte(poignee)

    def disconnect(self, poignee, acte):
        with self._c:
            self._check()
            ouverte = self.poignees.pop(poignee)
            self.fermetures.append((ouverte["lecteur"], acte))
            if acte == pcsc.REINITIALISER and ouverte["carte"] is not None:
                ouverte["carte"].reset()

    def _ouverte(self, poignee):
        self._check()
        if poignee not in self.poignees:
            raise ErreurScard(0x80100003)
        ouverte = self.poignees[poignee]
        if ouverte["lecteur"] not in self.fentes:
            raise ErreurScard(0x80100017)
        return ouverte

    def transmit(self, poignee, protocole, apdu):
        with self._c:
            ouverte = self._ouverte(poignee)
            if ouverte["carte"] is None:
                return self._morte(ouverte)
            if ouverte["reset"]:
                raise ErreurScard(0x80100068)
            carte = ouverte["carte"]
        reponse = carte.apdu(apdu)
        with self._c:
            ouverte = self._ouverte(poignee)
            if ouverte["reset"]:
                raise ErreurScard(0x80100068)
            return reponse if ouverte["carte"] is carte else self._morte(ouverte)

    @staticmethod
    def _morte(ouverte):
        """Nothing back, then « not transacted », then « removed », for ever (§5.9)."""
        ouverte["morte"] += 1
        if ouverte["morte"] == 1:
            return b""
        raise ErreurScard(0x80100016 if ouverte["morte"] == 2 else 0x80100069)

    def serial(self, contexte, lecteur):
        return self.series.get(lecteur, "")
