"""The tree of files of a CPS: paths in hexadecimal, directories deduced from them."""

from dataclasses import dataclass
from typing import Literal

from simulators.pcsc.apdu import (
    ABSENT,
    DECALAGE,
    DONNEES,
    PAS_DE_CODE,
    SANS_FICHIER,
    Commande,
    Refus,
    tlv,
    tlvs,
)

Acces = Literal["libre", "code", "jamais"]


@dataclass(frozen=True)
class Fichier:
    """Content, and who may read it."""

    contenu: bytes
    acces: Acces = "libre"


class Arbre:
    """Files by absolute path (`3F000001D120`); the current directory and file."""

    def __init__(self, fichiers: dict[str, Fichier]) -> None:
        self._fichiers = fichiers
        self._dossiers = {chemin[:n] for chemin in fichiers for n in range(4, len(chemin), 4)} | {
            "3F00"
        }
        self.reset()

    def reset(self) -> None:
        """Back to the root, no file selected."""
        self.df = "3F00"
        self.ef = ""

    def select(self, chemin: str) -> None:
        """Select a directory or a file by absolute path; Refus(6A82)."""
        if chemin in self._dossiers:
            self.df, self.ef = chemin, ""
        elif chemin in self._fichiers:
            self.df, self.ef = chemin[:-4], chemin
        else:
            raise Refus(ABSENT)

    def step(self, fid: str) -> None:
        """Select the root or a child of the current directory (CPS2ter)."""
        self.select("3F00" if fid == "3F00" else self.df + fid)

    def read(self, c: Commande, code: bool) -> bytes:
        """READ BINARY in the current file; `code` tells whether the code was presented."""
        if c.p1 & 0x80:
            raise Refus(DONNEES)
        if not self.ef:
            raise Refus(SANS_FICHIER)
        fichier = self._fichiers[self.ef]
        if fichier.acces == "jamais" or (fichier.acces == "code" and not code):
            raise Refus(PAS_DE_CODE)
        if c.p1p2 > len(fichier.contenu):
            raise Refus(DECALAGE)
        return fichier.contenu[c.p1p2 : c.p1p2 + (c.le or 0)]

    @property
    def courant(self) -> str:
        """The path selected last."""
        return self.ef or self.df

    def size(self) -> int:
        """Size of the current file; 0 for a directory."""
        return len(self._fichiers[self.ef].contenu) if self.ef else 0

    def fci(self) -> bytes:
        """The template 62 that a SELECT gives back: size, kind, identifier (§1.3)."""
        genre = b"\x01" if self.ef else b"\x38"
        taille = self.size().to_bytes(2, "big")
        fid = bytes.fromhex(self.courant[-4:])
        return tlv(0x62, tlvs(((0x80, taille), (0x82, genre), (0x83, fid))))

    def old_fci(self) -> bytes:
        """The FCI of the CPS2ter volet: `85 LL`, size, fid, kind 01 MF, 02 DF, 04 EF."""
        genre = 4 if self.ef else 1 if self.df == "3F00" else 2
        fid = bytes.fromhex(self.courant[-4:])
        return tlv(0x85, self.size().to_bytes(2, "big") + fid + bytes([genre]))
