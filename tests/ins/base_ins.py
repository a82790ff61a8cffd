"""Files whose INS the simulator knows, made in number; and the worker of the batch queue."""

from datetime import date, datetime, timedelta

from django.utils import timezone

from ins.selectors import empreinte_of
from pharmacy.models import Patient
from teleservices.models import Envoi
from teleservices.moteur import process
from tests.ins.dossiers import with_piece


def people(insi, nombre, depuis=0):
    """Invented people of the simulated INSi whose identity is complete."""
    gens = insi.ask(f"/controle/identites?genre=ordinaire&depuis={depuis}&nombre={nombre}")
    assert len(gens) == nombre
    return gens


def build_patient(troupe, personne, **champs):
    """Return an unsaved file, « récupérée », of somebody INSi knows; seen last month, four years
    after its INS was obtained."""
    matricule = personne["matricule"] + personne["cle"]
    return Patient(
        **{
            "officine": troupe.officine,
            "cree_par": troupe.operateurs["A01"],
            "nom_naissance": personne["nom"],
            "prenoms_naissance": personne["prenoms"],
            "premier_prenom": personne["prenoms"].split(" ", 1)[0],
            "sexe": personne["sexe"],
            "date_naissance": date.fromisoformat(personne["naissance"]),
            "cog_naissance": personne["lieu"],
            "statut": "RECUP",
            "ins_matricule": matricule,
            "ins_empreinte": empreinte_of(matricule),
            "ins_oid": personne["oid"],
            "ins_obtenu_le": timezone.now() - timedelta(days=1500),
            "ins_traits_version": 1,
            "vu_le": timezone.localdate() - timedelta(days=30),
            **champs,
        }
    )


def fill(troupe, insi, nombre, depuis=0, **champs):
    """Save `nombre` files; return them."""
    return Patient.objects.bulk_create(
        build_patient(troupe, personne, **champs) for personne in people(insi, nombre, depuis)
    )


def qualify(patient, operateur):
    """Make a file qualified: a document agreed with its traits."""
    patient.refresh_from_db()
    return with_piece(patient, operateur)


def wrong(patient, **champs):
    """Change a file behind its back, so that INSi does not confirm it."""
    Patient.objects.filter(pk=patient.pk).update(**(champs or {"nom_naissance": "AUTRENOM"}))
    patient.refresh_from_db()
    return patient


def work_lots(tours=1):
    """Do what the batch worker does: `tours` passes over the rows that wait, as if due."""
    for _ in range(tours):
        for envoi in Envoi.objects.filter(service="insi_lots", etat="a_envoyer").order_by("pk"):
            due(envoi)
            process(envoi.pk)


def due(envoi):
    """Make a row due."""
    avant: datetime = timezone.now() - timedelta(seconds=2)
    Envoi.objects.filter(pk=envoi.pk).update(pas_avant=avant)
