"""An answer to « may I? »: yes, or no with one sentence and the next act."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """`phrase` says why not, `geste` what to do now; both empty when `ok`."""

    ok: bool
    phrase: str = ""
    geste: str = ""
