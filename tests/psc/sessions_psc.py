"""People just authenticated, as the service would give them, for the life of a session."""

import time
from datetime import timedelta

from psc.coffre import seal, unseal
from psc.echanges import Authentifie, Jetons
from psc.jetons import JetonIdentite
from psc.models import SessionPsc
from psc.services import sessions
from tests.psc.personnes import identite

NATIONAL = "899700123459"


def authentifie(national=NATIONAL, sid="s1", nom="a", authentifie_le=None, recu_le=None):
    """Somebody whom every check accepted; `nom` tells their tokens apart."""
    maintenant = time.time()
    qui = identite(national)
    jetons = Jetons(
        f"acces-{nom}",
        f"renouvellement-{nom}",
        f"identite-{nom}",
        120,
        1800,
        maintenant if recu_le is None else recu_le,
        "etat",
    )
    preuve = JetonIdentite(
        qui.sub, "eidas1", maintenant if authentifie_le is None else authentifie_le, sid, national
    )
    return Authentifie(jetons, preuve, qui)


def attache(troupe, code="A02", poste=0, cle="cle-a02", voie=SessionPsc.Voie.CODE, **champs):
    """A session of this operator on this poste, in the local session `cle`."""
    return sessions.attach(
        troupe.operateurs[code], troupe.postes[poste], cle, authentifie(**champs), voie, None
    )


def vieillit(session, secondes):
    """The tokens were received that long ago; the deadlines moved with them."""
    jetons = unseal(session.pk, bytes(session.jetons))
    vieux = Jetons(**{**vars(jetons), "recu_le": jetons.recu_le - secondes})
    recul = timedelta(seconds=secondes)
    SessionPsc.objects.filter(pk=session.pk).update(
        jetons=seal(session.pk, vieux),
        echeance_inactivite=session.echeance_inactivite - recul,
        authentifie_le=session.authentifie_le - recul,
        echeance_fin=session.echeance_fin - recul,
        derniere_activite=session.derniere_activite - recul,
    )
    session.refresh_from_db()
