"""What Pro Santé Connect and its checks say -> our class, the counter's sentence, next step.

A code never holds what was received. The way out is always the same: the operator's own code opens
the session and keeps the sale, with or without Pro Santé Connect (psc.md §3.1).
"""

from dataclasses import dataclass

from teleservices.errors import (
    InvalidReply,
    NotReady,
    OutcomeUnknown,
    Rejected,
    TeleserviceError,
    Unavailable,
)

_CODE = "Utilisez votre code et votre mot de passe."
_REESSAYER = "Réessayez, ou utilisez votre code et votre mot de passe."
_TITULAIRE = "Prévenez le titulaire."
_REFUSEE = "La réponse de Pro Santé Connect n'est pas conforme : elle est refusée."
_INDISPONIBLE = "Pro Santé Connect est indisponible."
_RETOUR = "Ce retour de Pro Santé Connect n'est pas valable."
_REGLAGE = "Pro Santé Connect ne reconnaît pas ce logiciel."
_CONNECTER = "Connectez-vous à Pro Santé Connect."
_RECONNECTER = "Reconnectez-vous à Pro Santé Connect."


@dataclass(frozen=True)
class Ligne:
    """One row: class, sentence, next step."""

    classe: type[TeleserviceError]
    message: str
    geste: str


def _refusee(geste: str = _REESSAYER) -> Ligne:
    return Ligne(InvalidReply, _REFUSEE, geste)


CODES: dict[str, Ligne] = {
    # The service itself.
    "psc_indisponible": Ligne(Unavailable, _INDISPONIBLE, _CODE),
    "psc_sans_reponse": Ligne(OutcomeUnknown, "Pro Santé Connect n'a pas répondu.", _REESSAYER),
    "psc_illisible": _refusee(),
    "psc_redirection": _refusee(),
    "psc_document": _refusee(_CODE),
    "psc_non_regle": Ligne(NotReady, "Pro Santé Connect n'est pas réglé.", _TITULAIRE),
    # A proxy e-santé (psc.md §1.9, §3.11).
    "proxy_sans_navigateur": Ligne(
        NotReady, "Le proxy e-santé n'ouvre pas de fenêtre.", "Validez sur votre téléphone."
    ),
    "proxy_garde_jetons": Ligne(
        NotReady, "Les jetons restent au proxy e-santé.", "Envoyez par lui."
    ),
    # What the token endpoint says (RFC 6749 §5.2).
    "client_refuse": Ligne(NotReady, _REGLAGE, _TITULAIRE),
    "demande_refusee": Ligne(Rejected, "Pro Santé Connect a refusé la demande.", _REESSAYER),
    "session_terminee": Ligne(Rejected, "La session Pro Santé Connect est terminée.", _RECONNECTER),
    # Before an act (psc.md §3.2, §5.5).
    "session_absente": Ligne(NotReady, "Cet acte demande Pro Santé Connect.", _CONNECTER),
    "session_a_reconfirmer": Ligne(
        NotReady, "Votre connexion Pro Santé Connect est à reconfirmer.", _RECONNECTER
    ),
    "session_finit": Ligne(
        NotReady,
        "Votre connexion Pro Santé Connect se termine avant la fin de cet acte.",
        "Reconnectez-vous avant de commencer.",
    ),
    "cible_inconnue": Ligne(NotReady, "Ce service connecté n'est pas réglé.", _TITULAIRE),
    "jeton_perime": Ligne(Rejected, "La connexion Pro Santé Connect a expiré.", _RECONNECTER),
    # The way back (psc.md §5.1).
    "retour_double": Ligne(Rejected, _RETOUR, _REESSAYER),
    "retour_illisible": Ligne(Rejected, _RETOUR, _REESSAYER),
    "retour_emetteur": Ligne(Rejected, _RETOUR, _REESSAYER),
    "retour_annule": Ligne(Rejected, "Connexion annulée.", _REESSAYER),
    "retour_recommencer": Ligne(Rejected, "La connexion n'a pas abouti.", _REESSAYER),
    "retour_refuse": Ligne(Rejected, "Pro Santé Connect a refusé la connexion.", _REESSAYER),
    # Tokens (psc.md §5.2, §5.6).
    "jeton_absent": _refusee(),
    "jeton_illisible": _refusee(),
    "jeton_algorithme": _refusee(),
    "jeton_cle": _refusee(),
    "jeton_signature": _refusee(),
    "jeton_genre": _refusee(),
    "jeton_emetteur": _refusee(),
    "jeton_audience": _refusee(),
    "jeton_expire": _refusee(),
    "jeton_date": _refusee(),
    "jeton_nonce": _refusee(),
    "jeton_sujet": _refusee(),
    "jeton_acr": _refusee(),
    "jeton_acces": _refusee(),
    "jeton_evenement": _refusee(),
    "jeton_rejoue": _refusee(),
    "jeton_authentification": Ligne(
        InvalidReply,
        "Pro Santé Connect a repris une connexion déjà ouverte dans ce navigateur.",
        "Fermez le navigateur, puis recommencez.",
    ),
    "horloge": Ligne(
        InvalidReply,
        "L'horloge de notre serveur n'est pas à l'heure : Pro Santé Connect ne peut pas servir.",
        "Prévenez le titulaire. Utilisez votre code et votre mot de passe.",
    ),
    # UserInfo (psc.md §2.2, §5.1 point 11).
    "userinfo_illisible": _refusee(),
    "userinfo_sujet": _refusee(),
    "userinfo_identifiant": _refusee(),
    # The telephone (psc.md §1.8).
    "ciba_inconnu": Ligne(
        Rejected,
        "e-CPS non activée, ou RPPS inconnu.",
        "Activez l'e-CPS, ou connectez-vous par la carte CPS.",
    ),
    "ciba_coupe": Ligne(
        NotReady, "La validation sur le téléphone n'est pas ouverte à ce logiciel.", _TITULAIRE
    ),
    "ciba_refuse": Ligne(Rejected, "Demande refusée sur le téléphone.", _REESSAYER),
    "ciba_expire": Ligne(Rejected, "Personne n'a répondu sur le téléphone.", _REESSAYER),
    "ciba_perdu": Ligne(Rejected, "Cette demande n'est plus valable.", _REESSAYER),
    "ciba_autre_personne": Ligne(
        Rejected,
        "Une autre personne a répondu sur le téléphone : la connexion est refusée.",
        _TITULAIRE,
    ),
}


def error_of(code: str) -> TeleserviceError:
    """Return the error of a code of the table, ready to be raised; KeyError when unknown."""
    ligne = CODES[code]
    return ligne.classe(code, f"{ligne.message} {ligne.geste}")
