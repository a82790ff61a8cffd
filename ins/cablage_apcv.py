"""Wires the appli carte Vitale and the rights to the core and to the outbox."""

from ins import handlers_apcv, panneau_droits, scan_apcv
from ins.services import apcv, droits
from pharmacy import codes
from pharmacy.events import PatientChoisi, VenteAbandonnee, VenteTerminee, subscribe
from pharmacy.panels import Panneau, register_panneau
from pharmacy.services import lecture
from teleservices import registre


def register_all() -> None:
    """Register what they bring; called from `AppConfig.ready()`."""
    registre.register(handlers_apcv.Ouvrir())
    registre.register(handlers_apcv.Renouveler())
    registre.register(handlers_apcv.Fermer())
    registre.register(handlers_apcv.Consulter())
    codes.register("apcv", scan_apcv.route_apcv)
    lecture.register_route("apcv.read_nfc", scan_apcv.read_nfc)
    subscribe(PatientChoisi, droits.on_patient_chosen)
    subscribe(VenteTerminee, apcv.on_sale_over)
    subscribe(VenteAbandonnee, apcv.on_sale_over)
    register_panneau(Panneau("droits", "Carte et droits", 15, panneau_droits.render_panneau))
