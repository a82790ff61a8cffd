"""The token as the library shows it. Runs in the worker's process only (see `ouvrier`)."""

from typing import Any

from agent.cards.base import EtatPin
from agent.cards.code_porteur import wipe
from agent.cards.cps import signature, situations
from agent.cards.cps.public import build_public
from agent.cards.cps.usage import CodePerdu
from agent.protocol.messages import ErreurAgent

MODELES = {"IAS ECC": "CPS3", "ChipDoc": "CPS4"}
PREFIXE = "8025000001"
IDENTIFIANTS = {"auth": 0x20, "sig": 0x10}
ESSAIS_MAX = 3
SITUATIONS_MAX = 16


class Jeton:
    """One token of the loaded library. Raises PyKCS11Error, ErreurAgent and CodePerdu."""

    def __init__(self, chemin: str) -> None:
        import PyKCS11

        self._p = PyKCS11
        self._lib = PyKCS11.PyKCS11Lib()
        self._lib.load(chemin)
        self._sessions: dict[int, Any] = {}

    def _slot(self, lecteur: str) -> int:
        """Return the slot of a reader, or the only one that holds a card."""
        presents = []
        for slot in self._lib.getSlotList(tokenPresent=True):
            if self._lib.getTokenInfo(slot).flags & self._p.CKF_TOKEN_INITIALIZED:
                presents.append((slot, str(self._lib.getSlotInfo(slot).slotDescription).strip()))
        nommes = [slot for slot, nom in presents if nom and lecteur.startswith(nom)]
        candidats = nommes or [slot for slot, _nom in presents]
        if not candidats:
            raise ErreurAgent("E_NO_CARD")
        if len(candidats) > 1:
            raise ErreurAgent("E_READER_AMBIGUOUS", readers=[])
        return int(candidats[0])

    def _session(self, lecteur: str) -> Any:  # noqa: ANN401 - the library has no types
        slot = self._slot(lecteur)
        if slot not in self._sessions:
            self._sessions[slot] = self._lib.openSession(slot)
        return self._sessions[slot]

    def _find(self, session: Any, **attributs: Any) -> list[Any]:  # noqa: ANN401 - idem
        modele = [(getattr(self._p, f"CKA_{nom}"), valeur) for nom, valeur in attributs.items()]
        return list(session.findObjects(modele))

    def _get(self, session: Any, objet: Any, nom: str) -> bytes:  # noqa: ANN401 - idem
        return bytes(session.getAttributeValue(objet, [getattr(self._p, f"CKA_{nom}")])[0])

    # Reading

    def public(self, lecteur: str) -> dict[str, Any]:
        """Return identity and certificates, without the code."""
        session, info = self._session(lecteur), self._lib.getTokenInfo(self._slot(lecteur))
        ders = {cle: self._certificate(session, cle)[1] for cle in IDENTIFIANTS}
        return build_public(
            ders,
            str(info.serialNumber).strip().removeprefix(PREFIXE),
            MODELES.get(str(info.model).strip(), "inconnue"),
            lambda: self._data(session, "CPS_INFO_PS"),
        )

    def _certificate(self, session: Any, cle: str) -> tuple[bytes, bytes]:  # noqa: ANN401 - idem
        """Return (CKA_ID, DER) of a certificate, told by the last byte of its CKA_ID."""
        for objet in self._find(session, CLASS=self._p.CKO_CERTIFICATE):
            identifiant = self._get(session, objet, "ID")
            if identifiant[-1:] == bytes([IDENTIFIANTS[cle]]):
                return identifiant, self._get(session, objet, "VALUE")
        raise ErreurAgent("E_CPS_CERT")

    def _data(self, session: Any, label: str) -> bytes | None:  # noqa: ANN401 - idem
        objets = self._find(session, CLASS=self._p.CKO_DATA, LABEL=label)
        return self._get(session, objets[0], "VALUE") if objets else None

    def situations(self, lecteur: str) -> list[dict[str, Any]]:
        """Return the situations. They do not exist before login: the code is checked first."""
        session = self._session(lecteur)
        self._check_login(session)
        return self._activities(session, "CPS") or self._activities(session, "CPS2TER")

    def _activities(self, session: Any, volet: str) -> list[dict[str, Any]]:  # noqa: ANN401 - idem
        """Return the situations of a volet; the old one is read when the first has none (§1.4)."""
        lues = []
        for index in range(1, SITUATIONS_MAX + 1):
            octets = self._data(session, f"{volet}_ACTIVITY_{index:02d}_PS")
            if octets:
                lues.append(situations.read_situation(index, octets))
        return lues

    def _check_login(self, session: Any) -> None:  # noqa: ANN401 - idem
        if session.getSessionInfo().state not in {
            self._p.CKS_RO_USER_FUNCTIONS,
            self._p.CKS_RW_USER_FUNCTIONS,
        }:
            raise CodePerdu

    # The code

    def pin_state(self, lecteur: str) -> EtatPin:
        """Return the counter the flags of the token tell, read again each time."""
        drapeaux = self._lib.getTokenInfo(self._slot(lecteur)).flags
        essais = ESSAIS_MAX
        for drapeau, reste in (("COUNT_LOW", 2), ("FINAL_TRY", 1), ("LOCKED", 0)):
            if drapeaux & getattr(self._p, f"CKF_USER_PIN_{drapeau}"):
                essais = reste
        pave = bool(drapeaux & self._p.CKF_PROTECTED_AUTHENTICATION_PATH)
        return EtatPin("a_presenter" if essais else "bloquee", essais, pave)

    def login(self, lecteur: str, code: bytearray | None) -> EtatPin:
        """Give the code, once; None when it is typed on the reader's keys (C_Login of NULL)."""
        session = self._session(lecteur)
        try:
            session.login(None if code is None else list(code))
        except self._p.PyKCS11Error as exc:
            self._refuse_code(lecteur, exc)
        finally:
            if code is not None:
                wipe(code)
        return EtatPin("presentee", ESSAIS_MAX)

    def _refuse_code(self, lecteur: str, exc: Any) -> None:  # noqa: ANN401 - idem
        valeur = exc.value
        if valeur == self._p.CKR_USER_ALREADY_LOGGED_IN:
            return
        if valeur == self._p.CKR_PIN_LOCKED:
            raise ErreurAgent("E_CPS_PIN_LOCKED", tries_left=0) from exc
        if valeur not in {
            self._p.CKR_PIN_INCORRECT,
            self._p.CKR_PIN_INVALID,
            self._p.CKR_PIN_LEN_RANGE,
        }:
            raise exc
        reste = self.pin_state(lecteur).essais
        raise ErreurAgent(
            "E_CPS_PIN_WRONG" if reste else "E_CPS_PIN_LOCKED", tries_left=reste
        ) from exc

    # Signatures

    def algorithms(self, lecteur: str) -> list[str]:
        """Return what the token signs with, as its library lists it."""
        listes = self._lib.getMechanismList(self._slot(lecteur))
        noms = {"CKM_RSA_PKCS": "RS256", "CKM_RSA_PKCS_PSS": "PS256"}
        return [alg for mecanisme, alg in noms.items() if mecanisme in listes]

    def sign(self, lecteur: str, cle: str, alg: str, empreintes: list[bytes]) -> list[bytes]:
        """Return the signatures of SHA-256 digests; the key is the certificate's, by CKA_ID."""
        session = self._session(lecteur)
        self._check_login(session)
        identifiant, _der = self._certificate(session, cle)
        cles = self._find(session, CLASS=self._p.CKO_PRIVATE_KEY, ID=list(identifiant))
        if not cles:
            raise ErreurAgent("E_SIGN_FAILED", reason="cle")
        if alg == "PS256":
            p = self._p
            pss = p.RSA_PSS_Mechanism(p.CKM_RSA_PKCS_PSS, p.CKM_SHA256, p.CKG_MGF1_SHA256, 32)
            return [bytes(session.sign(cles[0], e, pss)) for e in empreintes]
        simple = self._p.Mechanism(self._p.CKM_RSA_PKCS, None)
        return [bytes(session.sign(cles[0], signature.digest_info(e), simple)) for e in empreintes]
