"""Where a scanned INS datamatrix goes: the sale under way, opened if need be (ins.md §4.3)."""

from agent.protocol.classification import SEPARATEURS_PERDUS
from agent.protocol.ins import GS_PERDUS
from ins.services import datamatrix
from pharmacy.codes import Scan, register
from pharmacy.events import VenteAbandonnee, VenteTerminee, subscribe
from pharmacy.models import Vente
from pharmacy.services.vente import vente_open
from pharmacy.suites import Suite

_PHRASES = {
    "meme": "Code d'identité lu : un dossier porte cette INS. Confirmez la personne.",
    "ecart": "Code d'identité lu : le dossier qui porte cette INS a d'autres traits. Comparez.",
    "sans_ins": "Code d'identité lu : un dossier sans INS a ces traits. Comparez.",
    "inconnu": "Code d'identité lu : personne inconnue de l'officine. Créez son dossier.",
}
_MAUVAIS_CLAVIER = "Réglez le lecteur : clavier d'un autre pays."


def route_datamatrix(scan: Scan) -> Suite:
    """Find whose code it is, and ask a person; nothing opens by itself.

    VenteRefusee for what this installation cannot take, or when the sale cannot be opened.
    """
    lue = datamatrix.check_reading(scan.code.champs, scan.code.erreurs)
    situation = datamatrix.find(scan.acteur.officine_id, lue)
    if situation.genre == "collision":
        datamatrix.alert(scan.acteur, situation)
        return Suite(
            "Ce code porte une autre INS que le dossier de mêmes traits : deux personnes, ou une "
            "erreur. Le dossier n'est pas ouvert ; il est à traiter.",
            "alerte",
            code="INS-095",
        )
    vente = scan.vente or vente_open(scan.acteur)
    if _is_taken(vente, situation):
        return Suite(
            "Ce code est celui d'une autre personne. Mettez la vente en attente (²A) pour elle.",
            "alerte",
            code="INS-094",
        )
    if situation.genre == "meme" and vente.patient_id == situation.dossiers[0].pk:
        return Suite("Code d'identité lu : c'est le patient de la vente.")
    lecture = datamatrix.keep(scan.acteur, vente, lue)
    adresse = f"/vente/{vente.pk}/code-ins/{lecture.pk}/"
    phrase = " ".join(filter(None, (_PHRASES[situation.genre], _advice(scan))))
    if scan.vente is None:
        return Suite(phrase, aller=adresse)
    return Suite(phrase, "attention" if _advice(scan) else "info", dialogue=adresse)


def _advice(scan: Scan) -> str:
    """Return how the reader is to be set, when the code came damaged and was put right."""
    if GS_PERDUS in scan.code.erreurs:
        return SEPARATEURS_PERDUS
    return _MAUVAIS_CLAVIER if scan.code.repare else ""


def _is_taken(vente: Vente, situation: datamatrix.Situation) -> bool:
    """Tell whether the sale under way already serves somebody else."""
    if vente.patient_id is None or vente.patient_id in {p.pk for p in situation.dossiers}:
        return False
    return vente.lignes.filter(annulee=False).exists() or vente.ordonnances.exists()


def register_routes() -> None:
    """Give the INS datamatrix its route, and its reading an end with the sale's.

    Called from `AppConfig.ready()`.
    """
    register("ins_datamatrix", route_datamatrix)
    subscribe(VenteTerminee, datamatrix.on_sale_over)
    subscribe(VenteAbandonnee, datamatrix.on_sale_over)
