"""The place of the official reading API of GIE SESAM-Vitale (agent.md §2.4): not delivered.

Its functions are under contract and none is guessed here. A workstation that names it hears that
the component is missing; the table of functions will come in a file of its own.
"""

from typing import Any

from agent.cards.base import Canal
from agent.protocol.messages import ErreurAgent


def read_vitale(_canal: Canal) -> dict[str, Any]:
    """Say that the official component is absent. Raises ErreurAgent `E_VITALE_API_MISSING`."""
    raise ErreurAgent("E_VITALE_API_MISSING")
