"""Where an appli carte Vitale goes, scanned or laid on the reader: the sale, opened if need be."""

from dataclasses import replace

from ins.services import apcv
from pharmacy.acteurs import Acteur
from pharmacy.codes import Scan
from pharmacy.models import Vente
from pharmacy.postes.services import Lecture, LectureRefusee
from pharmacy.services.vente import vente_open
from pharmacy.suites import Suite

_CHAINE_MAX = 4096


def route_apcv(scan: Scan) -> Suite:
    """Give the scanned string to the service, wherever the focus was (ux.md, Scan anywhere).

    VenteRefusee when the sale cannot take it.
    """
    return _present(scan.acteur, scan.vente, scan.code.champs.get("contexte", ""))


def read_nfc(acteur: Acteur, vente: Vente | None, lecture: Lecture) -> Suite:
    """Give the string that the phone laid on the reader gave, proved by the agent's receipt.

    LectureRefusee for odd data; VenteRefusee when the sale cannot take it. Source: agent.md §5.7.
    """
    chaine = lecture.data.get("contexteApCV")
    if not (isinstance(chaine, str) and 0 < len(chaine) <= _CHAINE_MAX and chaine.isprintable()):
        raise LectureRefusee(
            "APCV-006", "L'appli n'a rien donné de lisible. Reposez le téléphone sur le lecteur."
        )
    return _present(acteur, vente, chaine)


def _present(acteur: Acteur, vente: Vente | None, chaine: str) -> Suite:
    ouverte = vente or vente_open(acteur)
    suite = apcv.present(acteur, ouverte.pk, chaine)
    return suite if vente is not None else replace(suite, aller=f"/vente/{ouverte.pk}/")
