"""A renewal is one flight, on sessions really committed and two connections."""

import threading

import pytest
from django.db import connections, transaction

from pharmacy.isolation.contexte import officine_context
from psc.models import SessionPsc
from psc.services import jetons_services
from tests.deux_fils import committed, someone_waits
from tests.psc.fournisseur import formulaire
from tests.psc.sessions_psc import attache, vieillit

CLE = "cle-a02"


@pytest.mark.cas("psc-68")
def test_two_acts_at_once_renew_once_and_both_succeed(
    django_db_setup, django_db_blocker, fournisseur
):
    """Two connections, and a provider that answers slowly: the second waits, then reads."""
    rendus, parti, attend = [], threading.Event(), threading.Event()
    premier = fournisseur.send

    def lent(requete):
        parti.set()
        assert attend.wait(20)
        return premier(requete)

    with committed(django_db_blocker, []) as troupe:
        with transaction.atomic():
            session = attache(troupe, cle=CLE)
        try:
            vieillit(session, 110)
            fournisseur.commun._http._transport.send = lent
            acteur = troupe.acteur("A02")

            def agit():
                with officine_context(troupe.officine.pk):
                    rendus.append(jetons_services.access_token(acteur, CLE))
                connections["default"].close()

            fils = [threading.Thread(target=agit) for _ in range(2)]
            fils[0].start()
            assert parti.wait(20)
            fils[1].start()
            someone_waits()
            attend.set()
            for fil in fils:
                fil.join(30)
        finally:
            SessionPsc.objects.all().delete()
    assert len(rendus) == 2
    assert len(set(rendus)) == 1
    assert (
        len(
            [
                f
                for f in map(formulaire, fournisseur.sent("jeton"))
                if f["grant_type"] == "refresh_token"
            ]
        )
        == 1
    )
