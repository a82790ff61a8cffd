"""Prescriptions and boxes made of a few words, for the tests of the rules."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from ordonnance.rules.appariement import Boite, FaitsProduit, assign
from ordonnance.rules.controle import Saisie, controle, not_checkable
from ordonnance.rules.modele import (
    Beneficiaire,
    LigneLue,
    PrescriptionLue,
    ProduitPrescrit,
    Professionnel,
)

METFORMINE_30 = FaitsProduit(
    cip13="3400935601711",
    cis="61052830",
    libelle="GLUCOPHAGE 1000 mg, comprimé pelliculé sécable",
    substances=(("METFORMINE BASE", "780 mg"),),
    forme="comprimé pelliculé sécable",
    groupes=(("33", 0),),
    liste="I",
    unites=Decimal(30),
)
METFORMINE_90 = replace(METFORMINE_30, cip13="3400937191234", unites=Decimal(90))
GENERIQUE_30 = replace(
    METFORMINE_30,
    cip13="3400938129748",
    cis="67495373",
    libelle="METFORMINE CRISTERS 1000 mg, comprimé pelliculé",
    groupes=(("33", 1),),
)


def ligne(ident="l1", **champs):
    """GLUCOPHAGE, two boxes for thirty days, unless said."""
    produit = champs.pop(
        "produit",
        ProduitPrescrit("GLUCOPHAGE 1000 mg", cis="61052830", cip13="3400935601711"),
    )
    base = LigneLue(
        id=ident,
        rang=int(ident[-1]),
        nature="MEDICAMENT",
        produit=produit,
        statut="A_EXECUTER",
        quantite=Decimal(2),
        unite="BOITE",
        substituable=True,
    )
    return replace(base, **champs)


def prescription(*lignes, **champs):
    base = PrescriptionLue(
        numero="01K7M4QX9TRB2VWZ3H",
        version=1,
        statut="CREEE",
        statut_brut="CREEE",
        date_prescription=date(2026, 1, 12),
        beneficiaire=Beneficiaire(),
        prescripteur=Professionnel(),
        lignes=lignes,
    )
    return replace(base, **champs)


def boite(faits=METFORMINE_30, quantite=1, ident=1, **champs):
    return Boite(ident=ident, faits=faits, quantite=quantite, **champs)


def controler(lignes, boites, referentiel=None, **options):
    """Return (differences by code, what was not checkable) of a sale."""
    lue = prescription(*lignes)
    faits = {"l1": METFORMINE_30} if referentiel is None else referentiel
    saisie = Saisie(
        assign(lue.lignes, faits, tuple(boites)),
        options.pop("identite", "COMPATIBLE"),
        options.pop("numero", 0),
    )
    ecarts = controle(lue, options.pop("executions", ()), saisie, faits)
    return {e.code: e for e in ecarts}, not_checkable(lue, saisie, faits)
