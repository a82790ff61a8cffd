"""Faults of a card file (agent.md §7.4): each once, in order, unless `repeat`.

`n` counts the commands that match since the fault was armed (1 is the next one).
"""

from typing import Any

FAIRE = {
    "apdu": {"pull", "sw", "truncate", "garbage", "delay", "hang", "drop"},
    "power": {"mute", "sw"},
    "swap": {""},
}


class _Armee:
    def __init__(self, dit: dict[str, Any]) -> None:
        self.dit = dit
        self.vues = 0
        self.n = int(dit.get("n", 1))
        self.match = bytes.fromhex(str(dit.get("match", "")))

    def sees(self, apdu: bytes) -> bool:
        """Count this command when it matches; tell whether it is the one."""
        if not apdu.startswith(self.match):
            return False
        self.vues += 1
        return self.vues == self.n


class Fautes:
    """The faults still to come."""

    def __init__(self, liste: list[dict[str, Any]]) -> None:
        self._armees: list[_Armee] = []
        for dit in liste:
            self.arm(dit)

    def arm(self, dit: dict[str, Any]) -> None:
        """Add a fault; ValueError when it is none of §7.4."""
        if dit.get("do", "") not in FAIRE.get(str(dit.get("on")), ()):
            raise ValueError(f"faute inconnue : {dit}")
        self._armees.append(_Armee(dit))

    def clear(self) -> None:
        """Forget every fault."""
        self._armees.clear()

    def on_apdu(self, apdu: bytes) -> dict[str, Any] | None:
        """Return the fault of this command; all count it, the first that is due happens."""
        dues = [f for f in self._armees if f.dit["on"] == "apdu" and f.sees(apdu)]
        if not dues:
            return None
        for autre in dues[1:]:
            autre.vues -= 1
        return self._spend(dues[0])

    def on_power(self) -> dict[str, Any] | None:
        """Return the fault of this power on, if any."""
        due = next((f for f in self._armees if f.dit["on"] == "power"), None)
        return self._spend(due) if due else None

    def swap(self) -> dict[str, Any] | None:
        """Return the exchange of cards that the file asks for, if any."""
        due = next((f for f in self._armees if f.dit["on"] == "swap"), None)
        return self._spend(due) if due else None

    def again(self, dit: dict[str, Any]) -> None:
        """Put back a fault that found nothing to spoil: the next command is the one."""
        if all(f.dit is not dit for f in self._armees):
            self._armees.insert(0, _Armee(dit))
        armee = next(f for f in self._armees if f.dit is dit)
        armee.vues = armee.n - 1

    def _spend(self, faute: _Armee) -> dict[str, Any]:
        if faute.dit.get("repeat"):
            faute.vues = 0
        else:
            self._armees.remove(faute)
        return faute.dit
