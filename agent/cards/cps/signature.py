"""What the agent builds to have a digest signed, and its own check of the result (§5.7). Pure."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from agent.cards.cps import certificat
from agent.cards.cps.situations import ContenuFaux
from agent.protocol.messages import ErreurAgent

# RFC 8017 §9.2, note 1: the DigestInfo of SHA-256, up to its digest.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_EMPREINTE = 32


def digest_info(empreinte: bytes) -> bytes:
    """Return the DigestInfo of a SHA-256 digest. ValueError for another length."""
    if len(empreinte) != _EMPREINTE:
        raise ValueError("a SHA-256 digest has 32 bytes")
    return _SHA256 + empreinte


def pkcs1_block(empreinte: bytes, taille: int) -> bytes:
    """Return the PKCS#1 v1.5 type-1 block of a digest, `taille` bytes (RFC 8017 §9.2)."""
    charge = digest_info(empreinte)
    return b"\x00\x01" + b"\xff" * (taille - len(charge) - 3) + b"\x00" + charge


def check_own(der: bytes, alg: str, empreintes: list[bytes], signatures: list[bytes]) -> None:
    """Verify each signature with the card's certificate. Raises E_SIGN_FAILED, E_CPS_CERT."""
    try:
        publique = certificat.load(der).public_key()
    except ContenuFaux as exc:
        raise ErreurAgent("E_CPS_CERT") from exc
    if not isinstance(publique, rsa.RSAPublicKey) or len(empreintes) != len(signatures):
        raise ErreurAgent("E_SIGN_FAILED")
    for empreinte, signee in zip(empreintes, signatures, strict=True):
        try:
            publique.verify(signee, empreinte, _padding(alg), Prehashed(hashes.SHA256()))
        except InvalidSignature as exc:
            raise ErreurAgent("E_SIGN_FAILED") from exc


def _padding(alg: str) -> padding.AsymmetricPadding:
    if alg == "PS256":
        return padding.PSS(padding.MGF1(hashes.SHA256()), _EMPREINTE)
    return padding.PKCS1v15()
