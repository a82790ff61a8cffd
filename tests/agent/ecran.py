"""A virtual screen, and hands on its keyboard: the code is typed as a person does."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager


@contextmanager
def virtual_screen():
    """A virtual screen; the number of its display."""
    for programme in ("Xvfb", "xdotool"):
        assert shutil.which(programme), f"{programme} manque : lancez « make systeme »."
    lecture, ecriture = os.pipe()
    xvfb = subprocess.Popen(
        ["Xvfb", "-displayfd", str(ecriture), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[ecriture],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(ecriture)
    with os.fdopen(lecture) as tube:
        numero = tube.readline().strip()
    assert numero, "Xvfb does not start"
    try:
        yield f":{numero}"
    finally:
        xvfb.terminate()
        xvfb.wait(10)


class Mains:
    """The hands of a person in front of the screen."""

    def __init__(self, ecran):
        self.env = {**os.environ, "DISPLAY": ecran}

    def _xdotool(self, *args):
        return subprocess.run(
            ["xdotool", *args], env=self.env, capture_output=True, text=True, check=False
        ).stdout.split()

    def fenetres(self):
        return self._xdotool("search", "--onlyvisible", "--class", "agent-de-poste")

    def wait(self, *, ouverte):
        fin = time.monotonic() + 10
        while bool(self.fenetres()) != ouverte:
            assert time.monotonic() < fin, "the window does not " + ("open" if ouverte else "close")
            time.sleep(0.02)

    def tape(self, *touches):
        self._xdotool("key", "--delay", "60", *touches)

    def taille(self):
        lu = dict(
            ligne.split("=")
            for ligne in self._xdotool("getwindowgeometry", "--shell", self.fenetres()[0])
        )
        return {nom: int(valeur) for nom, valeur in lu.items()}
