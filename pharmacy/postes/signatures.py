"""Signatures asked of a professional's card: named purposes, one request, one answer.

The apps above say what is signed for each service (registry); this room knows requests only.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from pharmacy import audit
from pharmacy.acteurs import Acteur
from pharmacy.models import DemandeSignature, Poste
from pharmacy.postes import cles
from pharmacy.refus import Refus

DEMANDE_S = 60


class SignatureRefusee(Refus):
    """The card's answer cannot be used."""


@dataclass(frozen=True)
class APreparer:
    """What an app gives to be signed: bytes to finish later, and the digest the card signs."""

    prepare: bytes
    digest: bytes


@dataclass(frozen=True)
class ServiceSignature:
    """One purpose: `prepare(acteur, certificat)`, then `complete(acteur, poste, …)`."""

    nom: str
    purpose: str
    libelle: str
    prepare: Callable[[Acteur, bytes], APreparer]
    complete: Callable[[Acteur, Poste, bytes, bytes, bytes], str]
    attendue: Callable[[Acteur], bool]


_services: dict[str, ServiceSignature] = {}


def register(service: ServiceSignature) -> None:
    """Add a purpose; called from `AppConfig.ready()`."""
    _services[service.nom] = service


def wanted(acteur: Acteur) -> str | None:
    """Return the service that waits for this actor's card, if any: no PIN is asked for nothing."""
    return next((nom for nom, service in _services.items() if service.attendue(acteur)), None)


def prepare(acteur: Acteur, poste: Poste, nom: str, certificat: bytes) -> tuple[str, str]:
    """Return (id, request JWS for the agent). KeyError for an unknown service.

    Raises SignatureRefusee when this card may not sign for this operator.
    Source: agent.md §5.7, « Sign request ».
    """
    service = _services[nom]
    a_signer = service.prepare(acteur, certificat)
    maintenant = timezone.now()
    jti = uuid4().hex
    empreinte = base64.b64encode(a_signer.digest).decode()
    DemandeSignature.objects.create(
        officine_id=acteur.officine_id,
        jti=jti,
        operateur_id=acteur.operateur_id,
        poste=poste,
        service=nom,
        certificat_der=certificat,
        prepare=a_signer.prepare,
        empreinte_b64=empreinte,
        expire_le=maintenant + timedelta(seconds=DEMANDE_S * 2),
    )
    demande = cles.sign(
        "agent-sign+jwt",
        {
            "iss": settings.ADRESSE,
            "aud": f"agent:{poste.wid}",
            "sub": str(acteur.operateur_id),
            "jti": jti,
            "iat": int(maintenant.timestamp()),
            "exp": int(maintenant.timestamp()) + DEMANDE_S,
            "key": "sig",
            "alg": "RS256",
            "cert_sha256": hashlib.sha256(certificat).hexdigest(),
            "items": [
                {
                    "id": "1",
                    "digest_b64": empreinte,
                    "purpose": service.purpose,
                    "label": service.libelle,
                }
            ],
        },
    )
    return jti, demande


def complete(acteur: Acteur, poste: Poste, jti: str, signature: bytes, certificat: bytes) -> str:
    """Close the request with the card's signature; return the sentence for the screen.

    Raises SignatureRefusee when the request is unknown, used, expired, or the signature wrong.
    """
    with transaction.atomic():
        demande = (
            DemandeSignature.objects.select_for_update(of=("self",), no_key=True)
            .filter(
                officine_id=acteur.officine_id,
                jti=jti,
                operateur_id=acteur.operateur_id,
                poste=poste,
                etat=DemandeSignature.Etat.DEMANDEE,
                expire_le__gt=timezone.now(),
            )
            .first()
        )
        if demande is None or bytes(demande.certificat_der) != certificat:
            raise SignatureRefusee(
                "demande_inconnue", "La demande de signature a expiré. Recommencez."
            )
        phrase = _services[demande.service].complete(
            acteur, poste, bytes(demande.prepare), signature, certificat
        )
        demande.etat = DemandeSignature.Etat.SIGNEE
        demande.save(update_fields=["etat"])
        audit.note(acteur, f"signature.{demande.service}", f"demande:{demande.pk}")
    return phrase
