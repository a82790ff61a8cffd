"""What the journal says of an act: its words, its family, and how long its line is kept."""

from functools import cache

# Families, in the order of the screen; an act belongs to the first whose prefix it has.
FAMILLES: dict[str, str] = {
    "patient.": "Dossiers patients",
    "ins.": "Identité et INS",
    "ordonnance.": "Ordonnances",
    "vente.": "Ventes",
    "carte.": "Cartes et codes",
    "envoi.": "File d'envoi",
    "session.": "Sessions et opérateurs",
    "psc.": "Pro Santé Connect",
    "poste.": "Postes et lectures",
    "parametre.": "Réglages",
    "journal.": "Journal",
    "mssante.": "Messagerie",
    "officine.": "Hébergement",
}
LIBELLES: dict[str, str] = {
    "patient.ouvrir": "Dossier ouvert",
    "patient.chercher": "Recherche de patients",
    "patient.creer": "Dossier créé",
    "patient.importer": "Base de patients reprise",
    "portail.voir": "Accueil vu",
    "ins.acte.voir": "Acte sur une identité : page ouverte",
    "ins.anonymat": "Dossier anonyme ouvert",
    "ins.apcv.alerte": "Appli carte Vitale : alerte",
    "ins.apcv.choisir": "Appli carte Vitale : personne choisie",
    "ins.apcv.comparer": "Appli carte Vitale : traits comparés",
    "ins.apcv.lire": "Appli carte Vitale lue",
    "ins.apcv.renouvele": "Appli carte Vitale : contexte renouvelé",
    "ins.apcv.reponse": "Appli carte Vitale : réponse reçue",
    "ins.apcv.voir": "Appli carte Vitale : réponse vue",
    "ins.appeler": "INSi interrogé",
    "ins.appels.voir": "Appels INSi vus",
    "ins.code": "Datamatrix INS lu",
    "ins.code.voir": "Datamatrix INS : lecture vue",
    "ins.collision": "INS déjà portée par un autre dossier",
    "ins.comparer": "Traits comparés avec INSi",
    "ins.controle": "Identité contrôlée",
    "ins.copie_garder": "Copie de pièce gardée",
    "ins.copie_supprimer": "Copie de pièce supprimée",
    "ins.copie_voir": "Copie de pièce vue",
    "ins.copies_avancer": "Date de suppression de copies avancée",
    "ins.copies_purger": "Copies de pièces supprimées à leur date",
    "ins.decider": "Différence avec INSi tranchée",
    "ins.deux_personnes": "Deux dossiers : deux personnes",
    "ins.doublons": "Doublons cherchés",
    "ins.douter": "Identité marquée douteuse",
    "ins.lever_doute": "Doute levé",
    "ins.homonyme": "Homonymie marquée",
    "ins.lever_fictif": "Identité fictive levée",
    "ins.lever_homonyme": "Homonymie levée",
    "ins.rendre_fictive": "Identité rendue fictive",
    "ins.droits.demander": "Droits demandés",
    "ins.droits.reponse": "Droits reçus",
    "ins.fiche": "Page Identité vue",
    "ins.fusion.voir": "Fusion : comparaison vue",
    "ins.fusionner": "Dossiers fusionnés",
    "ins.fusions": "Fusions vues",
    "ins.imprimer": "Fiche d'identité affichée pour impression",
    "ins.lot": "Lot de vérification reçu",
    "ins.premier_prenom": "Premier prénom choisi",
    "ins.proches": "Dossiers proches vus",
    "ins.qualifier": "Identité qualifiée",
    "ins.qualifier.voir": "Contrôle d'une pièce ouvert",
    "ins.rappel": "Rappel de pièce",
    "ins.rattacher": "Carte rattachée au dossier",
    "ins.relancer": "INSi relancé",
    "ins.repondre": "Réponse d'INSi décidée",
    "ins.reponse": "Réponse d'INSi reçue",
    "ins.sans_ins": "Absence d'INS justifiée",
    "ins.sans_ins.voir": "Absence d'INS : page ouverte",
    "ins.separer": "Fusion annulée",
    "ins.suite": "Suite donnée à INSi",
    "ins.suite.voir": "Suite d'INSi vue",
    "ins.tache.clore": "Identité à traiter : close",
    "ins.tache.voir": "Identité à traiter : vue",
    "ins.taches": "Identités à traiter : liste vue",
    "ins.traits": "Traits d'identité saisis ou changés",
    "ins.traits.voir": "Traits d'identité : page ouverte",
    "ins.verifier": "INS vérifiée auprès d'INSi",
    "ins.verifier_lot": "Vérification des INS lancée",
    "ins.verifier_lot.arreter": "Vérification des INS arrêtée",
    "ins.verifier_lot.en_cours": "Vérification des INS reprise",
    "ins.verifier_lot.en_pause": "Vérification des INS mise en pause",
    "ins.verifier_lot.fin": "Vérification des INS finie",
    "ins.verifier_lot.voir": "Vérification des INS vue",
    "ins.voir": "Réponse d'INSi vue",
    "ordonnance.arreter": "Ordonnance Numérique : lecture arrêtée",
    "ordonnance.clore": "Ordonnance à régulariser : close",
    "ordonnance.confirmer": "Ordonnance confirmée",
    "ordonnance.consulter": "Ordonnance Numérique demandée",
    "ordonnance.controle": "Contrôle d'ordonnance ouvert",
    "ordonnance.controle.repondre": "Contrôle d'ordonnance : réponse",
    "ordonnance.corriger": "Exécution corrigée",
    "ordonnance.lever_identite": "Écart d'identité levé",
    "ordonnance.papier": "Ordonnance Numérique servie sur papier",
    "ordonnance.rattacher": "Produit rattaché à sa ligne",
    "ordonnance.rattacher.voir": "Produit à rattacher : page ouverte",
    "ordonnance.regulariser.voir": "Ordonnances à régulariser vues",
    "ordonnance.relancer": "Ordonnance Numérique relancée",
    "ordonnance.renouvellement": "Numéro de délivrance choisi",
    "ordonnance.valider": "Contrôle d'ordonnance validé",
    "ordonnance.voir": "Ordonnance vue",
    "vente.annuler": "Vente annulée",
    "vente.attente": "Vente mise en attente",
    "vente.exoneration": "Exonération changée",
    "vente.ligne": "Quantité changée",
    "vente.ouvrir": "Vente ouverte",
    "vente.prescription": "Prescription de la vente changée",
    "vente.produit": "Produit ajouté",
    "vente.reprendre": "Vente reprise",
    "vente.terminer": "Vente terminée",
    "vente.voir": "Vente vue",
    "carte.voir": "Bénéficiaires d'une carte vus",
    "cps.lire": "Carte CPS lue",
    "cps.situation": "Situation d'une carte CPS choisie",
    "cps.situations": "Situations d'une carte CPS lues",
    "scan": "Code scanné",
    "envoi.abandonner": "Envoi abandonné",
    "envoi.arreter": "Envoi arrêté",
    "envoi.relancer": "Envoi relancé",
    "envoi.voir": "Envoi vu",
    "file.voir": "File d'envoi vue",
    "session.ouvrir": "Session ouverte",
    "session.fermer": "Session fermée",
    "session.fermer_a_distance": "Session fermée à distance",
    "session.verrouiller": "Session verrouillée",
    "psc.deconnexion_distante": "Pro Santé Connect : fermeture non confirmée par le service",
    "psc.annuler": "Pro Santé Connect : connexion annulée",
    "psc.autoriser": "Pro Santé Connect : accès donné, refusé, ou en attente d'une réponse",
    "psc.commencer": "Pro Santé Connect : connexion commencée",
    "psc.identifier": "Pro Santé Connect : personne identifiée",
    "psc.prouver": "Pro Santé Connect : preuve vérifiée",
    "psc.situation": "Pro Santé Connect : activité choisie",
    "psc.deconnexion_recue": "Pro Santé Connect : déconnexion demandée par le service",
    "psc.echanger": "Pro Santé Connect : jeton d'un service obtenu",
    "psc.etat": "Pro Santé Connect : état du service vu",
    "psc.garder": "Pro Santé Connect : connexion gardée",
    "psc.garer": "Pro Santé Connect : session mise en attente",
    "psc.ouvrir": "Pro Santé Connect : session ouverte",
    "psc.renouveler": "Pro Santé Connect : renouvellement impossible",
    "psc.reprendre": "Pro Santé Connect : session reprise",
    "psc.securite": "Pro Santé Connect : anomalie de sécurité",
    "psc.sessions": "Pro Santé Connect : ses sessions vues",
    "psc.terminer": "Pro Santé Connect : session terminée",
    "session.confirmer": "Mot de passe redonné",
    "psc.lien.demander": "Rattachement : demandé",
    "psc.lien.declarer": "Rattachement : déclaré",
    "psc.lien.approuver": "Rattachement : demande approuvée",
    "psc.lien.refuser": "Rattachement : demande refusée",
    "psc.lien.prouver": "Rattachement : prouvé",
    "psc.lien.changer": "Rattachement : identité changée",
    "psc.lien.suspendre": "Rattachement : suspendu",
    "psc.lien.reprendre": "Rattachement : repris",
    "psc.lien.retirer": "Rattachement : retiré",
    "psc.lien.responsable": "Rattachement : pharmacien responsable changé",
    "psc.lien.voir": "Rattachements vus",
    "psc.lien.lu": "Rattachement : avis lu",
    "psc.responsable": "Pro Santé Connect : sous la responsabilité de",
    "psc.ciba.demander": "Téléphone : validation demandée",
    "psc.ciba.annuler": "Téléphone : demande annulée",
    "psc.ciba.approuver": "Téléphone : demande approuvée",
    "psc.ciba.refuser": "Téléphone : demande sans suite",
    "operateur.arrivee": "Opérateur arrivé",
    "operateur.modifier": "Fiche d'un opérateur changée",
    "operateur.role": "Rôle d'un opérateur changé",
    "operateur.depart": "Opérateur parti, accès fermés",
    "operateur.depart_prevu": "Départ d'un opérateur prévu",
    "operateur.depart_annule": "Départ d'un opérateur annulé",
    "operateur.retour": "Opérateur revenu",
    "droit.donner": "Droit donné",
    "droit.retirer": "Droit retiré",
    "operateur.debloquer": "Opérateur débloqué",
    "operateur.mot_de_passe": "Mot de passe changé",
    "operateur.reinitialiser": "Mot de passe temporaire donné",
    "lecture.refusee": "Lecture refusée",
    "poste.ajouter": "Poste ajouté",
    "poste.associer": "Navigateur associé à un poste",
    "poste.associer_agent": "Agent associé à un poste",
    "poste.cle": "Clé d'un poste changée",
    "poste.code": "Code d'association donné",
    "poste.essayer": "Essai d'un poste",
    "poste.lecteur": "Lecteur d'un poste essayé",
    "poste.refuser": "Association refusée",
    "poste.revoquer": "Poste révoqué",
    "parametre.modifier": "Réglage changé",
    "journal.chercher": "Journal cherché",
    "journal.dossier": "« Qui a ouvert ce dossier » demandé",
    "journal.exporter": "Journal exporté",
    "journal.sceau": "Sceau du journal vu",
    "journal.verifier": "Journal vérifié",
    "journal.retirer": "Mois du journal retiré",
    "cle.tourner": "Données rechiffrées sous la nouvelle clé",
    "officine.ouvrir": "Officine ouverte par l'hébergeur",
    "officine.suspendre": "Officine suspendue par l'hébergeur",
    "officine.reprendre": "Officine rétablie par l'hébergeur",
    "officine.exporter": "Données de l'officine exportées par l'hébergeur",
}
# What a reading or a signature of a card is called: the rest of the act names it.
PREFIXES: dict[str, str] = {
    "lecture.": "Lecture reçue d'un poste",
    "signature.": "Signature demandée à une carte",
}
_FAMILLE_DE: dict[str, str] = {
    "portail.": "patient.",
    "cps.": "carte.",
    "scan": "carte.",
    "file.": "envoi.",
    "operateur.": "session.",
    "droit.": "session.",
    "cle.": "officine.",
    "lecture.": "poste.",
    "signature.": "poste.",
}
_SECURITE = (
    *("session.", "operateur.", "poste.", "parametre.", "journal.", "psc."),
    *("lecture.refusee", "cle.", "droit.", "officine."),
)


