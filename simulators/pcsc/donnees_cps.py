"""What the files of a virtual CPS hold, from its JSON (agent.md §1.2, §1.5, §7.3).

The official formats of CPS_NAME_PS, CPS_INFO_PS, CPS_ID_CARD and CPS_LANG_PS are not public: these
are ours. Only the shape of a situation and the last four bytes of CPS_INFO_PS are known.
"""

from typing import Any

from simulators.pcsc.apdu import CarteInvalide, bcd, tlv, tlvs
from simulators.pcsc.cles import Paire
from simulators.pcsc.fichiers import Acces, Fichier

EMETTEUR = bytes.fromhex("8025000001")
_CODE: Acces = "code"


def situation(s: dict[str, Any]) -> bytes:
    """One situation d'exercice: EE { 84 raison sociale, 85 Struct_IdNat, 86 secteur }."""
    return tlv(
        0xEE,
        tlvs(
            (
                (0x80, bytes([int(s["index"])])),
                (0x84, str(s["raison_sociale"]).encode("latin-1")),
                (0x85, str(s["struct_id_nat"]).encode("ascii")),
                (0x86, str(s["secteur"]).encode("ascii")),
            )
        ),
    )


def serial(cps: dict[str, Any]) -> bytes:
    """EF.SN.ICC: 5A 0A, the issuer, ten digits."""
    numero = str(cps["serie"])
    if len(numero) != 10 or not numero.isdigit():
        raise CarteInvalide("le numéro de série d'une CPS a dix chiffres")
    return b"\x5a\x0a" + EMETTEUR + bcd(numero)


def _actua(dit: dict[str, str | None]) -> bytes:
    """EF_ACTUA: EC { 81 start, 82 end }; what is null is not written (an update cut short)."""
    dates = ((0x81, dit.get("debut")), (0x82, dit.get("fin")))
    return tlv(0xEC, tlvs((tag, bcd(date)) for tag, date in dates if date))


def _info(cps: dict[str, Any]) -> bytes:
    elements = [
        (0x80, str(cps["id_nat"]).encode("ascii")),
        (0x81, f"{int(cps['profession']):02d}".encode("ascii")),
    ]
    elements += [(0x82, str(code).encode("ascii")) for code in cps.get("specialites", [])]
    return tlv(0xEC, tlvs(elements))


def _common(cps: dict[str, Any], paires: dict[str, Paire]) -> dict[str, Fichier]:
    carte = ((0x80, str(cps["serie"]).encode()), (0x81, bytes([int(cps.get("type", 0))])))
    noms = ((0x80, str(cps["nom"]).encode()), (0x81, str(cps["prenom"]).encode()))
    historique = bytes.fromhex("80") + tlv(0x53, b"CPS")
    return {
        "3F002F01": Fichier(historique),
        "3F00D003": Fichier(serial(cps)),
        "3F000001A001": Fichier(paires["auth"].certificat),
        "3F000001D101": Fichier(tlv(0xEC, tlvs(noms))),
        "3F000001D102": Fichier(_info(cps)),
        "3F000001D103": Fichier(tlv(0xEC, tlvs(carte))),
        "3F000001D104": Fichier(tlv(0xEC, tlv(0x80, b"fr"))),
    }


def contact_files(cps: dict[str, Any], paires: dict[str, Paire]) -> dict[str, Fichier]:
    """The IAS (or ChipDoc) volet read in a contact reader."""
    fichiers = _common(cps, paires) | {
        "3F0000017001": Fichier(b"\x01"),
        "3F000001A002": Fichier(paires["sig"].certificat),
        "3F000001D107": Fichier(b""),
    }
    for s in cps["situations"]:
        fichiers[f"3F000001D1{0x1F + _index(s):02X}"] = Fichier(situation(s), _CODE)
    if cps.get("ef_actua") is not None:
        fichiers["3F00D010"] = Fichier(_actua(cps["ef_actua"]))
    return fichiers


def contactless_files(cps: dict[str, Any], paires: dict[str, Paire]) -> dict[str, Fichier]:
    """The same without contact: a technical certificate, no situation, no EF_ACTUA (§1.3)."""
    return _common(cps, paires) | {"3F0000017001": Fichier(b"\x01", "jamais")}


def old_files(cps: dict[str, Any]) -> dict[str, Fichier]:
    """The CPS2ter volet: situations and billing situation, under the code."""
    fichiers = {
        f"3F0040{0x0F + _index(s):02X}": Fichier(situation(s), _CODE) for s in cps["situations"]
    }
    premiere = cps["situations"][:1]
    facture = tlv(0xEE, b"".join(situation(s) for s in premiere))
    return fichiers | {"3F007F014000": Fichier(facture, _CODE)}


def _index(s: dict[str, Any]) -> int:
    index = int(s["index"])
    if not 1 <= index <= 16:
        raise CarteInvalide("une situation d'exercice est numérotée de 1 à 16")
    return index
