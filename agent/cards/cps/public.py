"""The public object of a CPS (agent.md §1.6, §7.2), from its certificates, whatever read them."""

import base64
from collections.abc import Callable
from typing import Any

from agent.cards.cps import certificat, situations
from agent.protocol.messages import ErreurAgent


def build_public(
    ders: dict[str, bytes], serie: str, generation: str, info_ps: Callable[[], bytes | None]
) -> dict[str, Any]:
    """Return identity and certificates of the pairs `auth` and `sig`. Raises E_CPS_CERT.

    `info_ps` reads CPS_INFO_PS: it names the specialité when the certificate does not.
    """
    try:
        identite = certificat.identify(ders["auth"])
        certificat.load(ders["sig"])
    except situations.ContenuFaux as exc:
        raise ErreurAgent("E_CPS_CERT") from exc
    if not identite["specialites"]:
        code = situations.read_specialite(info_ps() or b"")
        identite["specialites"] = [code] if code else []
    return {
        **identite,
        "serie": serie,
        "generation": generation,
        **{f"certificat_{cle}_b64": base64.b64encode(d).decode() for cle, d in ders.items()},
    }
