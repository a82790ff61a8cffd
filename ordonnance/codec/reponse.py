"""Answers of the EPU contract, read leniently: unknown elements ignored, unknown codes kept."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from ordonnance.errors import error_of
from ordonnance.rules.modele import (
    Accuse,
    Beneficiaire,
    ExecutionPassee,
    LigneLue,
    LignePassee,
    PrescriptionLue,
    ProduitPrescrit,
    Professionnel,
    Verrou,
)
from teleservices.errors import InvalidReply, TeleserviceError
from teleservices.soap import Faute, XmlRefuse, parse_envelope
from teleservices.soap.lecture import Element, text_of

_EPU = "urn:sim:epu:1"
_STATUTS = frozenset(
    {
        "CREEE",
        "EN_COURS",
        "PARTIELLEMENT_EXECUTEE",
        "EXECUTEE",
        "CLOTUREE",
        "ANNULEE",
        "EXPIREE",
        "BLOQUEE",
    }
)


def _invalid(code: str) -> InvalidReply:
    return InvalidReply(
        code, "La réponse du service est illisible. Continuez sur papier, ou relancez."
    )


def _body(data: bytes, nom: str) -> Element:
    """Return the expected body element, or raise what the reply means."""
    try:
        enveloppe = parse_envelope(data)
    except XmlRefuse as exc:
        raise _invalid(exc.code) from exc
    if enveloppe.faute is not None:
        raise _fault_error(enveloppe.faute)
    corps = enveloppe.corps
    if corps is None or corps.tag != f"{{{_EPU}}}{nom}Reponse":
        raise _invalid("reponse_inattendue")
    if text_of(corps, _EPU, "CR", "CodeCR") != "00":
        raise _invalid("compte_rendu")
    return corps


def _fault_error(faute: Faute) -> TeleserviceError:
    code = text_of(faute.detail, _EPU, "Code")
    if not code:
        return _invalid("faute_sans_code")
    return error_of(code, text_of(faute.detail, _EPU, "Detail"))


def _text(element: Element | None, *chemin: str) -> str:
    return text_of(element, _EPU, *chemin)


def _date(brut: str) -> date | None:
    try:
        return date.fromisoformat(brut[:10]) if brut else None
    except ValueError:
        return None


def _instant(brut: str) -> datetime | None:
    try:
        lu = datetime.fromisoformat(brut.replace("Z", "+00:00")) if brut else None
    except ValueError:
        return None
    return lu if lu is not None and lu.tzinfo is not None else None


def _decimal(brut: str) -> Decimal | None:
    try:
        lu = Decimal(brut) if brut else None
    except InvalidOperation:
        return None
    return lu if lu is not None and lu.is_finite() else None


def _integer(brut: str) -> int | None:
    return int(brut) if brut.isascii() and brut.isdigit() and len(brut) < 9 else None


def _flag(brut: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(brut)


def parse_prescription(data: bytes) -> PrescriptionLue:
    """Return the prescription of a consultation. Raises the taxonomy.

    Without number, version, beneficiary or line: InvalidReply, nothing is shown by halves.
    """
    corps = _body(data, "consulterPrescription")
    element = corps.find(f"{{{_EPU}}}Prescription")
    version = _integer(_text(element, "Version"))
    lignes = element.findall(f"{{{_EPU}}}Ligne") if element is not None else []
    if element is None or version is None or not _text(element, "Numero") or not lignes:
        raise _invalid("prescription_incomplete")
    brut = _text(element, "Statut")
    return PrescriptionLue(
        numero=_text(element, "Numero"),
        version=version,
        statut=brut if brut in _STATUTS else "INCONNU",
        statut_brut=brut,
        date_prescription=_date(_text(element, "DatePrescription")),
        beneficiaire=_beneficiary(element.find(f"{{{_EPU}}}Beneficiaire")),
        prescripteur=_professional(element.find(f"{{{_EPU}}}Prescripteur")),
        lignes=tuple(sorted((_line(e, i) for i, e in enumerate(lignes, 1)), key=lambda x: x.rang)),
        executions=tuple(_execution(e) for e in element.findall(f"{{{_EPU}}}Execution")),
        debut_validite=_instant(_text(element, "DebutValidite")),
        fin_validite=_instant(_text(element, "FinValidite")),
        date_souhaitee=_date(_text(element, "DateExecutionSouhaitee")),
        types=tuple((e.text or "").strip() for e in element.findall(f"{{{_EPU}}}Type")),
        retour_autorise=_flag(_text(element, "RetourPrescripteurAutorise")),
        executant_designe=_text(element, "ExecutantDesigne", "FINESS"),
        commentaire=_text(element, "Commentaire"),
        empreinte=_text(element, "EmpreinteSHA256"),
        avertissements=tuple(_text(e, "Code") for e in corps.findall(f"{{{_EPU}}}Avertissement")),
    )


def _beneficiary(element: Element | None) -> Beneficiaire:
    return Beneficiaire(
        nom=_text(element, "NomNaissance"),
        prenoms=_text(element, "Prenoms"),
        sexe=_text(element, "Sexe"),
        naissance=_text(element, "DateNaissance"),
        matricule=_text(element, "INS", "Matricule"),
        cle=_text(element, "INS", "Cle"),
        oid=_text(element, "INS", "OID"),
        nom_utilise=_text(element, "NomUtilise"),
        rang=_integer(_text(element, "RangNaissance")),
        lieu=_text(element, "LieuNaissance"),
    )


def _professional(element: Element | None) -> Professionnel:
    return Professionnel(
        rpps=_text(element, "RPPS"),
        finess=_text(element, "FINESS"),
        nom=_text(element, "Nom"),
        prenom=_text(element, "Prenom"),
        profession=_text(element, "Profession"),
        telephone=_text(element, "Telephone"),
    )


def _line(element: Element, position: int) -> LigneLue:
    produit = element.find(f"{{{_EPU}}}Produit")
    codes = {
        nom: _text(produit, balise)
        for nom, balise in (
            ("cis", "CIS"),
            ("cip13", "CIP13"),
            ("ucd13", "UCD13"),
            ("mv", "MV"),
            ("lpp", "LPP"),
            ("emdn", "EMDN"),
            ("atc", "ATC"),
            ("dci", "DCI"),
        )
    }
    return LigneLue(
        id=_text(element, "IdLigne").lower(),
        rang=_integer(_text(element, "Rang")) or position,
        nature=_text(element, "Nature"),
        produit=ProduitPrescrit(
            libelle=_text(produit, "Libelle") or "Produit sans libellé", **codes
        ),
        statut=_text(element, "Statut"),
        posologie=_text(element, "PosologieTexte"),
        debut=_date(_text(element, "DebutTraitement")),
        fin=_date(_text(element, "FinTraitement")),
        duree_jours=_integer(_text(element, "DureeJours")),
        unites_par_jour=_decimal(_text(element, "UnitesParJour")),
        quantite=_decimal(_text(element, "QuantitePrescrite")),
        unite=_text(element, "UniteQuantite"),
        renouvellements=_integer(_text(element, "RenouvellementsPrevus")),
        delivrances_effectuees=_integer(_text(element, "DelivrancesEffectuees")) or 0,
        prochaine_au_plus_tot=_date(_text(element, "ProchaineDelivranceAuPlusTot")),
        substituable=_flag(_text(element, "Substituable")),
        motif_ns=_text(element, "MotifNonSubstituable"),
        ald=_flag(_text(element, "ALD")),
        atmp=_flag(_text(element, "ATMP")),
        prevention=_flag(_text(element, "Prevention")),
        non_remboursable=_flag(_text(element, "NonRemboursable")),
        hors_amm=_flag(_text(element, "HorsAMM")),
        instruction_dispensateur=_text(element, "InstructionDispensateur"),
        instruction_patient=_text(element, "InstructionPatient"),
    )


def _execution(element: Element) -> ExecutionPassee:
    instant = _instant(_text(element, "DateDelivrance"))
    ident = _text(element, "IdExecution").lower()
    if instant is None or not ident:
        raise _invalid("execution_incomplete")
    return ExecutionPassee(
        id=ident,
        date=instant,
        finess=_text(element, "FINESS"),
        numero_delivrance=_integer(_text(element, "NumeroDelivrance")) or 0,
        annulee=_flag(_text(element, "Annulee")) is True,
        lignes=tuple(
            LignePassee(
                _text(e, "IdLigne").lower(),
                _text(e, "Resultat"),
                _decimal(_text(e, "Quantite")) or Decimal(0),
            )
            for e in element.findall(f"{{{_EPU}}}Ligne")
        ),
    )


def parse_verrou(data: bytes) -> Verrou | None:
    """Return the lock, None when the service gives none. Raises the taxonomy."""
    corps = _body(data, "ouvrirExecution")
    expire = _instant(_text(corps, "ExpireLe"))
    jeton, ident = _text(corps, "JetonVerrou"), _text(corps, "IdExecution").lower()
    return Verrou(ident, jeton, expire) if jeton and expire and ident else None


def parse_accuse(data: bytes) -> Accuse:
    """Return the receipt of an execution. InvalidReply without a receipt number."""
    corps = _body(data, "enregistrerExecution")
    recu = _text(corps, "AccuseReception")
    if not recu:
        raise _invalid("accuse_absent")
    return Accuse(
        recu=recu,
        horodatage=_instant(_text(corps, "Horodatage")),
        version=_integer(_text(corps, "Version")),
        rejeu=_flag(_text(corps, "Rejeu")) is True,
        statut=_text(corps, "StatutPrescription"),
    )


def check_release(data: bytes) -> None:
    """Return nothing when the lock was given back. Raises the taxonomy."""
    _body(data, "libererExecution")
