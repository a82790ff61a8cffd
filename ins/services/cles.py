"""What the rotation of the keys must know of this app (pharmacy.services.cles)."""

from pharmacy.services import cles


def register_all() -> None:
    """Register where digests of a matricule are kept, and from what they are computed again."""
    for modele in ("HistoriqueIns", "IdentiteRecue"):
        cles.register_source(f"ins.{modele}", ("matricule",), cles.ins_parts)
    for modele in ("HistoriqueIns", "IdentiteRecue", "IdentiteVerifiee", "AppelInsi"):
        cles.register_empreinte(f"ins.{modele}", "empreinte")
    cles.register_porteur("ins.Fusion", "avant")
