"""The authenticator of the tests: the code that an operator's telephone would show."""

from django.utils import timezone

from pharmacy.isolation.contexte import officine_context
from pharmacy.models import SecondFacteur
from pharmacy.rules import totp


def code_of(troupe, operateur="A01", *, pas=0, propose=False):
    """The code of this step, or of one beside it, under the key in use or the one proposed."""
    with officine_context(troupe.officine.pk):
        facteur = SecondFacteur.objects.get(operateur=troupe.operateurs[operateur])
    cle = totp.read_key(facteur.propose if propose else facteur.secret)
    return totp.compute_code(cle, totp.step_of(timezone.now().timestamp()) + pas)
