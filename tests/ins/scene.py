"""A sale where cards are put in the reader, and the worker does its turn."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from ins.models import AppelInsi
from ins.selectors import compare
from ins.services.acceptation import Choix, decide
from ins.services.appels import retry
from ins.services.qualification import Controle, qualify
from pharmacy.models import Patient, Vente
from pharmacy.services.patient import PorteurCarte, patient_create, patient_of_card
from pharmacy.services.vente import patient_choose
from teleservices.models import Envoi
from teleservices.moteur import process
from tests.troupe import Troupe


@dataclass
class Comptoir:
    """A sale of the officine, where a card is put in the reader."""

    troupe: Troupe
    vente: Vente

    def choose(self, porteur, code="A02"):
        """Read a card of one person; return the file."""
        acteur = self.troupe.acteur(code)
        patient = patient_of_card(acteur, porteur)
        patient_choose(acteur, self.vente.pk, patient, "vitale")
        return patient

    def controlee(self, naissance):
        """Put in the sale a file that a document backs, INSi not asked yet; then INSi answers.

        Birth date as typed; the card says that of ADRUN ZOE.
        """
        acteur = self.troupe.acteur()
        patient = patient_create(
            acteur,
            Patient(
                nom_naissance="ADRUN",
                premier_prenom="ZOE",
                sexe="F",
                date_naissance=naissance,
                nir_assure="2751263220749",
                nir_certifie="2751263220749",
                naissance_facturation="19751231",
            ),
        )
        self.check(patient, piece="CN")
        patient_choose(acteur, self.vente.pk, patient, "vitale")
        self.work()
        return patient

    def work(self, essais=1):
        """Do what the worker does with the rows due, `essais` times."""
        for _ in range(essais):
            for envoi in Envoi.objects.filter(service="insi", etat="a_envoyer").order_by("pk"):
                Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now())
                process(envoi.pk)

    def read(self, porteur):
        """Read a card and let the worker ask INSi; return the file as it is after."""
        patient = self.choose(porteur)
        self.work()
        patient.refresh_from_db()
        return patient

    def check(self, patient, reponse="conforme", piece="PA", code="A02", **autres):
        """Record a document shown for the traits as they are, in the sale."""
        if reponse == "differente":
            autres.setdefault("ecarts", ("nom_naissance",))
        controle = Controle(
            reponse, patient.traits_version, piece, vente_id=self.vente.pk, **autres
        )
        return qualify(self.troupe.acteur(code), patient.pk, controle)

    def again(self, patient):
        """Ask INSi again by the key, as the next day would; return the call."""
        self.age(patient, 90000)
        retry(self.troupe.acteur(), self.vente.pk)
        self.work()
        patient.refresh_from_db()
        return appel_of(patient)

    def age(self, patient, secondes):
        """Make the last call of a file older."""
        appel = appel_of(patient)
        avant = timezone.now() - timedelta(seconds=secondes)
        AppelInsi.objects.filter(pk=appel.pk).update(declenche_le=avant)
        Envoi.objects.filter(pk=appel.envoi_id).update(cree_le=avant)


def porteur(nir, naissance, prenom, *, usuel="", patronymique="", certifie=None):
    """A beneficiary as a card gives it."""
    try:
        jour = date(int(naissance[:4]), int(naissance[4:6]), int(naissance[6:]))
    except ValueError:
        jour = None
    numero = nir if certifie is None else certifie
    return PorteurCarte(nir, numero, naissance, 1, "0", usuel, patronymique, prenom, jour)


def appel_of(patient):
    """The last call of a file."""
    return AppelInsi.objects.filter(patient=patient).order_by("-pk").first()


def accept(acteur, appel, **autres):
    """Accept an answer whole: every trait that differs is INSi's."""
    comparaison = compare(appel, appel.patient)
    traits = dict.fromkeys(comparaison.ecarts_traits, "insi")
    return decide(acteur, appel.pk, Choix(accepter=True, traits=traits, **autres))


def refuse(acteur, appel, motif="autre_personne"):
    """Refuse an answer."""
    return decide(acteur, appel.pk, Choix(accepter=False, motif=motif))
