"""The window of the code porteur, drawn with Tk: big, in front, readable by tired eyes (§5.10).

No text field: keys fill a bytearray, dots are drawn. So there is nothing to paste into, and no copy
of the code in Tcl. Tk 8.6 tells nothing to screen readers; everything is written and by keyboard.
"""

import time
import tkinter as tk
from collections.abc import Callable
from typing import Any, Protocol

from agent.fenetre import ecrans, textes
from agent.fenetre.saisie import MAX, Saisie, digit_of

# Its own colours, which no page of the counter uses: white on violet, black on white.
BANDEAU, FOND, ENCRE, GRIS = "#4a1a7f", "#ffffff", "#111111", "#444444"
ALERTE, FOND_ALERTE, FOCUS = "#8a1100", "#fde8e4", "#f2b300"
LARGEUR = 720
CONTROLE, ALT_X11 = 0x4, 0x8


class Reponses(Protocol):
    """Where gestures go."""

    def code(self, code: bytearray) -> None:
        """Send the digits; wipes them."""

    def confirm(self) -> None:
        """Spend the last try."""

    def cancel(self) -> None:
        """Give up."""


class Dessin:
    """One window. Raises TclError when there is no display."""

    def __init__(self, reponses: Reponses) -> None:
        self.reponses = reponses
        self.saisie = Saisie()
        self.affiche: textes.Affiche | None = None
        self._fin = 0.0
        self.racine = tk.Tk(className="agent-de-poste")
        self.racine.withdraw()
        self.racine.title(textes.TITRE)
        self.racine.configure(bg=FOND)
        self.racine.resizable(width=False, height=False)
        self.systeme = str(self.racine.tk.call("tk", "windowingsystem"))
        self._build()
        self.racine.protocol("WM_DELETE_WINDOW", self.cancel)
        self.racine.bind("<Escape>", lambda _: self.cancel())
        self.racine.bind("<KeyPress>", self.on_key)

    # What is drawn

    def _build(self) -> None:
        self._build_head()
        corps = tk.Frame(self.racine, bg=FOND, padx=32, pady=16)
        corps.pack(fill="both")
        self.porteur = self._line(corps, 22, gras=True)
        self.id_nat = self._line(corps, 13, couleur=GRIS)
        self.motif = self._line(corps, 17, gras=True, haut=14)
        self.objets = self._line(corps, 14)
        self.provenance = self._line(corps, 12, couleur=GRIS, haut=8)
        self.zone = tk.Canvas(corps, width=LARGEUR - 64, height=76, bg=FOND, bd=0)
        self.zone.configure(highlightthickness=3, highlightbackground=ENCRE, highlightcolor=ENCRE)
        self.zone.pack(pady=(16, 6))
        self.message = self._line(corps, 15, gras=True)
        self.essais = self._line(corps, 15)
        self._build_buttons(corps)
        self.consigne = self._line(corps, 12, couleur=GRIS, haut=12)
        self.consigne.configure(text=textes.CONSIGNE)

    def _build_head(self) -> None:
        tete = tk.Frame(self.racine, bg=BANDEAU, padx=32, pady=14)
        tete.pack(fill="x")
        icone = tk.Canvas(tete, width=52, height=36, bg=BANDEAU, highlightthickness=0)
        icone.create_rectangle(2, 2, 50, 34, outline="white", width=3)
        icone.create_rectangle(9, 11, 21, 23, fill="white", outline="")
        icone.pack(side="left", padx=(0, 16))
        self.titre = tk.Label(
            tete,
            text="Code porteur de la carte CPS",
            bg=BANDEAU,
            fg="white",
            font=("TkDefaultFont", 20, "bold"),
        )
        self.titre.pack(side="left")

    def _build_buttons(self, corps: tk.Frame) -> None:
        rang = tk.Frame(corps, bg=FOND)
        rang.pack(fill="x", pady=(14, 0))
        self.annuler = self._button(rang, "Annuler (Échap)", self.cancel)
        self.annuler.pack(side="left")
        self.reste = tk.Label(rang, bg=FOND, fg=GRIS, font=("TkDefaultFont", 12))
        self.reste.pack(side="left", expand=True)
        self.valider = self._button(rang, "Valider (Entrée)", self.submit, plein=True)
        self.valider.pack(side="right")

    def _button(
        self,
        parent: tk.Frame,
        texte: str,
        acte: Callable[[], object],
        *,
        plein: bool = False,
    ) -> tk.Button:
        bouton = tk.Button(parent, text=texte, command=acte, padx=18, pady=8, relief="solid", bd=2)
        fond, encre = (BANDEAU, "white") if plein else (FOND, ENCRE)
        bouton.configure(
            bg=fond,
            fg=encre,
            activebackground=encre,
            activeforeground=fond,
            disabledforeground="#999999",
            highlightthickness=4,
            highlightbackground=FOND,
            highlightcolor=FOCUS,
            font=("TkDefaultFont", 15, "bold"),
        )
        bouton.bind("<Return>", lambda _: _invoke(bouton))
        bouton.bind("<KP_Enter>", lambda _: _invoke(bouton))
        return bouton

    def _line(
        self,
        parent: tk.Frame,
        taille: int,
        *,
        couleur: str = ENCRE,
        gras: bool = False,
        haut: int = 2,
    ) -> tk.Label:
        ligne = tk.Label(
            parent,
            bg=FOND,
            fg=couleur,
            anchor="w",
            justify="left",
            wraplength=LARGEUR - 64,
            font=("TkDefaultFont", taille, "bold" if gras else "normal"),
        )
        ligne.pack(fill="x", pady=(haut, 0))
        return ligne

    # What the agent says

    def show(self, vue: dict[str, Any]) -> None:
        """Draw a view; the first one brings the window to the front, in the middle."""
        premiere = self.affiche is None
        self.affiche = affiche = textes.build(vue)
        self._fin = time.monotonic() + float(vue["reste_s"])
        self.saisie.clear()
        self.porteur.configure(text=affiche.porteur)
        self.id_nat.configure(text=f"Identifiant national {affiche.id_nat}")
        self.motif.configure(text=affiche.motif)
        self.objets.configure(text="\n".join(affiche.objets))
        de = f"Demandé par {affiche.origine}\n" if affiche.origine else ""
        self.provenance.configure(text=f"{de}Lecteur {affiche.lecteur}")
        couleurs = (ALERTE, FOND_ALERTE) if affiche.alerte else (ENCRE, FOND)
        signe = "⚠ " if affiche.alerte else ""
        self.essais.configure(text=signe + affiche.essais, fg=couleurs[0], bg=couleurs[1])
        self._say(f"✗ {affiche.echec}" if affiche.echec else "")
        self._draw_step()
        if premiere:
            self._bring()
            self._count_down()

    def _draw_step(self) -> None:
        assert self.affiche is not None  # noqa: S101 - set by `show`
        etape = self.affiche.etape
        dernier = etape == "confirmation"
        self.valider.configure(
            text="Utiliser le dernier essai" if dernier else "Valider (Entrée)",
            command=self.reponses.confirm if dernier else self.submit,
            state="normal" if etape in {"saisie", "confirmation"} else "disabled",
        )
        if dernier:
            self._say("Si ce code est inexact, la carte sera bloquée.")
        # Enter pressed once more must not spend the last try: no button has the focus.
        self.zone.focus_set()
        self._draw_zone()

    def _draw_zone(self) -> None:
        assert self.affiche is not None  # noqa: S101 - set by `show`
        zone, milieu = self.zone, 38
        zone.delete("all")
        phrase = {
            "lecteur": textes.LECTEUR,
            "verification": "Vérification du code par la carte…",
            "confirmation": "Utiliser le dernier essai ?",
        }.get(self.affiche.etape, "")
        if phrase:
            centre = (LARGEUR - 64) // 2
            zone.create_text(
                centre, milieu, text=phrase, fill=ENCRE, font=("TkDefaultFont", 18, "bold")
            )
            return
        for rang in range(MAX):
            x = 76 + rang * 72
            if rang < self.saisie.longueur:
                zone.create_oval(x - 13, milieu - 13, x + 13, milieu + 13, fill=ENCRE)
            else:
                zone.create_line(x - 13, milieu + 14, x + 13, milieu + 14, fill=GRIS, width=3)

    def _say(self, phrase: str) -> None:
        self.message.configure(text=phrase, fg=ALERTE)

    def _bring(self) -> None:
        racine = self.racine
        racine.update_idletasks()
        taille = (max(LARGEUR, racine.winfo_reqwidth()), racine.winfo_reqheight())
        bureau = (0, 0, racine.winfo_screenwidth(), racine.winfo_screenheight())
        x, y = ecrans.place(racine.winfo_pointerxy(), taille, bureau, ecrans.monitors())
        racine.geometry(f"+{x}+{y}")
        racine.attributes("-topmost", True)
        racine.deiconify()
        racine.lift()
        racine.focus_force()
        self.zone.focus_force()

    def _count_down(self) -> None:
        reste = max(0, round(self._fin - time.monotonic()))
        self.reste.configure(text=f"Se ferme dans {reste} s")
        self.racine.after(250, self._count_down)

    # What the person does

    def on_key(self, event: "tk.Event[Any]") -> str | None:
        """Take a digit, erase, validate; other keys do nothing but move the focus."""
        if self.affiche is None or not self.affiche.saisie:
            return None
        if event.keysym in {"Return", "KP_Enter"}:
            if event.widget not in {self.annuler, self.valider}:
                self.submit()
            return None
        if event.keysym in {"BackSpace", "Delete"}:
            self.saisie.erase()
        else:
            etat = int(event.state)
            if etat & CONTROLE or (self.systeme == "x11" and etat & ALT_X11):
                return None
            chiffre = digit_of(event.keysym, event.keycode, self.systeme)
            if chiffre is None:
                return None
            self.saisie.press(chiffre, event.time)
        self._say("")
        self._draw_zone()
        return None

    def submit(self) -> None:
        """Send the digits, or say why not and spend nothing."""
        if self.affiche is None or not self.affiche.saisie:
            return
        if self.saisie.prete:
            self.reponses.code(self.saisie.take())
            return
        if self.saisie.machine:
            self._refuse(textes.MACHINE)
        elif self.saisie.trop:
            self._refuse(textes.TROP)
        else:
            self._say(textes.COURT)

    def _refuse(self, phrase: str) -> None:
        self.saisie.clear()
        self._say(phrase)
        self._draw_zone()

    def cancel(self) -> None:
        """Give up: the agent closes the window."""
        self.saisie.clear()
        self.reponses.cancel()

    def close(self) -> None:
        """End, digits overwritten."""
        self.saisie.clear()
        self.racine.destroy()


def _invoke(bouton: tk.Button) -> str:
    bouton.invoke()
    return "break"