@cache
def genre_of(acte: str) -> str:
    """Return the kind of an act: `securite`, `mssante`, else `dossier`, which is kept longest.

    Source: SEC-03 (retention by kind), T9.
    """
    if acte.startswith("mssante."):
        return "mssante"
    return "securite" if acte.startswith(_SECURITE) else "dossier"


def libelle_of(acte: str) -> str:
    """Return the words of an act; its own code when nobody named it. Source: TIT-12."""
    if acte in LIBELLES:
        return LIBELLES[acte]
    return next((mots for debut, mots in PREFIXES.items() if acte.startswith(debut)), acte)


def famille_of(acte: str) -> str:
    """Return the prefix of the family an act is searched under; empty for none. Source: TIT-12."""
    for debut, famille in _FAMILLE_DE.items():
        if acte.startswith(debut):
            return famille
    return next((famille for famille in FAMILLES if acte.startswith(famille)), "")


def actes_of(choix: str) -> tuple[str, ...]:
    """Return the acts that a choice of the screen means: one act, or a family (« ins. »).

    Source: TIT-12 (search by act). Nothing for what is neither.
    """
    if choix in FAMILLES:
        return tuple(acte for acte in LIBELLES if famille_of(acte) == choix)
    return (choix,) if choix in LIBELLES else ()
