"""Files of one story: made by hand, qualified without INSi, merged."""

from datetime import date

from django.utils import timezone

from ins.models import PieceControlee
from ins.selectors import empreinte_of, traits_of
from ins.services.commun import dump_traits
from ins.services.fusion import Choix, mark_of, merge
from ins.services.retrait import statut_of
from pharmacy.models import Patient
from pharmacy.services.patient import compute_recherche

OID = "1.2.250.1.213.1.4.8"
JOUR = date(1975, 12, 31)
ZOE, LEO = "275126322074974", "160012B02077713"


def dossier(troupe, **champs):
    """A file of the officine as the table holds it: ADRUN ZOE, save what is said."""
    patient = Patient(
        **{
            "officine": troupe.officine,
            "nom_naissance": "ADRUN",
            "premier_prenom": "ZOE",
            "date_naissance": JOUR,
            "sexe": "F",
            "cree_par": troupe.operateurs["A01"],
            **champs,
        }
    )
    patient.recherche = compute_recherche(patient)
    patient.save()
    return patient


def with_ins(patient, matricule=ZOE, *, piece=False):
    """The file as INSi and, if said, a passport would leave it."""
    patient.ins_matricule, patient.ins_oid = matricule, OID
    patient.ins_empreinte = empreinte_of(matricule)
    patient.ins_obtenu_le = timezone.now()
    patient.ins_traits_version = patient.traits_version
    patient.statut = "RECUP"
    patient.save()
    return with_piece(patient) if piece else patient


def with_piece(patient, operateur=None):
    """The file, a passport that shows its traits seen."""
    PieceControlee.objects.create(
        officine_id=patient.officine_id,
        patient=patient,
        type_piece="PA",
        niveau="fort",
        traits_vus=dump_traits(traits_of(patient)),
        traits_version=patient.traits_version,
        coherente=True,
        controlee_par=operateur or patient.cree_par,
    )
    patient.statut = statut_of(patient)
    patient.save(update_fields=["statut"])
    return patient


def fuse(troupe, garde, absorbe, code="A01", **choix):
    """Merge two files as they are; both are read again."""
    for patient in (garde, absorbe):
        patient.refresh_from_db()
    voulu = Choix(**{"motif": "piece", "vues": mark_of(garde, absorbe), **choix})
    try:
        return merge(troupe.acteur(code), garde.pk, absorbe.pk, voulu)
    finally:
        for patient in (garde, absorbe):
            patient.refresh_from_db()
