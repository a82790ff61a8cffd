"""What to say to the patient about each national service, in two sentences, printable (CTR-15)."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from pharmacy.http import http_methods, render_dialogue


@dataclass(frozen=True)
class Sujet:
    """A service and its two sentences, as one says them at the counter."""

    titre: str
    phrases: tuple[str, str]


SUJETS = (
    Sujet(
        "Identité nationale de santé (INS)",
        (
            "Votre INS, c'est le même nom et le même matricule chez tous les professionnels de "
            "santé.",
            "Nous regardons une pièce d'identité une seule fois, pour que vos documents ne se "
            "mélangent jamais à ceux d'une autre personne.",
        ),
    ),
    Sujet(
        "Dossier médical, dans Mon espace santé (DMP)",
        (
            "Votre dossier médical réunit vos documents de santé, et nous pouvons y ajouter ce que "
            "nous faisons pour vous.",
            "Dans Mon espace santé, vous voyez qui l'a consulté, et vous pouvez masquer un "
            "document ou vous opposer à un accès.",
        ),
    ),
    Sujet(
        "Ordonnance Numérique",
        (
            "Le QR code de votre ordonnance nous donne la prescription telle que le médecin l'a "
            "écrite, sans recopie et sans falsification possible.",
            "Gardez le papier : il reste valable dans toutes les pharmacies, même si un "
            "renouvellement reste à délivrer.",
        ),
    ),
    Sujet(
        "Messagerie de Mon espace santé (MSSanté)",
        (
            "Pour nous écrire ou nous envoyer un document de santé, préférez la messagerie de Mon "
            "espace santé à un courriel ordinaire.",
            "Vos messages y sont protégés : seuls vous et le professionnel à qui vous écrivez les "
            "lisez.",
        ),
    ),
)


@http_methods(read=("GET",), droit="session")
def que_dire(request: HttpRequest) -> HttpResponse:
    """Return the sentences: a dialog of the sale, or a page to print."""
    return render_dialogue(request, "pharmacy/_que_dire.html", {"sujets": SUJETS})
