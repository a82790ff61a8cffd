"""What a pharmacist does with a prescription, act by act; every journey is made of these."""

from axe_playwright_python.sync_playwright import Axe

from tests.parcours.bureau import CPS, GLUCOPHAGE, LEVOTHYROX

REGLES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def examiner(page):
    """Run axe; return each finding with the first element it blames."""
    options = {"runOnly": {"type": "tag", "values": REGLES}, "resultTypes": ["violations"]}
    trouve = Axe().run(page, options=options).response["violations"]
    return [(v["id"], v["nodes"][0]["target"], v["nodes"][0]["failureSummary"]) for v in trouve]


def presenter(bureau, carte, nom, code="A02"):
    """Sign in, open a sale, put the card in; the band carries the name."""
    bureau.ouvrir_session(code)
    bureau.nouvelle_vente()
    bureau.inserer(carte)
    bandeau(bureau, nom)


def revenir(bureau, carte, nom):
    """The same person another day: end page, new sale, the card again."""
    bureau.retirer("vitale")
    bureau.touche("End")
    bureau.page.locator(".bandeau-patient[data-vide]").wait_for()
    bureau.inserer(carte)
    bandeau(bureau, nom)


def bandeau(bureau, texte):
    """Wait until the band of the patient says `texte`."""
    bureau.page.locator(".bandeau-patient", has_text=texte).wait_for()


def demander_une_piece(bureau):
    """² Q opens the dialog, in which nothing is chosen."""
    bureau.seconde("q")
    bureau.dialogue("Contrôler une pièce d'identité")
    assert bureau.page.locator("#dialogue input:checked").count() == 0


def repondre(bureau, *chiffres):
    """Answer by digits, each in the question that has the focus, then Entrée on the button."""
    for chiffre in chiffres:
        bureau.touche(chiffre)
    assert "Enregistrer le contrôle" in bureau.focus()
    bureau.touche("Enter")
    bureau.sans_dialogue()


def lire_et_signer(bureau, numero):
    """Scan the prescription; the card is asked, inserted, its code typed in the agent's window."""
    bureau.scanner(numero)
    signer(bureau)


def signer(bureau):
    """The card is asked because no signature is kept; it is inserted and its code typed."""
    bureau.statut("Insérez votre carte CPS")
    bureau.inserer(CPS[bureau.code])
    bureau.code_porteur()


def confirmer(bureau):
    """1, 2, Entrée; then the délivrance number proposed, Entrée."""
    bureau.touche("1")
    bureau.touche("2")
    bureau.touche("Enter")
    bureau.dialogue("Numéro de renouvellement")
    bureau.touche("Enter")
    bureau.sans_dialogue()


def servir(bureau, cips=None):
    """Scan each box and see it land."""
    voulues = cips or (GLUCOPHAGE["cip13"], GLUCOPHAGE["cip13"], LEVOTHYROX["cip13"])
    for cip in voulues:
        avant = bureau.page.locator(".ligne-produit").count()
        bureau.boite(cip)
        bureau.page.locator(".ligne-produit").nth(avant).wait_for(timeout=20000)


def controler(bureau):
    """FIN opens the sheet, FIN validates it: everything is as prescribed."""
    bureau.touche("End")
    bureau.dialogue("Contrôle d'ordonnance")
    bureau.touche("End")
    bureau.sans_dialogue()
    bureau.statut("Contrôle validé")


def terminer(bureau):
    """FIN again ends the sale."""
    bureau.touche("End")
    bureau.voir("Vente terminée")


def terminer_sans_piece(bureau):
    """The document is asked for once, at FIN (INS-16); Échap, then FIN ends the sale."""
    bureau.touche("End")
    bureau.dialogue("Contrôler une pièce d'identité")
    bureau.touche("Escape")
    bureau.sans_dialogue()
    terminer(bureau)


def recues(bureau, operation="enregistrerExecution"):
    """What the service's journal says it received."""
    return [e for e in bureau.journal("ordonnance") if e["operation"] == operation]


def traits_of(personne, **autres):
    """What a person says of themselves, as it is typed."""
    annee, mois, jour = personne.naissance.split("-")
    return {
        "nom": personne.nom,
        "prenoms": personne.prenoms[0],
        "sexe": personne.sexe,
        "naissance": f"{jour}/{mois}/{annee}",
    } | autres


def creer_un_dossier(bureau, personne, **autres):
    """F2, nobody found, a file typed by hand and put in the sale."""
    traits = traits_of(personne, **autres)
    bureau.touche("F2")
    bureau.dialogue("Patient de la vente")
    bureau.ecrire("zzzzzz")
    bureau.page.locator("#patients-trouves a", has_text="Créer un dossier patient").wait_for()
    bureau.touche("Tab")
    bureau.touche("Enter")
    bureau.dialogue("Créer un dossier patient")
    for champ in ("nom", "prenoms", "naissance"):
        bureau.ecrire(traits[champ])
        bureau.touche("Tab")
    bureau.touche("Tab")  # the used name stays empty
    bureau.touche("Space")
    if traits["sexe"] == "F":
        bureau.touche("ArrowRight")
    bureau.touche("Enter")
    bandeau(bureau, traits["nom"])
