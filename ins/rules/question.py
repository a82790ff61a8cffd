"""A question by traits, as a person sees it before it leaves and after."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Question:
    """What INSi is asked: birth name, first names in order, sex, birth date as text, place.

    `ensemble`: every first name in one call, instead of one after the other.
    """

    nom: str = field(repr=False)
    prenoms: tuple[str, ...] = field(repr=False)
    sexe: str = field(repr=False)
    naissance: str = field(repr=False)
    lieu: str = field(default="", repr=False)
    ensemble: bool = False


def said(question: Question, dernier: str) -> tuple[tuple[str, str], ...]:
    """Return what leaves, label and value, exactly as it is sent, first names in their order.

    `dernier` is the setting of the last call (« elements », « chaine », « non »). Source: ins.md
    §3.6, steps 2 to 6.
    """
    prenoms = (" " if question.ensemble else " puis ").join(question.prenoms)
    if len(question.prenoms) > 1 and not question.ensemble and dernier != "non":
        prenoms += " puis tous ensemble"
    return (
        ("Nom", question.nom),
        ("Prénoms" if len(question.prenoms) > 1 else "Prénom", prenoms),
        ("Sexe", question.sexe),
        ("Date", "/".join(reversed(question.naissance.split("-")))),
        ("Lieu", question.lieu or "non envoyé"),
    )


def dump_question(question: Question) -> bytes:
    """Return a question as it is kept with its row (the column encrypts it). Source: INS-11."""
    return json.dumps(
        {
            "nom": question.nom,
            "prenoms": list(question.prenoms),
            "sexe": question.sexe,
            "naissance": question.naissance,
            "lieu": question.lieu,
            "ensemble": question.ensemble,
        }
    ).encode()


def load_question(octets: bytes) -> Question:
    """Return a question kept by `dump_question`. Source: INS-11."""
    lu = json.loads(octets)
    return Question(**(lu | {"prenoms": tuple(lu["prenoms"])}))
