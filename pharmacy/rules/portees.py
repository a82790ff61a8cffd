"""What an integration key may read: its scopes, in the words of the titulaire (SEC-15)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Portee:
    """One scope: `contient` says what leaves the officine, `personnes` whether anyone is in it."""

    libelle: str
    contient: str
    personnes: bool = False


PORTEES: dict[str, Portee] = {
    "services": Portee(
        "État des services",
        "Chaque service national : disponible ou non, dernier succès, dernier échec, envois en "
        "attente. Aucun patient.",
    ),
    "file": Portee(
        "File d'envoi",
        "Chaque envoi : service, opération, état, âge, code du dernier échec. Ni patient, ni "
        "prescripteur, ni contenu.",
    ),
    "postes": Portee(
        "Postes", "Chaque poste : nom, agent associé ou non, version, dernier signe de vie."
    ),
    "parametres": Portee("Réglages", "Les réglages de l'officine et leur valeur en vigueur."),
    "indicateurs": Portee(
        "Indicateurs", "Des nombres seulement : identités par statut, ventes du jour par état."
    ),
    "ventes": Portee(
        "Ventes",
        "Chaque vente : dates, état, produits délivrés, quantités, prix. Sans le patient, sauf si "
        "« Patients » est aussi coché.",
        personnes=True,
    ),
    "patients": Portee(
        "Patients",
        "Un dossier désigné par son numéro : noms, prénoms, naissance, sexe, statut de l'identité. "
        "Ni matricule INS, ni numéro de sécurité sociale.",
        personnes=True,
    ),
}


def portees_read(choix: list[str]) -> list[str]:
    """Return the known scopes among `choix`, each once, in the page's order. Source: SEC-15."""
    return [code for code in PORTEES if code in choix]
