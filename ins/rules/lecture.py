"""What an INS read from outside is, for the files of the officine that may be its."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Trouve:
    """A file of the same traits: does it hold an INS, which is then another one?"""

    autre_ins: bool


def judge_reading(*, porte: bool, ecarts: Sequence[str], memes: Sequence[Trouve]) -> str:
    """Return meme, ecart, collision, sans_ins or inconnu.

    `porte`: a file holds this very INS, and its traits differ by `ecarts`. Else `memes` are the
    files of the same traits: one without INS may be this person's, one that holds another INS may
    not, and nothing opens. Source: ins.md §2.8 (2 to 6), §6 cases 66, 71, 72.
    """
    if porte:
        return "ecart" if ecarts else "meme"
    if any(not meme.autre_ins for meme in memes):
        return "sans_ins"
    return "collision" if memes else "inconnu"
