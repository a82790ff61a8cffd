"""What a scanned or typed text is (agent.md §4.5, ordonnance.md §1.4).

Grammars are data (`Motifs`): nothing here is wired to one. Hostile text comes in; nothing raises,
nothing is interpreted, and the reading carries a sentence for the counter.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent.protocol import aim as aims
from agent.protocol import doc2d, gs1, ins
from agent.protocol.claviers import (
    repair_azerty,
    repair_caps_lock,
    repair_qwerty,
    repair_shift,
)

TAILLE_MAX = 4096
_PERMIS = {"\x1d", "\x1e", "\x1f", "\x04"}

SEPARATEURS_PERDUS = "Réglez le lecteur : séparateurs perdus."

NomProduit = Callable[[str], str | None]


@dataclass(frozen=True)
class Motifs:
    """Grammars of this installation, delivered by the server.

    `ordonnance` is the shape of a prescription number of `longueur` characters; `alphabet` is for
    advice only. Simulator patterns by default for apCV and AMC.
    """

    ordonnance: str = r"^[0-9A-Z]{18}$"
    alphabet: str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    longueur: int = 18
    apcv: str = r"^APCVSIM1\."
    attestation_amc: str = r"^AMCSIM1\|"
    badge: str = ""

    def as_dict(self) -> dict[str, str | int]:
        """Return the patterns as the enrolment carries them."""
        return {
            "ordonnance": self.ordonnance,
            "alphabet": self.alphabet,
            "longueur": self.longueur,
            "apcv": self.apcv,
            "attestation_amc": self.attestation_amc,
            "badge": self.badge,
        }


@dataclass(frozen=True)
class CodeLu:
    """A reading: its class, what to do next, and the sentence for the counter.

    `suite` is appel, confirmation, aiguillage, refus or rien. Content never shows in a repr.
    """

    classe: str
    suite: str
    message: str = ""
    numero: str = field(default="", repr=False)
    champs: dict[str, str] = field(default_factory=dict, repr=False)
    erreurs: tuple[str, ...] = ()
    aim: str = ""
    repare: bool = False
    ambigu: bool = False
    candidats: tuple[dict[str, str], ...] = field(default=(), repr=False)

    def as_dict(self) -> dict[str, object]:
        """Return the JSON object of the support command."""
        return {
            "classe": self.classe,
            "suite": self.suite,
            "numero": self.numero,
            "message": self.message,
            "champs": self.champs,
            "erreurs": list(self.erreurs),
            "aim": self.aim,
            "symbole": aims.SYMBOLES.get(self.aim, ""),
            "repare": self.repare,
            "ambigu": self.ambigu,
            "candidats": list(self.candidats),
        }


# A repaired reading is used only in these classes: each has a test that chance does not pass.
_FORTES = {"ordonnance", "gs1", "ins_datamatrix", "ean13", "2ddoc"}
_CLAVIER_DOUTEUX = (
    "Lecteur réglé pour un autre clavier : ce code n'est pas sûr, il n'est pas utilisé. "
    "Réglez le lecteur, ou saisissez le code."
)
_PAS_ORDONNANCE = "Ce code n'est pas une ordonnance numérique."


@dataclass(frozen=True)
class _Lecture:
    texte: str = field(repr=False)
    canal: str
    motifs: Motifs
    aim: str
    nom_produit: NomProduit


def lire_code(
    texte: str, canal: str, motifs: Motifs | None = None, *, nom_produit: NomProduit | None = None
) -> CodeLu:
    """Return what `texte` is. `canal`: scan (device), clavier (wedge in the page), saisie (typed).

    Source: ordonnance.md §1.4 (order of the steps), agent.md §4.5 (order of the classes).
    """
    if len(texte) > TAILLE_MAX:
        return CodeLu("rejet", "refus", "Code trop long : lecture abandonnée.")
    net, aim = _strip(texte)
    if not net:
        return CodeLu("rejet", "rien")
    if canal == "saisie":
        net = re.sub(r"[\s\u00a0\u202f.\-]", "", net)
        if not net:
            return CodeLu("rejet", "rien")
    if has_garbage(net):
        return CodeLu("inconnu", "refus", "Code illisible (caractère de contrôle).", aim=aim)
    lecture = _Lecture(net, canal, motifs or Motifs(), aim, nom_produit or (lambda _cip: None))
    for essai in (_ordonnance, _double, _autres_classes, _reparation):
        lu = essai(lecture)
        if lu is not None:
            return lu
    return _refus_ordinaire(lecture)


def has_garbage(texte: str) -> bool:
    """Tell whether a control character that no code carries is in the text."""
    return any(ord(c) < 32 and c not in _PERMIS for c in texte)


def _strip(texte: str) -> tuple[str, str]:
    net = texte.strip("\ufeff\x02\x03\r\n\t \u00a0")
    reste, aim = aims.split(net)
    return reste.strip("\r\n\t \x03"), aim


def _candidate(lecture: _Lecture) -> str:
    """Return the text in capitals when that is allowed (pure ASCII, not the wedge)."""
    if lecture.texte.isascii() and lecture.canal != "clavier":
        return lecture.texte.upper()
    return lecture.texte


def _is_numero(texte: str, motifs: Motifs) -> bool:
    return texte.isascii() and re.fullmatch(motifs.ordonnance, texte) is not None


def _ordonnance(lecture: _Lecture) -> CodeLu | None:
    numero = _candidate(lecture)
    motifs = lecture.motifs
    if not _is_numero(numero, motifs):
        return None
    if lecture.canal == "saisie":
        return _typed(numero, motifs)
    habituel = set(numero) <= set(motifs.alphabet)
    return CodeLu(
        "ordonnance",
        "appel",
        numero=numero,
        aim=lecture.aim,
        erreurs=() if habituel else ("alphabet_inhabituel",),
    )


def _typed(numero: str, motifs: Motifs) -> CodeLu:
    """A number typed by hand: look-alike letters are proposed, never replaced in silence."""
    gtin = numero.startswith("01") and numero.isdigit() and len(numero) > 16
    if gtin and gs1.is_check_digit_right(numero[2:16]):
        return CodeLu(
            "ordonnance",
            "confirmation",
            numero=numero,
            message="18 chiffres : début d'un code de boîte ? "
            "Confirmez que c'est bien le numéro d'ordonnance.",
        )
    inhabituelles = [c for c in numero if c not in motifs.alphabet]
    if "U" in inhabituelles:
        return CodeLu(
            "ordonnance",
            "refus",
            "« U » n'est pas attendu dans ce numéro. Vérifiez sous le code (V ?).",
        )
    if inhabituelles:
        propose = numero.translate(str.maketrans("OIL", "011"))
        lettre = inhabituelles[0]
        return CodeLu(
            "ordonnance",
            "confirmation",
            numero=propose,
            message=f"« {lettre} » lu : lettre inhabituelle. Lire {propose} ?",
        )
    return CodeLu("ordonnance", "appel", numero=numero)


def _double(lecture: _Lecture) -> CodeLu | None:
    texte, longueur = _candidate(lecture), lecture.motifs.longueur
    if len(texte) != 2 * longueur:
        return None
    premier, second = texte[:longueur], texte[longueur:]
    if not (_is_numero(premier, lecture.motifs) and _is_numero(second, lecture.motifs)):
        return None
    if premier == second:
        return CodeLu("ordonnance", "appel", numero=premier, aim=lecture.aim, erreurs=("double",))
    return CodeLu(
        "inconnu",
        "refus",
        "Deux ordonnances lues à la suite. Scannez-les une par une.",
        aim=lecture.aim,
    )


def _autres_classes(lecture: _Lecture) -> CodeLu | None:
    if lecture.canal == "saisie":
        return _typed_other(lecture)
    for essai in (_gs1, _ins, _simples, _nombres, _etrangers):
        lu = essai(lecture)
        if lu is not None:
            return lu
    return None


def _boite(lecture: _Lecture, cip13: str) -> str:
    nom = lecture.nom_produit(cip13) or "produit inconnu de la base"
    return f"Boîte scannée dans « Code 2D » : {nom}. L'ajouter à la délivrance ?"


def _is_box(texte: str) -> bool:
    """Tell whether the text starts with a right GTIN and another field (agent.md §4.5, row 1)."""
    if not (texte.startswith("01") and gs1.is_check_digit_right(texte[2:16])):
        return False
    return gs1.starts_field(texte, 16)


def _gs1(lecture: _Lecture) -> CodeLu | None:
    texte = lecture.texte
    force = lecture.aim in aims.GS1 or _is_box(texte)
    if not (force or gs1.GS in texte) or ins.is_ins(texte):
        return None
    lu = gs1.parse(texte)
    if not force and (lu is None or lu.partiel or not lu.champs.get("01")):
        return None
    if lu is None:
        message = "Code de boîte illisible. Scannez de nouveau."
        return CodeLu("gs1", "refus", message, aim=lecture.aim)
    refus = ""
    if not lu.champs.get("01"):
        refus = "Ce code ne porte pas de produit."
    elif "gtin_cle" in lu.erreurs:
        refus = "Code de boîte mal lu : la clé du produit est fausse. Scannez de nouveau."
    champs = {
        "gtin": lu.champs.get("01", ""),
        "cip13": lu.cip13,
        "peremption": lu.champs.get("17", ""),
        "lot": lu.champs.get("10", ""),
        "numero_serie": lu.champs.get("21", ""),
    }
    return CodeLu(
        "gs1",
        "refus" if refus else "aiguillage",
        refus or _boite(lecture, lu.cip13),
        champs=champs,
        erreurs=lu.erreurs,
        aim=lecture.aim,
        ambigu=lu.ambigu,
        candidats=lu.candidats,
    )


def _ins(lecture: _Lecture) -> CodeLu | None:
    if not ins.is_ins(lecture.texte):
        return None
    lu = ins.parse(lecture.texte)
    if lu.refus:
        message = ins.PHRASES[lu.refus]
        return CodeLu(
            "ins_datamatrix",
            "refus",
            message,
            champs=lu.champs,
            erreurs=lu.erreurs,
            aim=lecture.aim,
        )
    reglage = f" {SEPARATEURS_PERDUS}" if ins.GS_PERDUS in lu.erreurs else ""
    return CodeLu(
        "ins_datamatrix",
        "aiguillage",
        "Code d'identité (INS) : ce n'est pas une ordonnance. Ouvrir la fiche de l'assuré ?"
        + reglage,
        champs=lu.champs,
        erreurs=lu.erreurs,
        aim=lecture.aim,
        repare=bool(reglage),
    )


def _simples(lecture: _Lecture) -> CodeLu | None:
    texte, motifs = lecture.texte, lecture.motifs
    if doc2d.is_2ddoc(texte):
        lu = doc2d.parse(texte)
        return CodeLu(
            "2ddoc",
            "refus",
            "Document 2D-Doc : pas une ordonnance numérique.",
            champs=lu.as_fields(),
            erreurs=lu.erreurs,
            aim=lecture.aim,
        )
    if motifs.apcv and re.match(motifs.apcv, texte):
        return CodeLu(
            "apcv",
            "aiguillage",
            "Appli carte Vitale : lecture transmise à l'assuré, pas à l'ordonnance.",
            champs={"contexte": texte},
            aim=lecture.aim,
        )
    if motifs.attestation_amc and re.match(motifs.attestation_amc, texte):
        return CodeLu(
            "attestation_amc",
            "aiguillage",
            "Attestation de mutuelle lue.",
            champs={"brut": texte},
            aim=lecture.aim,
        )
    if motifs.badge and re.match(motifs.badge, texte):
        return CodeLu("badge", "aiguillage", "Badge lu.", champs={"badge": texte}, aim=lecture.aim)
    return None


def _nombres(lecture: _Lecture) -> CodeLu | None:
    texte = lecture.texte
    if not (texte.isascii() and texte.isdigit()):
        return None
    if len(texte) == 13 and gs1.is_check_digit_right(texte):
        cip13 = texte if texte.startswith("3400") else ""
        return CodeLu(
            "ean13",
            "aiguillage",
            _boite(lecture, cip13),
            champs={"ean13": texte, "cip13": cip13},
            aim=lecture.aim,
        )
    if len(texte) == 7 and (is_cip7(texte) or lecture.nom_produit(texte)):
        return CodeLu(
            "acl7", "aiguillage", _boite(lecture, texte), champs={"cip7": texte}, aim=lecture.aim
        )
    return None


def is_cip7(texte: str) -> bool:
    """Tell whether seven digits carry the old CIP7 key: weights 2 to 7, modulo 11.

    Newer codes carry none (measured: 61 % of the base of May 2026 satisfies it), so a code that
    the medicines know is believed without it. Source: BDPM, CIS_CIP_bdpm.
    """
    if not (len(texte) == 7 and texte.isascii() and texte.isdigit()):
        return False
    return sum(int(c) * p for c, p in zip(texte[:6], range(2, 8), strict=True)) % 11 == int(
        texte[6]
    )


def _etrangers(lecture: _Lecture) -> CodeLu | None:
    texte = lecture.texte
    if re.match(r"^https?://", texte):
        suisse = "eprescription.hin.ch" in texte[:60]
        message = (
            "Adresse internet (ordonnance suisse possible) : suivre la procédure papier étrangère."
            if suisse
            else "Adresse internet : ce n'est pas une ordonnance numérique."
        )
        return CodeLu("url", "refus", message, aim=lecture.aim)
    if texte.startswith('{"urls":["Task/'):
        return CodeLu(
            "inconnu", "refus", "Ordonnance allemande : ce code ne s'exécute pas en France."
        )
    return None


def _typed_other(lecture: _Lecture) -> CodeLu | None:
    texte, longueur = lecture.texte.upper(), lecture.motifs.longueur
    if texte.isdigit() and len(texte) in {13, 15} and texte[0] in "12":
        return CodeLu(
            "inconnu",
            "refus",
            "Ceci ressemble à un numéro de sécurité sociale. Saisissez le numéro de l'ordonnance "
            "(18 caractères). Rien n'est journalisé.",
        )
    if texte.isdigit() and len(texte) == 11:
        return CodeLu(
            "inconnu",
            "refus",
            "Ceci est un numéro RPPS (prescripteur), pas un numéro d'ordonnance.",
        )
    if lecture.texte.isascii() and texte.isalnum():
        return CodeLu(
            "inconnu", "refus", f"Le numéro compte {longueur} caractères, {len(texte)} lus."
        )
    return None


def _reparation(lecture: _Lecture) -> CodeLu | None:
    if lecture.canal != "clavier":
        return None
    essais = (repair_azerty, repair_shift, repair_qwerty)
    reparations = {repare for essai in essais if (repare := essai(lecture.texte))}
    lus = [
        lire_code(repare, "scan", lecture.motifs, nom_produit=lecture.nom_produit)
        for repare in sorted(reparations)
    ]
    forts = [lu for lu in lus if lu.classe in _FORTES and (_is_sure(lu) or lu.classe == "gs1")]
    lectures = {(lu.classe, lu.numero, *sorted(lu.champs.items())) for lu in forts}
    if len(lectures) == 1 and _is_sure(forts[0]):
        return replace(forts[0], repare=True)
    if forts:
        return CodeLu(forts[0].classe, "refus", _CLAVIER_DOUTEUX, erreurs=("clavier",))
    propose = repair_caps_lock(lecture.texte)
    if propose is not None and _is_numero(propose, lecture.motifs):
        return CodeLu(
            "ordonnance",
            "confirmation",
            numero=propose,
            repare=True,
            message=f"Lecteur mal réglé (verrouillage majuscule). Lire {propose} ?",
        )
    return None


def _is_sure(lu: CodeLu) -> bool:
    """Tell whether a repaired reading passed its strong test whole (agent.md §4.4)."""
    if lu.classe == "2ddoc":
        return not lu.erreurs
    return lu.suite != "refus" and not (lu.classe == "gs1" and (lu.ambigu or lu.erreurs))


def _refus_ordinaire(lecture: _Lecture) -> CodeLu:
    if ins.is_damaged(lecture.texte):
        refus = "ins_clavier"
        return CodeLu(
            "ins_datamatrix", "refus", ins.PHRASES[refus], erreurs=(refus,), aim=lecture.aim
        )
    texte, longueur = _candidate(lecture), lecture.motifs.longueur
    proche = texte.isascii() and texte.isalnum() and longueur - 4 <= len(texte) < longueur
    if proche and lecture.canal != "saisie":
        return CodeLu(
            "inconnu",
            "refus",
            "Code lu incomplet. Scannez de nouveau ou saisissez le numéro imprimé sous le code.",
            aim=lecture.aim,
        )
    return CodeLu("inconnu", "refus", _PAS_ORDONNANCE, aim=lecture.aim)
