"""What to do with an INSi answer: take it, ask, or refuse to mix two people."""

from dataclasses import dataclass

from ins.rules.traits import TraitsStricts, diff


@dataclass(frozen=True)
class Verdict:
    """`suite` is accepter, demander or alerter; `ecarts` the traits that differ."""

    suite: str
    ecarts: tuple[str, ...] = ()


def judge(
    local: TraitsStricts,
    recu: TraitsStricts,
    matricule_local: str,
    matricule_recu: str,
    anciens: tuple[str, ...],
) -> Verdict:
    """Compare an answer with the file.

    Equal once folded (a blank is not a difference): taken at once, INSi's traits replacing the
    local ones. Different: a person decides, side by side. Another matricule that INSi does not
    list as former: two people, blocked. Source: ins.md §3.6 step 8, §2.5 T24 and T25.
    """
    ecarts = diff(local, recu)
    if matricule_local and matricule_local != matricule_recu:
        suite = "demander" if matricule_local in anciens else "alerter"
        return Verdict(suite, ("matricule", *ecarts))
    return Verdict("demander" if ecarts else "accepter", ecarts)
