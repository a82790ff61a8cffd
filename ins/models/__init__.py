"""Tables of the identity, one file per noun."""

from ins.models.apcv import ContexteApcv
from ins.models.appel import AppelInsi
from ins.models.doublons import RechercheDoublons
from ins.models.droits import DroitsAssure
from ins.models.fusion import Fusion
from ins.models.historique import EvenementIdentite, HistoriqueIns
from ins.models.lecture import LectureDatamatrix
from ins.models.piece import CopiePiece, PieceControlee, RappelPiece
from ins.models.reprise import ConstatImport, ImportPatients
from ins.models.tache import IdentiteRecue, TacheIdentite
from ins.models.verification import IdentiteVerifiee, LotVerification, Verification

__all__ = [
    "AppelInsi",
    "ConstatImport",
    "ContexteApcv",
    "CopiePiece",
    "DroitsAssure",
    "EvenementIdentite",
    "Fusion",
    "HistoriqueIns",
    "IdentiteRecue",
    "IdentiteVerifiee",
    "ImportPatients",
    "LectureDatamatrix",
    "LotVerification",
    "PieceControlee",
    "RappelPiece",
    "RechercheDoublons",
    "TacheIdentite",
    "Verification",
]
