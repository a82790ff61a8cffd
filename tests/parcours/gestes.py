"""What a pharmacist does with a prescription, act by act; every journey is made of these."""

from tests.parcours.bureau import CPS, GLUCOPHAGE, LEVOTHYROX


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


def recues(bureau, operation="enregistrerExecution"):
    """What the service's journal says it received."""
    return [e for e in bureau.journal("ordonnance") if e["operation"] == operation]
