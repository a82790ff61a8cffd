"""A counter before the simulated service, on real sockets: one browser, and who works there."""

import html
import re
from contextlib import contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from pharmacy.models import Audit, Officine, Operateur
from psc.models import DocumentPsc, RattachementPsc, SessionPsc, TentativePsc
from psc.services import acces
from tests.simulators.client_psc import FIN, RETOUR, Navigateur, target

SECRET = "secret : de / test +"
CLIENT = "par-secret"
RPPS = {
    "alice": "99700900014",
    "bruno": "99700900022",
    "chloe": "99700900030",
    "david": "99700900048",
    "elise": "99700900055",
    "farid": "99700900063",
    "gaelle": "99700900071",
}
NOMS = {
    "alice": ("ALICE", "TITULAIRE"),
    "bruno": ("BRUNO", "ADJOINT"),
    "chloe": ("CHLOE", "PREPARATRICE"),
}
MOTS_DE_PASSE = {"A01": "halle-titulaire", "A02": "halle-adjointe", "B01": "halle-preparateur"}


@contextmanager
def connected(psc, tls, reglages):
    """Set this installation on the simulator, gone back to its start; one client for all."""
    psc.post("/oublier")
    declares = {"retours": [RETOUR], "apres_deconnexion": [FIN]}
    psc.post("/clients", client_id=CLIENT, secret=SECRET, ciba=True, **declares)
    adresses = psc.get("/adresses")
    reglages.PSC_ACTIF = True
    reglages.PSC_EMETTEUR = adresses["decouverte"].split("/.well-known/")[0]
    reglages.PSC_HOTES = [urlsplit(a).netloc for a in adresses.values() if "://" in str(a)]
    reglages.PSC_CLIENT_ID, reglages.PSC_CLIENT_SECRET = CLIENT, SECRET
    reglages.PSC_REDIRECTION, reglages.PSC_APRES_DECONNEXION = RETOUR, FIN
    reglages.TLS_AC = str(tls / "ac-serveurs.pem")
    reglages.PSC_CERTIFICAT = reglages.PSC_CLE = ""
    navigateur = Navigateur(tls)
    yield navigateur
    navigateur.close()
    hang_up()
    acces._transport.cache_clear()


def hang_up():
    """Close the connections of this thread to the service."""
    acces._transport(settings.TLS_AC, "", "").close()


class Guichet:
    """The poste of a troupe, its browser, and the window in which the person answers."""

    def __init__(self, troupe, psc, navigateur):
        self.troupe = troupe
        self.psc = psc
        self.navigateur = navigateur
        self.client: Client = troupe.navigateur()

    # People.

    def works(self, code="A01", poste=0):
        """Somebody is signed in, by their code."""
        self.client = self.troupe.client(code, poste)

    def attach(self, code, qui, *, prouve=True, national=""):
        """An operator has the identity of a persona."""
        operateur = self.troupe.operateurs[code]
        rpps = "" if national else RPPS[qui]
        Operateur.objects.filter(pk=operateur.pk).update(rpps=rpps)
        from django.utils import timezone

        return RattachementPsc.objects.create(
            officine=self.troupe.officine,
            operateur=operateur,
            declare_par=operateur,
            environnement="simulateur",
            rpps=rpps,
            national=national,
            etat="prouve" if prouve else "declare",
            prouve_le=timezone.now() if prouve else None,
        )

    def named(self, code, prenom, nom):
        """An operator has this name."""
        operateur = self.troupe.operateurs[code]
        Operateur.objects.filter(pk=operateur.pk).update(prenom=prenom, nom=nom)

    def located(self, finess="0B0330011"):
        """The officine is that of the personas."""
        Officine.objects.filter(pk=self.troupe.officine.pk).update(finess=finess)

    # The way.

    def leave(self, suite="", **entetes):
        """Click on the button; return the answer that sends the window to Pro Santé Connect."""
        return self.client.get("/psc/", {"suite": suite} if suite else {}, **entetes)

    def choose(self, adresse, qui="alice CARD"):
        """Answer in the window as this persona; return the address of the way back."""
        page = self.navigateur.open(adresse)
        if page.status_code == 303:  # a session that is already open over there
            return target(page)
        return target(self.navigateur.choose(page, qui))

    def back(self, adresse, client=None):
        """Bring the window back to us."""
        morceaux = urlsplit(adresse)
        return (client or self.client).get(f"{morceaux.path}?{morceaux.query}")

    def arrive(self, qui="alice CARD", suite=""):
        """The whole way; return the page that says what became of it."""
        depart = self.leave(suite)
        assert depart.status_code == 302, depart.content.decode()
        retour = self.back(self.choose(depart["Location"], qui))
        assert retour.status_code == 303, retour.content.decode()
        return self.client.get(retour["Location"])

    def answer(self, geste, **champs):
        """Answer the question that the last attempt asks; return the page that follows."""
        reponse = self.client.post(f"/psc/confirm/{self.attempt().pk}", {"geste": geste, **champs})
        return self.client.get(reponse["Location"]) if reponse.status_code == 303 else reponse

    def poll(self, depuis="0", **requete):
        """What the page of the counter asks each second."""
        return self.client.get(
            "/psc/tentative/", {"depuis": depuis, **requete}, HTTP_HX_REQUEST="true"
        )

    # What is seen.

    def attempt(self):
        return TentativePsc.objects.order_by("-cree_le").first()

    def who(self):
        """The operator signed in, by code; empty for nobody."""
        pk = self.client.session.get("_auth_user_id")
        return Operateur.objects.get(pk=pk).code if pk else ""

    def sessions(self):
        return list(SessionPsc.objects.exclude(etat="terminee").select_related("operateur"))

    def acts(self):
        """What the journal says of Pro Santé Connect: (act, result, precision)."""
        lignes = Audit.objects.filter(acte__startswith="psc.").order_by("pk")
        return [(ligne.acte, ligne.resultat, ligne.precision) for ligne in lignes]

    def calls(self, operation):
        """What the service's journal says it received."""
        return [e for e in self.psc.journal() if e["operation"] == operation]

    def cookie(self):
        return self.client.cookies[settings.SESSION_COOKIE_NAME].value


def text(reponse):
    """What a person reads on a page."""
    sans = re.sub(r"(?s)<(head|script).*?</\1>", " ", reponse.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", sans)).split())


def forget_documents():
    """Nothing was ever read of the service."""
    DocumentPsc.objects.all().delete()
