"""A phone shown at the counter: codes of the simulator, the worker's turn, the choice on screen."""

from dataclasses import dataclass

from django.utils import timezone

from ins.models import ContexteApcv
from pharmacy.models import Patient, Vente
from teleservices.models import Envoi
from teleservices.moteur import process
from tests.ins.conftest import Simulateur
from tests.troupe import Troupe

# Published test identities and cases of the specification, known of every simulator.
ADRUN = "2751263220749"
CORSE = "1800320020401"


@dataclass
class Appli:
    """A sale of the officine, and the service behind the phone."""

    troupe: Troupe
    vente: Vente
    vitale: Simulateur
    foyers: int = 0

    def foyer(self, *matricules, **faits):
        """Make a household of the population: the insured person first; return its name."""
        self.foyers += 1
        nom = f"essai-{self.foyers}"
        corps = {"foyer": nom, "matricules": list(matricules), **faits}
        self.vitale.ask("/controle/foyers", corps)
        return nom

    def code(self, foyer, **faits):
        """What the phone of this household shows now."""
        return self.vitale.ask("/controle/codes", {"foyer": foyer, **faits})["texte"]

    def scan(self, texte, client=None, **corps):
        """Read a code; return (HTTP status, Suite)."""
        client = client or self.troupe.client()
        demande = {"canal": "scan", "text": texte, "vente": self.vente.pk, **corps}
        reponse = client.post("/api/scans", demande, content_type="application/json")
        return reponse.status_code, reponse.json()

    def work(self, essais=1):
        """Do what the worker does with the rows due, `essais` times."""
        for _ in range(essais):
            for envoi in Envoi.objects.filter(
                service__in=["apcv", "adri", "insi"], etat="a_envoyer"
            ).order_by("pk"):
                Envoi.objects.filter(pk=envoi.pk).update(pas_avant=timezone.now())
                process(envoi.pk)

    def read(self, foyer, **faits):
        """Show a phone of this household, and let the service answer; return the reading."""
        statut, suite = self.scan(self.code(foyer, **faits))
        assert statut == 200, suite
        self.work()
        return self.lecture()

    def lecture(self):
        """The last reading of this sale."""
        return ContexteApcv.objects.filter(vente=self.vente).order_by("-pk").first()

    def url(self):
        """The address of the dialog."""
        return f"/vente/{self.vente.pk}/apcv/{self.lecture().pk}/"

    def choose(self, numero=1, client=None, **corps):
        """Choose a person on the screen; return the answer."""
        client = client or self.troupe.client()
        return client.post(self.url(), {"numero": str(numero), **corps}, HTTP_HX_REQUEST="true")

    def take(self, foyer, numero=1, **faits):
        """Show a phone, choose a person; return the file that is in the sale."""
        self.read(foyer, **faits)
        reponse = self.choose(numero)
        assert (reponse.status_code, reponse.content) == (200, b""), reponse.content.decode()
        return self.patient()

    def patient(self):
        """Who is in the sale, read again."""
        self.vente.refresh_from_db()
        return Patient.objects.get(pk=self.vente.patient_id)

    def panneau(self, client=None):
        """The panel as the page shows it: (face, html)."""
        import re

        html = (client or self.troupe.client()).get(f"/vente/{self.vente.pk}/droits/").content
        texte = html.decode()
        return re.search(r'data-face="(\w+)"', texte).group(1), texte
