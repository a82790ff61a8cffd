"""Behind the scene: postes, sessions, signatures and clean files, by the product's own code.

`python -m bench.coulisses` runs in the stack's environment and answers one JSON object a line.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

OPERATEUR = "A02"
ID_NAT = "810100000040"


def build_clients(nombre: int, tls: Path) -> list[dict[str, str]]:
    """Make `nombre` postes with a session each; the operator's card has signed for all of them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from agent.jws import public_raw
    from pharmacy.isolation.middleware import poste_cookie_build
    from pharmacy.models import Officine, Operateur, Poste
    from pharmacy.postes.services import enrol_local, session_hash

    officine = Officine.objects.get()
    operateur = Operateur.objects.get(code=OPERATEUR)
    _sign(operateur, tls)
    clients = []
    for rang in range(nombre):
        cle = Ed25519PrivateKey.generate()
        poste = Poste.objects.create(
            officine=officine, code=f"banc-{uuid4().hex[:8]}", libelle="Banc", wid=uuid4().hex[:24]
        )
        enrol_local(poste, public_raw(cle))
        session = _open_session(operateur)
        clients.append(
            {
                "rang": str(rang),
                "poste": poste_cookie_build(officine.pk, poste.pk),
                "session": session,
                "sid": session_hash(session),
                "sub": str(operateur.pk),
                "wid": poste.wid,
                "cle": cle.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ).decode(),
            }
        )
    return clients


def _open_session(operateur: Any) -> str:  # noqa: ANN401 - models load after django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(operateur.pk)
    session[BACKEND_SESSION_KEY] = "pharmacy.session.backend.OperateurBackend"
    session[HASH_SESSION_KEY] = operateur.get_session_auth_hash()
    session["officine"] = operateur.officine_id
    session["verrouillee"] = False
    session["activite"] = session["authentifiee"] = datetime.now().astimezone().timestamp()
    session.save()
    return str(session.session_key)


def _sign(operateur: Any, tls: Path) -> None:  # noqa: ANN401
    """Keep an assertion as if the operator's card had just signed it."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    from pharmacy.models import Poste
    from pharmacy.session.middleware import acteur_of
    from teleservices.assertions import SignatureActeur

    poste = Poste.objects.get(code="comptoir-1")
    acteur = acteur_of(operateur, poste)
    certificat = (tls / f"cps/{ID_NAT}-sig.der").read_bytes()
    cle = serialization.load_pem_private_key((tls / f"cps/{ID_NAT}-sig.key").read_bytes(), None)
    assert isinstance(cle, rsa.RSAPrivateKey)
    service = SignatureActeur("epu")
    a_signer = service.prepare(acteur, certificat)
    signature = cle.sign(a_signer.digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    service.complete(acteur, poste, a_signer.prepare, signature, certificat)


def forget_ins() -> int:
    """Put every file that got its INS here back to « provisoire », its traits renewed."""
    from django.db.models import F

    from pharmacy.models import Patient

    return (
        Patient.objects.filter(statut="RECUP")
        .exclude(carte_empreinte="")
        .update(
            statut="PROV",
            ins_empreinte="",
            ins_oid="",
            ins_matricule="",
            ins_obtenu_le=None,
            ins_traits_version=None,
            traits_version=F("traits_version") + 1,
        )
    )


def read_screens(session: str, poste: str) -> list[dict[str, Any]]:
    """Return queries and bytes of each screen, with its budget."""
    from bench.ecrans import ECRANS, measure, signed_client

    client = signed_client(session, poste)
    return [{"ecran": e.nom, **measure(client, e).as_dict()} for e in ECRANS]


def main() -> None:
    """Answer requests until the input closes."""
    django.setup()
    from django.conf import settings

    from pharmacy.isolation.contexte import officine_context
    from pharmacy.isolation.middleware import officine_of_finess

    actes: dict[str, Any] = {
        "clients": lambda d: build_clients(int(d["nombre"]), Path(d["tls"])),
        "oublier": lambda _d: forget_ins(),
        "ecrans": lambda d: read_screens(d["session"], d["poste"]),
    }
    officine_id = officine_of_finess(settings.FINESS_DEMONSTRATION)
    assert officine_id is not None
    for ligne in sys.stdin:
        demande = json.loads(ligne)
        with officine_context(officine_id):
            reponse = actes[demande["acte"]](demande)
        sys.stdout.write(json.dumps(reponse) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
