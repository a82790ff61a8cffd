"""The adapter to ADRi, the rights of a beneficiary at a date: OUR contract (adri.xsd).

Same contexts and same certificate as INSi. Source: docs/contrats/README.md; requirement CTR-18.
"""

from datetime import UTC, datetime
from uuid import uuid4

from django.conf import settings

from ins.client import Reglages, _transport
from ins.codec.adri import ACTION, DemandeDroits, corps_droits, parse_droits
from ins.codec.demande import envelopper
from ins.errors_adri import error_of
from teleservices.errors import InvalidReply, NotReady, TeleserviceError
from teleservices.registre import Reponse, attach_evidence, send_kept
from teleservices.soap.contextes import Couverture, EnteteEnvoi, Logiciel
from teleservices.tls import read_certificate
from teleservices.transport import Requete, Transport

# Seconds for one reply; three tries hold in the 45 s of the counter.
LECTURE_S = 8.0


class AdriClient:
    """Talks to ADRi. Raises the taxonomy of `teleservices.errors`."""

    def __init__(self, reglages: Reglages, transport: Transport) -> None:
        self.reglages = reglages
        self.transport = transport

    def consulter(self, demande: DemandeDroits) -> Reponse:
        """Ask what is open for a beneficiary that day; return a `ReponseDroits`."""
        message_id = str(uuid4())
        enveloppe = envelopper(corps_droits(demande), self._header(demande, message_id))
        retour, echange = send_kept(
            self.transport,
            Requete(
                url=self.reglages.url,
                corps=enveloppe,
                entetes={"Content-Type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'},
                lecture_s=self.reglages.lecture_s,
            ),
            message_id,
        )
        try:
            _check_http(retour.statut, retour.type_contenu)
            return Reponse(parse_droits(retour.corps), echange)
        except TeleserviceError as erreur:
            raise attach_evidence(erreur, echange) from erreur

    def _header(self, demande: DemandeDroits, message_id: str) -> EnteteEnvoi:
        return EnteteEnvoi(
            message_id=message_id,
            action=ACTION,
            contexte_id=str(uuid4()),
            temps=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            emetteur=self.reglages.emetteur,
            logiciel=self.reglages.logiciel,
            couverture=Couverture(demande.nir_assure, demande.naissance, demande.rang),
        )


def _check_http(statut: int, type_contenu: str) -> None:
    """Tell a SOAP reply (a fault included) from what a proxy or a broken server says."""
    if "xml" in type_contenu and statut in {200, 400, 500}:
        return
    if statut in {502, 503, 504}:
        raise error_of("http_503", "Receiver")
    if statut >= 500:
        raise error_of("http_500", "Receiver")
    raise InvalidReply(
        f"http_{statut}",
        "La réponse sur les droits est illisible. La délivrance continue ; relancez.",
    )


def adri_client() -> AdriClient:
    """Return the client of this installation. NotReady when the certificate cannot be read."""
    try:
        certificat = read_certificate(settings.VITALE_CERTIFICAT)
    except (OSError, ValueError) as exc:
        raise NotReady(
            "certificat_absent", "Le certificat de l'officine est illisible. Prévenez le titulaire."
        ) from exc
    reglages = Reglages(
        url=settings.ADRI_URL,
        emetteur=certificat.ou,
        logiciel=Logiciel(
            settings.VITALE_IDAM, settings.VERSION, settings.INSTANCE_LPS, settings.NOM_LPS
        ),
        environnement=settings.ENVIRONNEMENT,
        lecture_s=LECTURE_S,
    )
    transport = _transport(settings.TLS_AC, settings.VITALE_CERTIFICAT, settings.VITALE_CLE)
    return AdriClient(reglages, transport)
