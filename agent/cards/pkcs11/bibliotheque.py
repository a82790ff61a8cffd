"""Where the official library stands, by system (agent.md §1.4). Pure."""

from collections.abc import Callable, Mapping
from pathlib import Path

_CHEMINS = {
    "win32": (
        r"{WINDIR}\System32\cps3_pkcs11_w64.dll",
        r"{WINDIR}\SysWOW64\cps3_pkcs11_w32.dll",
    ),
    "darwin": ("/usr/local/lib/libcps3_pkcs11_osx.dylib",),
    "linux": (
        "/opt/santesocial/CPS/lib/libcps3_pkcs11_lux.so",
        "/usr/local/galss/libcps3_pkcs11_lux.so",
        "/usr/lib/libcps3_pkcs11.so",
    ),
}


def candidates(systeme: str, env: Mapping[str, str], *, bits: int) -> list[str]:
    """Return the paths to try, in order; a 64-bit Python cannot load the 32-bit library."""
    chemins = [c.format(WINDIR=env.get("WINDIR", r"C:\Windows")) for c in _CHEMINS.get(systeme, ())]
    autre = "_w32" if bits == 64 else "_w64"
    return [c for c in chemins if autre not in c]


def find_library(
    systeme: str,
    env: Mapping[str, str],
    *,
    bits: int,
    donne: str = "",
    existe: Callable[[str], bool] = lambda chemin: Path(chemin).is_file(),
) -> str | None:
    """Return the library to load: the one configured (`cps.pkcs11_path`) or the first found.

    A configured path that is not absolute is refused: nothing is loaded from where one stands.
    """
    if donne:
        return donne if Path(donne).is_absolute() and existe(donne) else None
    return next((c for c in candidates(systeme, env, bits=bits) if existe(c)), None)
