"""E0 of the specification in a sale: recorded from the example reply, as the worker does it."""

import time
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from ordonnance.codec.reponse import parse_prescription
from ordonnance.rules.transmission import ReponseEcart
from ordonnance.selectors import dossier_of
from ordonnance.services import confirmation, recuperation, validation
from pharmacy.models import Vente
from pharmacy.services.vente import Boite, ligne_add, patient_choose
from teleservices.models import AssertionActeur, Envoi
from teleservices.registre import Reponse
from teleservices.transport import Echange

EXEMPLES = Path(__file__).resolve().parents[2] / "docs/contrats/exemples-epu"
NUMERO = "01K7M4QX9TRB2VWZ3H"
GLUCOPHAGE, LEVOTHYROX = "3400935601711", "3400930065785"
GENERIQUE_METFORMINE = "3400930118801"


def exemple(nom):
    return (EXEMPLES / f"{nom}.xml").read_bytes()


def echange(reponse):
    return Echange("m", b"<q/>", reponse, 200, 12, time.time())


def recuperer(troupe, vente, *, modifie=None, code="A02"):
    """Fetch E0 and settle it; `modifie` edits the text of the reply."""
    numerique = recuperation.fetch(troupe.acteur(code), vente.pk, NUMERO, "SCAN")
    recevoir(numerique, "ordonnance.consulter", modifie=modifie)
    return numerique


def recevoir(numerique, operation, *, modifie=None):
    """Settle E0 for the last row of `operation`, as the worker does."""
    texte = exemple("02-consulter-reponse").decode()
    for avant, apres in modifie or ():
        assert avant in texte, avant
        texte = texte.replace(avant, apres)
    octets = texte.encode()
    envoi = Envoi.objects.filter(operation=operation, sujet=f"on:{numerique.pk}").latest("pk")
    with transaction.atomic():
        recuperation.record(envoi, Reponse(parse_prescription(octets), echange(octets)))
    numerique.refresh_from_db()


def confirmer(troupe, vente, code="A02", **options):
    """E0 confirmed for the patient of the story, first délivrance."""
    if vente.patient_id is None:
        patient_choose(troupe.acteur(code), vente.pk, troupe.patient(), "recherche")
    numerique = recuperer(troupe, vente, code=code, **options)
    confirmation.confirm(troupe.acteur(code), numerique.pk, patient_verifie=True, conforme=True)
    confirmation.choose_renewal(troupe.acteur(code), numerique.pk, 0)
    numerique.refresh_from_db()
    return numerique


def signer(troupe, code="A02", poste=0):
    """The assertion of an operator, as their card left it for an hour."""
    return AssertionActeur.objects.create(
        officine=troupe.officine,
        operateur=troupe.operateurs[code],
        poste=troupe.postes[poste],
        service="epu",
        assertion=b"<a/>",
        certificat_sha256="0" * 64,
        id_nat="810100000040",
        expire_le=timezone.now() + timedelta(hours=1),
    )


def servir(troupe, vente, cip13, quantite=1, **champs):
    return ligne_add(troupe.acteur(), vente.pk, Boite(cip13=cip13, quantite=quantite, **champs))


def refuser_le_reste(troupe, numerique, vente, code="A02"):
    """Answer that the patient did not want the lines that nothing serves."""
    dossier = dossier_of(numerique, Vente.objects.get(pk=vente.pk))
    reponses = {e.cle: ReponseEcart("REFUS_PATIENT") for e in dossier.ecarts if e.code == "L01"}
    validation.save_answers(troupe.acteur(code), numerique.pk, reponses)
