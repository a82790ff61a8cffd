"""`agent-poste`: start the version of the agent that this workstation holds, or go back (§5.13)."""

import os
import sys
from collections.abc import Sequence

from agent import VERSION, dossiers
from agent.maj.depot import Depot
from agent.maj.manifeste import rank


def environment(args: Sequence[str], env: dict[str, str], depot: Depot) -> dict[str, str] | None:
    """Return the environment in which a newer version starts; None to run the installed one."""
    if not args or args[0] != "servir":
        return None
    version = depot.begin().version
    try:
        if rank(version) <= rank(VERSION):
            return None
    except ValueError:
        return None
    dossier = depot.path(version)
    return {**env, "PYTHONPATH": str(dossier)} if dossier.is_dir() else None


def main() -> int:
    """Run the agent of the right version with this command line."""
    depot = Depot(dossiers.default() / "maj")
    env = environment(sys.argv[1:], dict(os.environ), depot)
    if env is not None:
        os.execve(sys.executable, [sys.executable, "-m", "agent", *sys.argv[1:]], env)  # noqa: S606
    from agent.__main__ import main as serve

    return serve()
