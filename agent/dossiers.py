"""Where an installed agent keeps its key, its enrolment, its log: the user's own data folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

NOM = "agent-poste"


def default(
    env: Mapping[str, str] = os.environ, systeme: str = sys.platform, maison: Path | None = None
) -> Path:
    """Return the folder of this user, whether or not it exists."""
    chez = maison or Path.home()
    if systeme == "win32":
        return Path(env.get("LOCALAPPDATA") or chez / "AppData" / "Local") / NOM
    if systeme == "darwin":
        return chez / "Library" / "Application Support" / NOM
    return Path(env.get("XDG_DATA_HOME") or chez / ".local" / "share") / NOM
