"""Our own minimal reading of a carte Vitale: identity and NIR of the insured (agent.md §2.2).

Two files, one line per beneficiary in the same order. It is no homologated reading and gives no
right, no ALD, no mutuelle; the workstation must name it (`--vitale pcsc_min`).
"""

import re
from collections.abc import Iterator
from typing import Any

from agent.cards.atr import classify_atr
from agent.cards.base import Canal
from agent.cards.vitale import is_key_right, iso_date
from agent.protocol.messages import ErreurAgent

SELECT_MF = bytes.fromhex("00A40000023F00")
SELECT_VITALE = bytes.fromhex("00A404000BD250000002564954414C45")
LIRE = bytes.fromhex("00B0820000")
BLOC, FICHIER_MAX = 256, 16384
BENEFICIAIRE, CARTE = 0x65, 0x66
NOM, PRENOM, NAISSANCE, PAYS, NIR = 0x80, 0x81, 0x82, 0x90, 0x93
LIMITES = ("regime", "adresse", "droits", "ald", "mutuelle", "at")
_NIR = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}")
# What this reading cannot know is null: an empty list would say « read, and none ».
_NON_LUS = (
    *("qualite", "nom_patronymique", "rang_gemellaire", "adresse", "droits_amo", "couverture"),
    *("nir_certifie", "cle_nir_certifie", "date_certification_nir", "service_amo", "mutuelle"),
    "amc",
)


def read_vitale(canal: Canal) -> dict[str, Any]:
    """Return the normalised object of the card opened. Raises ErreurAgent."""
    _select(canal, SELECT_MF)
    identite = _read_file(canal)
    _select(canal, SELECT_VITALE)
    return build(identite, _read_file(canal))


def _select(canal: Canal, commande: bytes) -> None:
    _lu, sw = canal.transmit(commande, rejouable=True)
    if sw in {0x6A82, 0x6A86, 0x6D00, 0x6E00}:
        raise ErreurAgent("E_CARD_UNKNOWN", atr_class=classify_atr(canal.atr).classe)
    if sw != 0x9000:
        raise ErreurAgent("E_CARD_PROTOCOL", sw=f"{sw:04X}")


def _read_file(canal: Canal) -> bytes:
    """Return the file of short identifier 2: blocks of 256, until a shorter one."""
    lu = bloc = _read_block(canal, LIRE)
    while len(bloc) == BLOC:
        if len(lu) >= FICHIER_MAX:
            raise ErreurAgent("E_VITALE_DATA", block="fichier")
        bloc = _read_block(canal, bytes([0x00, 0xB0, len(lu) >> 8, len(lu) & 0xFF, 0x00]))
        lu += bloc
    return lu


def _read_block(canal: Canal, commande: bytes) -> bytes:
    bloc, sw = canal.transmit(commande, rejouable=True)
    # 6282: fewer bytes than asked; 6B00: nothing there, the file ends on a whole block.
    if sw in {0x9000, 0x6282}:
        return bloc
    if sw == 0x6B00 and commande != LIRE:
        return b""
    raise ErreurAgent("E_CARD_PROTOCOL", sw=f"{sw:04X}")


def build(identite: bytes, nirs: bytes) -> dict[str, Any]:
    """Return the normalised object (§7.1) of the two files. Raises ErreurAgent `E_VITALE_DATA`.

    Not as many NIR as persons: the files are those of two cards, and nothing is given (case 8).
    """
    gabarits = list(_tlv(identite, "identite"))
    personnes = [dict(_tlv(v, "identite")) for balise, v in gabarits if balise == BENEFICIAIRE]
    numeros = [dict(_tlv(v, "nir")) for balise, v in _tlv(nirs, "nir") if balise == BENEFICIAIRE]
    if not personnes:
        raise ErreurAgent("E_VITALE_DATA", block="beneficiaires")
    if len(personnes) != len(numeros):
        raise ErreurAgent("E_CARD_CHANGED")
    lignes = [_nir(numero) for numero in numeros]
    beneficiaires = [_beneficiaire(rang, p) for rang, p in enumerate(personnes, 1)]
    carte = next((dict(_tlv(v, "carte")) for balise, v in gabarits if balise == CARTE), {})
    return {
        "carte": {
            "type": "V2",
            "nature": None,
            "numero_serie": None,
            "date_debut_validite": _ascii(carte.get(NOM, b"")) or None,
            "date_fin_validite": None,
        },
        "assure": _assure(lignes[0]),
        "beneficiaires": beneficiaires,
        "accidents_travail": None,
        "anomalies": _anomalies(personnes, lignes),
        "limites": list(LIMITES),
    }


