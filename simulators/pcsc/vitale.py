"""Carte Vitale 2 (agent.md §2.2, §7.2): what is readable in clear, and nothing else."""

from typing import Any

from simulators.pcsc.apdu import (
    ABSENT,
    CLASSE,
    DECALAGE,
    INSTRUCTION,
    P1_P2,
    PAS_DE_CODE,
    SANS_FICHIER,
    CarteInvalide,
    Commande,
    Refus,
    tlv,
    tlvs,
)

AID_MF = bytes.fromhex("D2500000024D465F564954414C45")
AID_VITALE = bytes.fromhex("D250000002564954414C45")
_MF, _VITALE = "MF", "VITALE"
_SFI = 0x02
_NOM = 27
_VITALE_1 = 0x3F


def _latin(texte: str) -> bytes:
    try:
        return texte.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise CarteInvalide("un caractère n'est pas de l'ISO 8859-1") from exc


class PuceVitale:
    """The files of one card; a Vitale 1 (ATR 3F…) knows none of these commands."""

    def __init__(self, fichier: dict[str, Any]) -> None:
        vitale = fichier["vitale"]
        self._ancienne = bytes.fromhex(fichier["atr"])[0] == _VITALE_1
        self._fichiers = {
            (_MF, _SFI): _identity(vitale),
            (_VITALE, _SFI): _nirs(vitale),
            (_VITALE, 0x2001): _pointers(),
        }
        self._proteges = {(_MF, 0x2F00), (_MF, 0x2F02)}
        self.reset()

    def reset(self) -> None:
        """Nothing is selected."""
        self._df = ""
        self._ef: tuple[str, int] | None = None

    def lose_applet(self) -> None:
        """No applet here."""

    def execute(self, c: Commande) -> bytes:
        """SELECT and READ BINARY, class 00."""
        if c.cla != 0 or self._ancienne:
            raise Refus(CLASSE)
        if c.ins == 0xA4:
            self._select(c)
            return b""
        if c.ins == 0xB0:
            return self._read(c)
        raise Refus(INSTRUCTION)

    def _select(self, c: Commande) -> None:
        ef: tuple[str, int] | None = None
        if c.p1 == 0x00 and c.data == b"\x3f\x00":
            df = _MF
        elif c.p1 == 0x04 and c.data in (AID_MF, AID_VITALE):
            df = _MF if c.data == AID_MF else _VITALE
        elif c.p1 == 0x02:
            df, ef = self._df, (self._df, int.from_bytes(c.data, "big"))
            if len(c.data) != 2 or ef not in self._fichiers.keys() | self._proteges:
                raise Refus(ABSENT)
        else:
            raise Refus(ABSENT if c.p1 in (0x00, 0x04) else P1_P2)
        self._df, self._ef = df, ef

    def _read(self, c: Commande) -> bytes:
        decalage = c.p1p2
        if c.p1 & 0x80:
            ef, decalage = (self._df, c.p1 & 0x1F), c.p2
            if not self._df:
                raise Refus(SANS_FICHIER)
            if ef not in self._fichiers:
                raise Refus(ABSENT)
            self._ef = ef
        if self._ef is None:
            raise Refus(SANS_FICHIER)
        if self._ef in self._proteges:
            raise Refus(PAS_DE_CODE)
        contenu = self._fichiers[self._ef]
        if decalage > len(contenu):
            raise Refus(DECALAGE)
        return contenu[decalage : decalage + (c.le or 0)]


def _identity(vitale: dict[str, Any]) -> bytes:
    porteurs = b"".join(
        tlv(
            0x65,
            tlvs(
                (
                    (0x80, _latin(b["nom_usuel"].ljust(_NOM))),
                    (0x81, _latin(b["prenom"].ljust(_NOM))),
                    (0x82, _latin(b["date_naissance"])),
                    (0x90, b"FR"),
                )
            ),
        )
        for b in vitale["beneficiaires"]
    )
    debut = vitale["carte"].get("date_debut_validite")
    validite = tlv(0x66, tlv(0x80, _latin(debut))) if debut and porteurs else b""
    return porteurs + validite + bytes(32)


def _nirs(vitale: dict[str, Any]) -> bytes:
    assure = vitale["assure"]
    un = tlv(0x65, tlv(0x93, _latin(f"{assure['nir']}{assure['cle']}")))
    return un * len(vitale["beneficiaires"]) + bytes(32)


def _pointers() -> bytes:
    """The map of applications (§2.2); entry numbers and names are ours."""
    aids = tlv(0xA0, tlv(0x82, b"\x00\x01" + AID_VITALE))
    return tlv(0xE0, aids + tlv(0x80, b"VITALE  " + b"\x00\x01" + b"\x20\x01")) + bytes(8)
