"""What a request of a tab leaves for the code below it: who asked, and how to speak to that tab.

A driver knows neither tabs nor sockets; it says « code demandé » and « signature 2/5 » here, and
only the tab whose operation it is hears it (agent.md §5.7, `cps.prompt` and `op.progress`).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Operation:
    """The request being served. `origine` is the page's, shown in the window of the code."""

    ident: str
    origine: str
    dire: Callable[[str, dict[str, Any]], None] = field(repr=False)


_en_cours: ContextVar[Operation | None] = ContextVar("operation", default=None)


def begin(operation: Operation) -> None:
    """Attach an operation to the task that serves it."""
    _en_cours.set(operation)


def current() -> Operation | None:
    """Return the operation of this task; None outside a request."""
    return _en_cours.get()


def progress(step: str, percent: int) -> None:
    """Tell the operation's tab how far it is."""
    operation = _en_cours.get()
    if operation is not None:
        operation.dire("op.progress", {"id": operation.ident, "step": step, "percent": percent})


def prompt(*, ouverte: bool, purpose: str) -> None:
    """Tell the operation's tab that the window of the code opens or closes."""
    operation = _en_cours.get()
    if operation is not None:
        operation.dire("cps.prompt", {"open": ouverte, "purpose": purpose, "op": operation.ident})
