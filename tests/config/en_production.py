"""A browser on the product as it is in production: `python -m tests.config.en_production`.

The settings are those of `COMPTOIR_ENVIRONNEMENT=production`, read by the module itself in a
process of its own. Everything is undone at the end; what was answered is printed as JSON.
"""

import json
import re
import sys

import django

django.setup()

from django.conf import settings  # noqa: E402 - once Django is ready
from django.contrib.sessions.models import Session  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402

from pharmacy.demonstration.donnees import HALLE  # noqa: E402
from pharmacy.isolation.middleware import COOKIE_POSTE  # noqa: E402
from pharmacy.views.session import make_poste  # noqa: E402
from tests.troupe import officine_of  # noqa: E402

PASSE = {"code": "A02", "mot_de_passe": "halle-adjointe"}


def browser(**autres):
    return Client(enforce_csrf_checks=True, **{"HTTP_HOST": settings.HOTE_AUTORISE} | autres)


def token_of(page):
    return re.search(r'<meta name="csrf" content="([^"]+)"', page.content.decode())[1]


class Recit:
    """What was answered, by the name of its step."""

    def __init__(self):
        self.dit = {
            "environnement": settings.ENVIRONNEMENT,
            "debug": settings.DEBUG,
            "duree_s": settings.SESSION_COOKIE_AGE,
            "poste_automatique": settings.POSTE_AUTOMATIQUE,
        }

    def keep(self, nom, reponse):
        self.dit[nom] = {
            "statut": reponse.status_code,
            "entetes": {n.lower(): v for n, v in reponse.headers.items()},
            "cookies": [c.OutputString() for c in reponse.cookies.values()],
            "temoins": {n: c.value for n, c in reponse.cookies.items()},
        }
        return reponse

    def sign_in_and_out(self, poste):
        """A browser of the poste: without its token, from elsewhere, then in earnest."""
        reponse = HttpResponse()
        make_poste(reponse, poste)
        self.keep("poste", reponse)
        client = browser(HTTP_ORIGIN=settings.ADRESSE)
        client.cookies[COOKIE_POSTE] = reponse.cookies[COOKIE_POSTE].value
        saisie = PASSE | {
            "csrfmiddlewaretoken": token_of(
                self.keep("page", client.get("/connexion/", secure=True))
            )
        }
        self.keep("sans_jeton", client.post("/connexion/", PASSE, secure=True))
        intrus = browser(HTTP_ORIGIN="https://exemple.test")
        self.keep("d_ailleurs", intrus.post("/connexion/", saisie))
        self.keep("connexion", client.post("/connexion/", saisie, secure=True))
        cle = client.cookies[settings.SESSION_COOKIE_NAME].value
        jeton = token_of(self.keep("dedans", client.get("/donnees/", secure=True)))
        sortie = {"csrfmiddlewaretoken": jeton}
        self.keep("sortie", client.post("/deconnexion/", sortie, secure=True))
        self.dit["session_restante"] = Session.objects.filter(session_key=cle).exists()
        client.cookies[settings.SESSION_COOKIE_NAME] = cle
        self.keep("apres", client.get("/donnees/", secure=True))

    def knock(self):
        """What answers to nobody."""
        self.keep("autre_nom", browser(HTTP_HOST="exemple.test").get("/connexion/"))
        self.keep("localhost", browser(HTTP_HOST="localhost:8000").get("/connexion/"))
        self.keep("sonde", browser(HTTP_HOST="localhost:8000").get("/sante"))
        self.keep("statique", browser().get("/static/js/comptoir.js"))
        self.keep("absente", browser().get("/n-existe-pas/"))
        self.keep("vitrine", browser().get("/dev/composants"))


def main():
    recit = Recit()
    with transaction.atomic(), officine_of(HALLE) as troupe:
        recit.sign_in_and_out(troupe.postes[0])
        transaction.set_rollback(True)
    recit.knock()
    sys.stdout.write(json.dumps(recit.dit) + "\n")


if __name__ == "__main__":
    main()
