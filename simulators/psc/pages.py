"""Pages that a person sees: whom to sign in as, errors, end of session. Without any script."""

from collections.abc import Iterable
from html import escape
from itertools import groupby

from simulators.commun.types import Reponse
from simulators.psc.oauth import SANS_CACHE
from simulators.psc.personnes import Personne

MOYENS = {"CARD": "Carte CPS", "MOBILE": "e-CPS (téléphone)"}
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; font: 17px/1.45 system-ui, sans-serif; color: #1b2433; background: #eef1f6; }
.fictif { margin: 0; padding: 10px 20px; background: #a8121f; color: #fff; font-weight: bold; }
main { max-width: 880px; margin: 0 auto; padding: 20px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 22px 0 6px; }
ul { list-style: none; margin: 0; padding: 0; background: #fff; border: 1px solid #b9c2d0; }
li { display: grid; grid-template-columns: 1fr auto; gap: 12px; align-items: center;
  padding: 8px 12px; border-top: 1px solid #dde3ec; }
li:first-child { border-top: 0; }
small { display: block; color: #48556a; font-size: 14px; }
.moyens { display: flex; gap: 8px; }
button { font: inherit; padding: 9px 14px; border: 2px solid #1d3f8f; border-radius: 4px;
  background: #1d3f8f; color: #fff; cursor: pointer; }
button.second { background: #fff; color: #1d3f8f; }
button:focus-visible, input:focus-visible { outline: 3px solid #e07a00; outline-offset: 2px; }
.geste { display: flex; gap: 18px; align-items: center; margin: 16px 0; flex-wrap: wrap; }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_ENTETES = (
    *SANS_CACHE,
    ("Content-Security-Policy", _CSP),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
HTML = "text/html; charset=utf-8"


def _page(titre: str, corps: str) -> bytes:
    return (
        f'<!doctype html>\n<html lang="fr"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(titre)}</title><style>{_STYLE}</style></head><body>"
        f'<p class="fictif" role="note">▲ Simulateur : identités fictives. '
        f"Ceci n'est pas Pro Santé Connect.</p>"
        f"<main><h1>{escape(titre)}</h1>{corps}</main></body></html>"
    ).encode()


def _hidden(champs: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(nom)}" value="{escape(valeur)}">'
        for nom, valeur in champs.items()
    )


def _line(personne: Personne) -> str:
    boutons = "".join(
        f'<button name="choix" value="{escape(personne.cle)} {moyen}"'
        f' aria-label="{escape(personne.nom)}, {MOYENS[moyen]}">{MOYENS[moyen]}</button>'
        for moyen in personne.moyens
    )
    return (
        f"<li><div><strong>{escape(personne.nom)}</strong>"
        f"<small>{escape(personne.identifiant)} · {escape(personne.pourquoi)}</small></div>"
        f'<div class="moyens">{boutons}</div></li>'
    )


def choice(
    adresse: str, demande: str, service: str, gens: Iterable[Personne], entetes: tuple[str, ...]
) -> Reponse:
    """Ask who signs in, and how; `entetes` are cookies to set."""
    groupes = "".join(
        f"<h2>{escape(groupe)}</h2><ul>{''.join(map(_line, dedans))}</ul>"
        for groupe, dedans in groupby(gens, key=lambda p: p.groupe)
    )
    corps = (
        f"<p>Le service « {escape(service)} » demande qui vous êtes.</p>"
        f'<form method="post" action="{escape(adresse)}">{_hidden({"demande": demande})}'
        f'<div class="geste"><label><input type="checkbox" name="garder" value="oui" checked>'
        f" Garder ma session dans ce navigateur</label>"
        f'<button class="second" name="annuler" value="oui">Annuler</button></div>'
        f"{groupes}</form>"
    )
    return _reply(200, "Qui s'identifie ?", corps, "page", entetes)


def error(raison: str, texte: str, statut: int = 400) -> Reponse:
    """Say what went wrong to the person: nothing goes back to the service."""
    corps = f"<p>{escape(texte)}</p><p>Revenez au logiciel et recommencez.</p>"
    return _reply(statut, "Connexion impossible", f"{corps}<small>{escape(raison)}</small>", raison)


def confirm_logout(adresse: str, champs: dict[str, str], nom: str) -> Reponse:
    """Ask before ending a session that no hint names."""
    corps = (
        f"<p>Fermer la session Pro Santé Connect de {escape(nom)} ?</p>"
        f'<form method="post" action="{escape(adresse)}">{_hidden(champs)}'
        f'<button name="confirmer" value="oui">Se déconnecter</button></form>'
    )
    return _reply(200, "Se déconnecter", corps, "confirmation")


def logged_out(cookies: tuple[str, ...] = ()) -> Reponse:
    """Say that no session is left."""
    corps = "<p>Vous pouvez fermer cette fenêtre.</p>"
    return _reply(200, "Vous êtes déconnecté", corps, "deconnecte", cookies)


def _reply(
    statut: int, titre: str, corps: str, resultat: str, cookies: tuple[str, ...] = ()
) -> Reponse:
    entetes = (*_ENTETES, *(("Set-Cookie", c) for c in cookies))
    return Reponse(statut, _page(titre, corps), resultat, type_contenu=HTML, entetes=entetes)
