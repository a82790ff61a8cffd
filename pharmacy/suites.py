"""What the page does next after a scan, a reading or a signature."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Suite:
    """One line for the status bar, and at most one act of the page; `focus` names the next key.

    `signer` is a service that waits for the card, `lire` an operation that the agent must play.
    """

    phrase: str
    ton: str = "info"
    charger: list[dict[str, str]] = field(default_factory=list)
    dialogue: str | None = None
    aller: str | None = None
    signer: str | None = None
    lire: str | None = None
    code: str = ""
    focus: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of the browser contract."""
        return {
            "phrase": self.phrase,
            "ton": self.ton,
            "charger": self.charger,
            "dialogue": self.dialogue,
            "aller": self.aller,
            "signer": self.signer,
            "lire": self.lire,
            "code": self.code,
            "focus": self.focus,
        }
