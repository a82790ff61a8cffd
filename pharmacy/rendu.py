"""The fragments of a sale: one source for the fresh page, the event stream and the polling."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.template.loader import render_to_string

from pharmacy.acteurs import Acteur
from pharmacy.models import LigneDelivrance, Vente
from pharmacy.panels import Panneau, compteur_list, fragment_get, panneau_list, register_zone
from pharmacy.services.vente import vente_held_by

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Fragment:
    """A part of the page: the id it replaces, the version of the sale, the HTML."""

    cible: str
    version: int
    html: str

    def as_dict(self) -> dict[str, object]:
        """Return the JSON object of the browser contract."""
        return {"cible": self.cible, "version": self.version, "html": self.html}


def vente_get(acteur: Acteur, vente_id: int) -> Vente | None:
    """Return a sale of the actor's officine with what every fragment reads.

    Who holds it and where is read only when that is another poste.
    """
    return (
        Vente.objects.filter(pk=vente_id, officine_id=acteur.officine_id)
        .select_related("officine", "patient", "prescripteur")
        .first()
    )


def read_once(vente: Vente, cle: str, lire: Callable[[], T]) -> T:
    """Return what several fragments of one rendering show, read by the first of them.

    Kept on the sale that `vente_get` returned for this rendering: nothing outlives it.
    """
    lus: dict[str, T] = vente.__dict__.setdefault("_lus", {})
    if cle not in lus:
        lus[cle] = lire()
    return lus[cle]


def render_fragment(nom: str, vente: Vente, acteur: Acteur) -> Fragment | None:
    """Return one fragment; a panel that breaks shows its own failure and nothing else breaks."""
    panneau = fragment_get(nom)
    if panneau is None:
        return None
    try:
        dedans = panneau.render(vente, acteur)
    except Exception:
        logger.exception("panneau.panne nom=%s vente=%s", nom, vente.pk)
        dedans = render_to_string("pharmacy/_panneau_panne.html", {"titre": panneau.titre})
    html = render_to_string(
        "pharmacy/_fragment.html",
        {
            "cible": _cible(panneau),
            "version": vente.version,
            "dedans": dedans,
            "nom": nom,
            "titre": panneau.titre,
        },
    )
    return Fragment(_cible(panneau), vente.version, html)


def _cible(panneau: Panneau) -> str:
    est_panneau = any(p.nom == panneau.nom for p in panneau_list())
    return panneau.cible if est_panneau else f"zone-{panneau.nom}"


def lignes_de(vente: Vente) -> list[LigneDelivrance]:
    """Return the products of the sale, in order."""
    return list(vente.lignes.filter(annulee=False).select_related("ligne_prescrite").order_by("pk"))


def _render_bandeau(vente: Vente, acteur: Acteur) -> str:
    en_attente = vente.etat == Vente.Etat.EN_ATTENTE
    ici = vente.est_finie or en_attente or vente.poste_id == acteur.poste_id
    return render_to_string(
        "pharmacy/_bandeau.html",
        {
            "vente": vente,
            "patient": vente.patient,
            "acteur": acteur,
            "en_attente": en_attente,
            "ailleurs": "" if ici else vente_held_by(vente),
        },
    )


def _render_lignes(vente: Vente, acteur: Acteur) -> str:
    lignes = lignes_de(vente)
    total = sum((ligne.prix_centimes or 0) * ligne.quantite for ligne in lignes)
    return render_to_string(
        "pharmacy/_lignes.html",
        {
            "vente": vente,
            "lignes": lignes,
            "total": total,
            "boites": sum(ligne.quantite for ligne in lignes),
            "prescriptions": [source(vente) for source in _sources_prescrites],
            "acteur": acteur,
        },
    )


def _render_entete(_vente: Vente, acteur: Acteur) -> str:
    compteurs = [
        {"nom": c.nom, "libelle": c.libelle, "url": c.url, "nombre": c.compute(acteur)}
        for c in compteur_list()
    ]
    return render_to_string("pharmacy/_compteurs.html", {"compteurs": compteurs})


_sources_prescrites: list = []  # type: ignore[type-arg]


def register_prescrites(source: object) -> None:
    """Add a source of prescribed lines to the left part of the sale (ordonnance)."""
    if source not in _sources_prescrites:
        _sources_prescrites.append(source)


register_zone(Panneau("bandeau", "Patient", 0, _render_bandeau))
register_zone(Panneau("lignes", "Vente", 0, _render_lignes))
register_zone(Panneau("entete", "En-tête", 0, _render_entete))