def _anomalies(personnes: list[dict[int, bytes]], lignes: list[str]) -> list[str]:
    """Say what is odd and delivered as it is: nothing is ever corrected (§2.3)."""
    dates = {p[NAISSANCE] for p in personnes}
    faits = {
        "cle_nir": not all(is_key_right(_assure(ligne)) for ligne in lignes),
        "nir_divers": len(set(lignes)) > 1,
        # Two persons born the same day: this reading does not have the rank that parts twins.
        "rang_gemellaire": len(dates) < len(personnes),
    }
    return [nom for nom, vrai in faits.items() if vrai]


def _tlv(octets: bytes, bloc: str) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, value) until the padding. One-byte tags; two-byte ones are passed over."""
    rang = 0
    while rang < len(octets) and octets[rang]:
        longue = octets[rang] & 0x1F == 0x1F
        balise, rang = octets[rang], rang + 1 + longue
        taille, rang = _length(octets, rang, bloc)
        if rang + taille > len(octets):
            raise ErreurAgent("E_VITALE_DATA", block=bloc)
        if not longue:
            yield balise, octets[rang : rang + taille]
        rang += taille


def _length(octets: bytes, rang: int, bloc: str) -> tuple[int, int]:
    """Return (length, where the value begins); forms of one byte, `81` and `82`."""
    premier = octets[rang] if rang < len(octets) else 0xFF
    en_plus = {0x81: 1, 0x82: 2}.get(premier, 0)
    if (premier >= 0x80 and not en_plus) or rang + 1 + en_plus > len(octets):
        raise ErreurAgent("E_VITALE_DATA", block=bloc)
    if not en_plus:
        return premier, rang + 1
    debut = rang + 1
    return int.from_bytes(octets[debut : debut + en_plus]), debut + en_plus


def _ascii(octets: bytes) -> str:
    return octets.decode("ascii", "replace").strip()


def _texte(personne: dict[int, bytes], balise: int) -> str:
    """Return a text of ISO 8859-1 padded with spaces; it must print."""
    texte = personne.get(balise, b"").decode("iso-8859-1").strip(" \0")
    if not texte.isprintable():
        raise ErreurAgent("E_VITALE_DATA", block="identite")
    return texte


def _beneficiaire(rang: int, personne: dict[int, bytes]) -> dict[str, Any]:
    naissance = _ascii(personne.get(NAISSANCE, b""))
    nom = _texte(personne, NOM)
    if not nom or not re.fullmatch(r"[0-9]{8}", naissance, re.ASCII):
        raise ErreurAgent("E_VITALE_DATA", block="identite")
    iso = iso_date(naissance)
    return {
        **dict.fromkeys(_NON_LUS),
        "numero": rang,
        "nom_usuel": nom,
        "prenom": _texte(personne, PRENOM),
        "date_naissance": naissance,
        "date_naissance_iso": iso,
        "lunaire": iso is None,
        "nationalite": _texte(personne, PAYS) or None,
    }


def _nir(numero: dict[int, bytes]) -> str:
    nir = _ascii(numero.get(NIR, b""))
    if not _NIR.fullmatch(nir):
        raise ErreurAgent("E_VITALE_DATA", block="nir")
    return nir


def _assure(nir: str) -> dict[str, Any]:
    """Return who is insured, for billing only: the INS is never taken from it (§2.3)."""
    non_lus = ("regime", "caisse", "centre", "code_gestion", "libelle_regime", "libelle_caisse")
    return {"nir": nir[:13], "cle": nir[13:], **dict.fromkeys(non_lus)}
