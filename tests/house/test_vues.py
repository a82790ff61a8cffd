"""One table of every view of the product, and what holds for all of them.

A pattern absent from the table fails. For each view: who is not signed in is sent away, an operator
of another officine sees nothing, a role without the right is refused with a sentence, a read writes
no business row, a write needs its CSRF token, and what shows or changes a patient is audited.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone

from ins.models import ContexteApcv
from pharmacy.acteurs import DROITS, EN_VENTE
from pharmacy.http import _ECRITURE, _PERMISES
from pharmacy.isolation.contexte import officine_context
from pharmacy.models import (
    Audit,
    Habilitation,
    LigneDelivrance,
    Operateur,
    Ordonnance,
    RecuCarte,
    SessionOuverte,
    Vente,
)
from pharmacy.rules.portees import PORTEES
from psc.models import RattachementPsc
from teleservices.models import Envoi
from tests.house.scene import Decor
from tests.ordonnance.atelier import LEVOTHYROX, NUMERO
from tests.pharmacy.outil import Outil

pytestmark = pytest.mark.django_db
HX = {"HTTP_HX_REQUEST": "true"}
SANS_DROIT = "administratif"


@dataclass(frozen=True)
class Vue:
    """What a view declares, and how to call it in earnest.

    `droit` None: open to anyone. `ecrire` is the right a POST needs when it is stricter. `corps` is
    a body that succeeds (None: proved elsewhere, `ailleurs` says where). NAVIGATION is a GET that
    writes: the way to Pro Santé Connect and back. `etape` is how far the sale is. `trace` False:
    says why nothing is audited though a patient shows. What a key reads (`CLE`) has a scope, the
    id it names, and the act it leaves in the journal. `administration`: its writes need the
    administration mode, in which they are called here.
    """

    methodes: str
    droit: str | None = None
    ecrire: str | None = None
    corps: dict | None = field(default_factory=dict)
    requete: str = ""
    etape: str = "patient"
    code: str = "A01"
    trace: str = ""
    ailleurs: str = ""
    portee: str = ""
    ident: str = ""
    administration: bool = False


JOUR = f"{timezone.now():%Y-%m-%d}"
TELEPHONE = "tests/psc/test_ciba : il faut la session qui a demandé"
PSC = "tests/psc/test_arrivee : il faut Pro Santé Connect"
API = "tests/agent et tests/pharmacy : il faut un agent qui signe"
_E0 = "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d100"
LIGNES_NON_SERVIES = [f"L01:{n}:" for n in (_E0 + "1", _E0 + "2", _E0 + "3")]
TRAITS_SAISIS = {
    "nom": "NEUVE",
    "prenoms": "ANNE",
    "sexe": "F",
    "naissance": "01/02/1980",
}
VUES = {
    "portail": Vue("GET", "session"),
    "connexion": Vue("GET POST", corps={"code": "A02", "pin": "0"}, trace="personne encore"),
    "mot_de_passe": Vue("GET POST", trace="personne encore"),
    "connexion_second_facteur": Vue("GET POST", trace="personne encore"),
    "mot_de_passe_changer": Vue(
        "GET POST",
        "session",
        corps={"actuel": "halle-titulaire", "pin": "424243", "pin_confirmation": "424243"},
    ),
    "deconnexion": Vue("POST"),
    "verrouiller": Vue("POST", trace="ne touche aucun patient"),
    "touches": Vue("GET", "session"),
    "que_dire": Vue("GET", "session"),
    "vente_courante": Vue("GET POST", "vente", etape="finie"),
    "vente": Vue("GET", "vente"),
    "vente_produits": Vue("GET POST", "vente", corps={"cip": LEVOTHYROX}, requete="q=levo"),
    "vente_ligne": Vue("POST", "vente", corps={"quantite": "+"}),
    "vente_exoneration": Vue("POST", "vente", corps={"exoneration": "ALD"}),
    "vente_retablir": Vue("POST", "vente", etape="retiree"),
    "vente_fin": Vue("POST", "vente"),
    "vente_fin_page": Vue("GET", "vente", etape="finie"),
    "vente_attente": Vue("POST", "vente"),
    "vente_reprendre": Vue("POST", "vente", etape="attente"),
    "vente_annuler": Vue("POST", "vente"),
    "vente_patient": Vue("GET POST", "vente", corps={"patient": "{patient_id}"}),
    "vente_prescription": Vue("POST", "vente", corps={"date_prescription": JOUR}),
    "vente_beneficiaires": Vue("GET POST", "vente", corps={"rang": "0"}, etape="rien"),
    "patients": Vue("GET POST", "patient.lire", corps={"q": "pat"}),
    "patient_creer": Vue(
        "GET POST",
        "patient.creer",
        corps={
            "nom_naissance": "NEUVE",
            "premier_prenom": "ANNE",
            "date_naissance": "01/02/1980",
            "sexe": "F",
        },
    ),
    "patient": Vue("GET", "patient.lire"),
    "donnees": Vue("GET", "session"),
    "parametres_officine": Vue(
        "GET POST",
        "parametres.lire",
        "parametres.modifier",
        corps={"cle": "session.verrouillage_minutes", "valeur": "10"},
    ),
    "composants": Vue("GET", "session"),
    "administration": Vue(
        "GET POST",
        "administration",
        corps=None,
        ailleurs="tests/pharmacy/test_administration : il faut un code",
    ),
    "administration_fermer": Vue("POST", "session", trace="rien d'ouvert, rien à dire"),
    "administration_etat": Vue("GET", "session"),
    "second_facteur": Vue(
        "GET POST",
        "session",
        corps=None,
        ailleurs="tests/pharmacy/test_administration : il faut un code",
    ),
    "equipe_second_facteur_retirer": Vue("POST", "operateurs.reinitialiser", administration=True),
    "equipe": Vue("GET", "operateurs.debloquer"),
    "equipe_debloquer": Vue("POST", "operateurs.debloquer"),
    "equipe_reinitialiser": Vue("POST", "operateurs.reinitialiser", administration=True),
    "equipe_associer": Vue("POST", "postes.gerer", administration=True),
    "equipe_arrivee": Vue(
        "GET POST",
        "operateurs.gerer",
        corps={"code": "C01", "prenom": "Noé", "nom": "PETIT", "role": "adjoint"},
        administration=True,
    ),
    "equipe_operateur": Vue(
        "GET POST",
        "operateurs.gerer",
        corps={"prenom": "Sam", "nom": "LEROY", "role": "apprenti"},
        administration=True,
    ),
    "equipe_depart": Vue(
        "GET POST", "operateurs.gerer", corps={"quand": "maintenant"}, administration=True
    ),
    "equipe_retour": Vue(
        "GET POST",
        "operateurs.gerer",
        corps={"prenom": "Lou", "nom": "PARTIE", "role": "preparateur"},
        etape="parti",
        administration=True,
    ),
    "equipe_habilitations": Vue(
        "GET POST",
        "operateurs.gerer",
        corps={"droit": "adjoint:vente", "marque": "{marque}"},
        administration=True,
    ),
    "equipe_habilitations_personne": Vue(
        "GET POST",
        "operateurs.gerer",
        corps={"droit": "vente", "marque": "{marque}"},
        administration=True,
    ),
    "equipe_sessions": Vue("GET", "sessions.fermer"),
    "equipe_session_fermer": Vue("POST", "sessions.fermer"),
    "situation": Vue("GET POST", "vente", corps={"lire": "oui"}),
    "situation_active": Vue("GET", "vente"),
    "journal": Vue("GET POST", "journal.lire", corps={"q": "pat"}, requete="patient={patient_id}"),
    "journal_csv": Vue("GET", "journal.lire", requete="patient={patient_id}"),
    "journal_sceau": Vue("GET", "journal.lire"),
    "journal_dossier": Vue("GET", "journal.lire"),
    "postes": Vue("GET POST", "postes.gerer", corps={"libelle": "Comptoir 3"}),
    "poste": Vue("GET", "postes.gerer"),
    "poste_etat": Vue("GET", "postes.gerer"),
    "poste_essai": Vue("GET", "postes.gerer"),
    "poste_essai_etat": Vue("GET", "postes.gerer"),
    "poste_essai_agent": Vue("POST", "postes.gerer", corps={"reponse": "{{}}", "use": "cps"}),
    "poste_code": Vue("POST", "postes.gerer"),
    "poste_decider": Vue(
        "POST",
        "postes.gerer",
        corps={"comparaison": "{comparaison}", "accord": "oui"},
        etape="enrolement",
    ),
    "poste_revoquer": Vue("POST", "postes.gerer", administration=True),
    "flux": Vue("GET", "vente", requete="vente={vente_id}", ailleurs="un flux ne finit pas"),
    "flux_etat": Vue(
        "GET", "vente", requete="vente={vente_id}", trace="rafraîchit une page déjà tracée"
    ),
    "sante": Vue("GET", trace="aucune donnée"),
    "sante_vivant": Vue("GET", trace="aucune donnée"),
    "sante_pret": Vue("GET", trace="aucune donnée"),
    "metriques": Vue("GET", trace="des nombres"),
    "integrations": Vue(
        "GET POST",
        "integrations.gerer",
        corps={"nom": "Tableau de bord", "portee": "file", "jours": "30"},
        administration=True,
    ),
    "integration_revoquer": Vue("POST", "integrations.gerer"),
    "api_schema": Vue("GET", "integrations.gerer"),
    "int_services": Vue("CLE", portee="services"),
    "int_file": Vue("CLE", portee="file"),
    "int_envois": Vue("CLE", portee="file"),
    "int_envoi": Vue("CLE", portee="file", ident="envoi_id"),
    "int_postes": Vue("CLE", portee="postes"),
    "int_parametres": Vue("CLE", portee="parametres"),
    "int_indicateurs": Vue("CLE", portee="indicateurs"),
    "int_ventes": Vue("CLE", portee="ventes", trace="vente.lister"),
    "int_vente": Vue("CLE", portee="ventes", ident="vente_id", trace="vente.voir"),
    "int_patient": Vue("CLE", portee="patients", ident="patient_id", trace="patient.ouvrir"),
    "api_enrolements": Vue("MACHINE", ailleurs="son code court"),
    "api_config": Vue("MACHINE", ailleurs="signée par la clé du poste"),
    "api_manifeste": Vue("MACHINE", trace="un texte signé par l'éditeur, le même pour tous"),
    "api_jwks": Vue("MACHINE", trace="des clés publiques"),
    "api_jetons": Vue("API", "session", ailleurs=API),
    "api_presence": Vue("API", "session", ailleurs=API),
    "api_nonces": Vue("API", "vente", ailleurs=API),
    "api_lectures": Vue("API", "vente", ailleurs=API),
    "api_carte_retiree": Vue("API", "vente", ailleurs=API),
    "api_preparer": Vue("API", "vente", ailleurs=API),
    "api_terminer": Vue("API", "vente", ailleurs=API),
    "api_scans": Vue("API", "vente", ailleurs=API),
    "file": Vue("GET", "file.voir"),
    "envoi": Vue("GET", "file.voir"),
    "envoi_relancer": Vue("POST", "file.agir"),
    "envoi_abandonner": Vue("POST", "file.agir", corps={"motif": "saisi deux fois"}),
    "ins_identite": Vue(
        "GET POST", "ins.appeler", corps=None, ailleurs="tests/ins/test_ecrans : il faut INSi"
    ),
    "ins_relancer": Vue("POST", "ins.appeler"),
    "ins_apcv": Vue("GET POST", "ins.appeler", corps={"numero": "1"}, etape="rien"),
    "ins_droits": Vue("GET", "vente", trace="rafraîchit une page déjà tracée"),
    "ins_droits_demander": Vue(
        "POST", "ins.appeler", corps=None, ailleurs="tests/ins/test_droits : il faut une adresse"
    ),
    "ins_traits": Vue("GET POST", "ins.appeler", corps=TRAITS_SAISIS),
    "ins_suite": Vue(
        "GET POST",
        "ins.appeler",
        corps=None,
        ailleurs="tests/ins/test_traits_saisis : INSi",
    ),
    "ins_appels": Vue("GET", "ins.appeler"),
    "ins_patient_traits": Vue("GET POST", "ins.appeler", corps=TRAITS_SAISIS),
    "ins_patient_suite": Vue(
        "GET POST",
        "ins.appeler",
        corps=None,
        ailleurs="tests/ins/test_traits_saisis : INSi",
    ),
    "ins_patient_identite": Vue(
        "GET POST",
        "ins.appeler",
        corps=None,
        ailleurs="tests/ins/test_traits_saisis : INSi",
    ),
    "ins_qualifier": Vue(
        "GET POST",
        "ins.qualifier",
        corps={"piece": "PA", "reponse": "conforme", "traits_version": "1"},
    ),
    "ins_proches": Vue("GET", "patient.lire"),
    "ins_fusion": Vue(
        "GET POST",
        "patient.lire",
        "ins.fusionner",
        corps={"garde": "{garde_id}", "motif": "piece", "vues": "{vues}"},
    ),
    "ins_ecarter": Vue("POST", "ins.taches", corps={"issue": "homonymes"}),
    "ins_fusions": Vue("GET", "ins.fusionner"),
    "ins_fusion_annuler": Vue("GET POST", "ins.fusionner"),
    "ins_sans_ins_vente": Vue("GET POST", "ins.appeler", corps={"motif": "anonymat"}),
    "ins_fiche": Vue("GET", "patient.lire"),
    "ins_fiche_qualifier": Vue(
        "GET POST",
        "ins.qualifier",
        corps={"piece": "PA", "reponse": "conforme", "traits_version": "1"},
    ),
    "ins_modifier_traits": Vue(
        "GET POST",
        "patient.creer",
        "ins.traits",
        corps={
            "nom_naissance": "PAT-TROIS",
            "prenoms_naissance": "DOMINIQUE",
            "premier_prenom": "DOMINIQUE",
            "date_naissance": "1979",
            "sexe": "F",
            "traits_version": "1",
            "motif": "saisie",
        },
    ),
    "ins_sans_ins": Vue("GET POST", "ins.appeler", corps={"motif": "aucun"}),
    "ins_acte": Vue("GET POST", "patient.lire", corps={"motif": "carte prêtée"}),
    "ins_copie_garder": Vue(
        "POST", "ins.copie", corps=None, ailleurs="tests/ins/test_copies : il faut un fichier"
    ),
    "ins_copie": Vue("GET", "ins.copie"),
    "ins_copie_supprimer": Vue("POST", "ins.copie"),
    "ins_taches": Vue("GET", "ins.taches"),
    "ins_tache_clore": Vue("GET POST", "ins.taches", corps={"issue": "Pièce revue, conforme"}),
    "ins_reprise": Vue(
        "GET POST",
        "ins.importer",
        corps=None,
        ailleurs="tests/ins/test_reprise : il faut un fichier",
    ),
    "ins_reprise_suivi": Vue("GET", "ins.importer"),
    "ins_reprise_csv": Vue("GET", "ins.importer"),
    "ins_reprise_confirmer": Vue("POST", "ins.importer"),
    "ins_reprise_annuler": Vue("POST", "ins.importer"),
    "ins_reprise_relancer": Vue("POST", "ins.importer", etape="immobile"),
    "ins_verifier_lot": Vue("GET POST", "ins.verifier_lot", corps={"perimetre": "toutes"}),
    "ins_verifier_lot_etat": Vue("GET", "ins.verifier_lot"),
    "ins_verifier_lot_agir": Vue(
        "POST", "ins.verifier_lot", corps={"acte": "pause"}, etape="verification"
    ),
    "ins_verifier": Vue("POST", "ins.appeler"),
    "ins_etiquette": Vue("GET", "ins.imprimer"),
    "ins_code_ins": Vue("GET POST", "ins.appeler", corps={"dossier": "{patient_id}"}, etape="code"),
    "ins_verifier_lue": Vue("POST", "ins.appeler", etape="code"),
    "ordonnance_saisie": Vue(
        "GET POST", "ordonnance.lire", corps={"numero": NUMERO}, etape="patient"
    ),
    "ordonnance_relancer": Vue("POST", "ordonnance.lire", etape="lue"),
    "ordonnance_panneau": Vue(
        "GET", "ordonnance.lire", etape="lue", trace="rafraîchit une page déjà tracée"
    ),
    "ordonnance_signer": Vue("POST", "ordonnance.lire", etape="lue", trace="la signature se trace"),
    "ordonnance_clore": Vue(
        "POST",
        "file.agir",
        corps=None,
        etape="papier",
        ailleurs="tests/ordonnance/test_services_vente : il faut une vente terminée",
    ),
    "ordonnance_papier": Vue("POST", "ordonnance.lire", etape="lue"),
    "ordonnance_arreter": Vue("POST", "ordonnance.lire", etape="lue"),
    "ordonnance_attente": Vue("GET", "ordonnance.lire", etape="lue"),
    "ordonnance_confirmation": Vue(
        "GET POST",
        "ordonnance.lire",
        corps={"patient": "oui", "conforme": "oui"},
        etape="recuperee",
    ),
    "ordonnance_renouvellement": Vue(
        "GET POST", "ordonnance.lire", corps={"numero": "0"}, etape="confirmee"
    ),
    "ordonnance_controle": Vue(
        "GET POST",
        "ordonnance.lire",
        "ordonnance.executer",
        corps={f"motif-{cle}": "REFUS_PATIENT" for cle in LIGNES_NON_SERVIES},
        etape="confirmee",
    ),
    "ordonnance_reponses": Vue(
        "POST",
        "ordonnance.lire",
        corps={f"motif-{LIGNES_NON_SERVIES[0]}": "RUPTURE"},
        etape="confirmee",
    ),
    "ordonnance_rattacher": Vue(
        "GET POST",
        "ordonnance.lire",
        corps=None,
        etape="confirmee",
        ailleurs="tests/ordonnance/test_rattachement : il faut un produit",
    ),
    "psc_depart": Vue("NAVIGATION POST", corps={}, ailleurs=PSC),
    "psc_billet": Vue("NAVIGATION POST", ailleurs=PSC),
    "psc_retour": Vue("NAVIGATION", ailleurs=PSC),
    "psc_suivi": Vue("GET", trace="aucun patient"),
    "psc_annuler": Vue("POST", ailleurs=PSC),
    "psc_confirmer": Vue("GET POST", ailleurs=PSC),
    "psc_situation": Vue("GET POST", "session", ailleurs=PSC),
    "psc_liens": Vue("GET", "psc.rattacher"),
    "psc_lien": Vue(
        "GET POST",
        "psc.rattacher",
        corps={"acte": "declarer", "rpps": "10100000065"},
        administration=True,
    ),
    "psc_mon_lien": Vue("GET POST", "session", corps={"acte": "lu"}, etape="avis"),
    "psc_ciba": Vue("GET POST", "session", ailleurs=TELEPHONE),
    "psc_ciba_attente": Vue("GET", "session", etape="telephone", ailleurs=TELEPHONE),
    "psc_ciba_annuler": Vue("POST", "session", etape="telephone", ailleurs=TELEPHONE),
    "psc_e_cps": Vue("GET", "session"),
    "ordonnance_a_regulariser": Vue("GET", "ordonnance.lire", etape="papier"),
}
VUES |= {
    "psc_etat": Vue("GET", "session"),
    "psc_quitter": Vue("GET", "session"),
    "psc_garder": Vue("POST", "session", trace="sans connexion : rien à garder"),
    "psc_deconnecter": Vue("POST", "session", trace="sans connexion : rien à fermer"),
    "psc_fin": Vue("GET", trace="une phrase, la même pour tous"),
    "psc_deconnexion_recue": Vue("MACHINE", ailleurs="signée par Pro Santé Connect"),
    "psc_sessions": Vue("GET", "session"),
    "psc_session_fermer": Vue("POST", "session", code="A02", trace="en son nom, pas d'A01"),
    "psc_sante": Vue("GET POST", "parametres.modifier"),
}
MACHINES = {nom for nom, vue in VUES.items() if vue.methodes == "MACHINE"}
OUVERTES = {nom for nom, vue in VUES.items() if vue.droit is None and vue.methodes != "API"}
PAR_CLE = {nom for nom, vue in VUES.items() if vue.methodes == "CLE"}
API_AGENT = {nom for nom, vue in VUES.items() if vue.methodes == "API"}


def _cas(methode):
    verbe = {"GET": {"GET"}, "POST": {"POST", "API"}}[methode]
    return [nom for nom, vue in VUES.items() if verbe & set(vue.methodes.split())]


APPELS = [(nom, m) for m in ("GET", "POST") for nom in _cas(m)]


def _patterns():
    def walk(motifs):
        for motif in motifs:
            if hasattr(motif, "url_patterns"):
                yield from walk(motif.url_patterns)
            else:
                yield motif

    return {motif.name: motif for motif in walk(get_resolver().url_patterns)}


class Scene(Decor):
    """The rows, and how a view of the table is called on them."""

    def url(self, nom):
        motif = _patterns()[nom]
        noms = motif.pattern.converters
        url = reverse(nom, kwargs={cle: self.ids[VUES[nom].ident or cle] for cle in noms})
        requete = VUES[nom].requete.format(**self.ids)
        return f"{url}?{requete}" if requete else url

    def call(self, client, nom, methode, **entetes):
        """Call a view with the body that succeeds for its officine."""
        vue = VUES[nom]
        corps = {cle: str(v).format(**self.ids) for cle, v in (vue.corps or {}).items()}
        if methode == "GET":
            return client.get(self.url(nom), **entetes)
        if nom in API_AGENT:
            corps = {"vente": self.ids["vente_id"], "canal": "scan", "text": "3400930065785"}
            return client.post(self.url(nom), corps, content_type="application/json", **entetes)
        return client.post(self.url(nom), corps, **entetes)


def _client(troupe, nom, methode, code=None):
    """A browser that may do it: its administration mode is open when the table says so."""
    code = code or VUES[nom].code
    ouvert = VUES[nom].administration and methode == "POST"
    return troupe.administration(code) if ouvert else troupe.client(code)


@pytest.fixture
def scene(halle):
    return lambda nom: Scene(halle, VUES[nom].etape)


def _texte(reponse):
    return b"".join(reponse).decode() if reponse.streaming else reponse.content.decode()


def _others(droit):
    """Return a role that does not hold `droit`; None when all do."""
    return next((r for r in (SANS_DROIT, "apprenti") if r not in DROITS[droit][0]), None)


def test_every_address_of_the_product_is_in_the_table():
    assert set(_patterns()) == set(VUES)


@pytest.mark.parametrize("nom", [n for n in VUES if n not in API_AGENT | MACHINES | PAR_CLE])
def test_each_view_declares_its_methods_and_its_right(nom):
    vue, declare = VUES[nom], _patterns()[nom].callback
    lire, ecrire = declare.methodes
    assert {"GET"} & set(vue.methodes.split()) == set(lire)
    attendues = {"GET" if m == "NAVIGATION" else m for m in vue.methodes.split()} - set(lire)
    assert {"GET", "POST"} & attendues == set(ecrire)
    assert declare.droit == vue.droit
    assert getattr(declare, "administration", False) is vue.administration


@pytest.mark.parametrize("nom", sorted(API_AGENT))
def test_each_door_of_the_agent_declares_its_right(nom):
    assert _patterns()[nom].callback.cls.droit == VUES[nom].droit


@pytest.mark.parametrize("nom", sorted(MACHINES))
def test_a_door_for_agents_ignores_sessions_and_wants_its_own_proof(scene, halle, nom):
    """No cookie opens it; without its proof it says public keys only."""
    scene = scene(nom)
    avant = _rows(halle), Audit.objects.count()
    for client in (halle.client("A01"), Client(HTTP_HOST="127.0.0.1")):
        for methode in ("get", "post"):
            reponse = getattr(client, methode)(
                scene.url(nom), {"code": "00000000"}, content_type="application/json"
            )
            if nom == "api_jwks" and methode == "get":
                assert "PRIVATE" not in _texte(reponse)
                assert all("d" not in cle for cle in reponse.json()["keys"])
            else:
                assert reponse.status_code in {400, 401, 403, 404, 405}
            assert scene.ids["wid"] not in _texte(reponse)
    assert (_rows(halle), Audit.objects.count()) == avant


@pytest.mark.parametrize("nom", sorted(PAR_CLE))
@pytest.mark.exigence("SEC-06", "SEC-15")
def test_what_a_key_reads_is_of_its_officine_its_scope_and_its_journal(scene, halle, port, nom):
    """A session opens nothing; another officine's key finds nothing; a read is traced, a key named.

    No role has a place here: what the titulaire ticked is all that a key may.
    """
    scene, vue = scene(nom), VUES[nom]
    url = scene.url(nom)
    assert _patterns()[nom].callback.cls.portee == vue.portee
    assert halle.client("A01").get(url).status_code == 401
    assert halle.client("A01").post(url).status_code == 401
    tout = {p: Outil(troupe, *PORTEES) for p, troupe in (("ici", halle), ("ailleurs", port))}
    sans = Outil(halle, *(p for p in PORTEES if p != vue.portee))
    avant = _rows(halle), Audit.objects.count()

    def read(outil, client=None):
        return (client or outil.client).get(url, HTTP_AUTHORIZATION=f"Bearer {outil.secret}")

    assert read(sans).status_code == 403
    # The cookie of the officine does not lend its rows to the key of another.
    ailleurs = read(tout["ailleurs"], halle.client("A01"))
    assert ailleurs.status_code == (404 if vue.ident else 200)
    assert "PAT-TROIS" not in _texte(ailleurs)
    assert (_rows(halle), Audit.objects.count()) == avant
    ici = read(tout["ici"])
    assert ici.status_code == 200
    assert _rows(halle) == avant[0]
    lignes = Audit.objects.order_by("pk")[avant[1] :]
    assert {ligne.acte for ligne in lignes} <= {vue.trace, "vente.voir"}
    assert bool(lignes) == bool(vue.trace)
    assert {ligne.precision for ligne in lignes} <= {tout["ici"].cle.repere}


@pytest.mark.parametrize(("nom", "methode"), [a for a in APPELS if a[0] not in OUVERTES])
@pytest.mark.exigence("SEC-06")
def test_who_is_not_signed_in_is_sent_to_sign_in(scene, halle, nom, methode):
    scene = scene(nom)
    for client in (halle.navigateur(), Client(HTTP_HOST="127.0.0.1")):
        reponse = scene.call(client, nom, methode)
        if reponse.status_code == 302:
            assert reponse["Location"].startswith("/connexion/")
        else:
            assert reponse.status_code in {401, 403}
        assert "PAT-TROIS" not in _texte(reponse)
        assert "DOMINIQUE" not in _texte(reponse)


@pytest.mark.parametrize(("nom", "methode"), [a for a in APPELS if a[0] not in OUVERTES])
@pytest.mark.exigence("SEC-06")
def test_the_ids_of_another_officine_name_nothing(scene, halle, port, nom, methode):
    scene = scene(nom)
    avant = _rows(halle)
    client = _client(port, nom, methode, "A01")
    client.raise_request_exception = False
    reponse = scene.call(client, nom, methode, **HX)
    nomme = bool(_patterns()[nom].pattern.converters) or "{" in VUES[nom].requete
    if nomme:
        assert reponse.status_code in {403, 404}
    assert reponse.status_code < 500
    texte = _texte(reponse)
    for mot in ("PAT-TROIS", "DOMINIQUE", "ROUSSEAU", "279035121518989"):
        assert mot not in texte
    if nom != "flux":  # it gives its connection back: nothing more is read in this test
        assert _rows(halle) == avant


def _rows(troupe):
    """What a stranger could have changed: sales, lines, prescriptions, sendings, people."""
    return [
        list(modele.objects.order_by("pk").values())
        for modele in (
            Vente,
            LigneDelivrance,
            Ordonnance,
            Envoi,
            Operateur,
            RecuCarte,
            ContexteApcv,
            Habilitation,
            SessionOuverte,
            RattachementPsc,
        )
    ]


@pytest.mark.parametrize(
    ("nom", "methode"),
    [
        (nom, m)
        for nom, m in APPELS
        if nom not in OUVERTES and _others((m == "POST" and VUES[nom].ecrire) or VUES[nom].droit)
    ],
)
def test_a_role_without_the_right_is_told_so(scene, halle, nom, methode):
    scene = scene(nom)
    vue = VUES[nom]
    role = _others((methode == "POST" and vue.ecrire) or vue.droit)
    operateur = halle.operateurs["B01"]
    Operateur.objects.filter(pk=operateur.pk).update(role=role)
    avant = _rows(halle)
    reponse = scene.call(_client(halle, nom, methode, "B01"), nom, methode)
    assert reponse.status_code == 403
    texte = _texte(reponse)
    assert "PAT-TROIS" not in texte
    if nom != "flux":
        assert "Votre profil ne permet pas de" in texte
    assert _rows(halle)[:4] == avant[:4]


@pytest.mark.parametrize("nom", [n for n in VUES if VUES[n].administration])
@pytest.mark.exigence("TIT-03", "SEC-07")
def test_an_act_of_administration_is_refused_outside_the_mode(scene, halle, nom):
    scene = scene(nom)
    avant = _rows(halle), Audit.objects.count()
    reponse = scene.call(halle.client("A01"), nom, "POST")
    assert reponse.status_code == 403
    assert "Ouvrir le mode administration" in _texte(reponse)
    assert "ADM-001" in _texte(reponse)
    assert (_rows(halle), Audit.objects.count()) == avant


def _of_a_sale(nom, methode):
    """Whether a call makes or shows a sale: by its right, or by the sale its address names."""
    droit = (methode == "POST" and VUES[nom].ecrire) or VUES[nom].droit
    return droit in EN_VENTE or "vente_id" in _patterns()[nom].pattern.converters


@pytest.mark.parametrize(("nom", "methode"), [a for a in APPELS if _of_a_sale(*a)])
@pytest.mark.exigence("TIT-03")
def test_no_sale_is_made_or_shown_while_the_administration_mode_is_open(scene, halle, nom, methode):
    scene = scene(nom)
    avant = _rows(halle)
    reponse = scene.call(halle.administration("A01"), nom, methode)
    assert reponse.status_code in {403, 409}
    if nom != "flux":  # its refusal has no words: the page that opened it has them
        assert "aucune vente ne se fait" in _texte(reponse)
        assert _rows(halle) == avant


@contextmanager
def _annule():
    """What is done inside is undone: the next role meets the same scene."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("nom", "methode"), [a for a in APPELS if a[0] not in OUVERTES and a[0] != "flux"]
)
@pytest.mark.exigence("TIT-02", "SEC-06")
def test_each_role_meets_its_right_at_home_and_nothing_elsewhere(scene, halle, port, nom, methode):
    """Each role × each address × own and other officine, out of the table alone."""
    scene, vue = scene(nom), VUES[nom]
    roles = DROITS[(methode == "POST" and vue.ecrire) or vue.droit][0]
    nomme = bool(_patterns()[nom].pattern.converters) or "{" in vue.requete
    for troupe, code in ((halle, "A02"), (port, "A01")):
        for role in Operateur.Role.values:
            with _annule():
                with officine_context(troupe.officine.pk):
                    Operateur.objects.filter(pk=troupe.operateurs[code].pk).update(role=role)
                client = _client(troupe, nom, methode, code)
                client.raise_request_exception = False
                statut = scene.call(client, nom, methode).status_code
            assert statut < 500, role
            if nomme and troupe is port:
                assert statut in {403, 404}, role
            else:
                assert (statut != 403) == (role in roles), (troupe.officine.nom, role)


@pytest.mark.parametrize("nom", [n for n in _cas("GET") if n != "flux"])
def test_a_read_writes_no_business_row(scene, halle, nom):
    scene = scene(nom)
    client = halle.client(VUES[nom].code)
    for entetes in ({}, HX):
        with CaptureQueriesContext(connection) as requetes:
            reponse = scene.call(client, nom, "GET", **entetes)
        assert reponse.status_code in {200, 204, 302} or VUES[nom].ailleurs
        ecrites = [q["sql"] for q in requetes if _ECRITURE.match(q["sql"])]
        assert [sql for sql in ecrites if not _PERMISES.match(sql)] == []


@pytest.mark.parametrize("nom", _cas("POST"))
def test_a_write_without_its_token_is_refused(scene, halle, nom):
    scene = scene(nom)
    client = halle.client(VUES[nom].code)
    client.handler.enforce_csrf_checks = True
    avant = _rows(halle)
    assert scene.call(client, nom, "POST").status_code == 403
    assert _rows(halle) == avant


@pytest.mark.parametrize("nom", [n for n in _cas("POST") if n not in API_AGENT])
def test_a_method_that_is_not_declared_is_refused(scene, halle, nom):
    scene = scene(nom)
    client = halle.client(VUES[nom].code)
    for methode in ("put", "delete", "patch"):
        assert getattr(client, methode)(scene.url(nom)).status_code == 405
    if not {"GET", "NAVIGATION"} & set(VUES[nom].methodes.split()):
        assert client.get(scene.url(nom)).status_code == 405


@pytest.mark.parametrize("nom", [n for n, v in VUES.items() if "NAVIGATION" in v.methodes])
@pytest.mark.exigence("SEC-06")
def test_a_navigation_that_nobody_of_ours_began_changes_nothing(scene, halle, port, nom):
    """From another site, without a poste, by the colleague of another officine: no row moves."""
    scene = scene(nom)
    avant = _rows(halle), Audit.objects.count()
    ailleurs = {"HTTP_SEC_FETCH_SITE": "cross-site"}
    for client in (halle.client("A01"), port.client("A01"), Client(HTTP_HOST="127.0.0.1")):
        reponse = client.get(scene.url(nom), **ailleurs)
        assert reponse.status_code in {400, 403, 404}
        assert reponse["Referrer-Policy"] == "no-referrer"
    assert (_rows(halle), Audit.objects.count()) == avant


@pytest.mark.parametrize("nom", [n for n in _cas("GET") if not VUES[n].ailleurs])
@pytest.mark.exigence("SEC-09")
def test_what_shows_a_patient_leaves_a_line_in_the_audit(scene, halle, nom):
    scene = scene(nom)
    client = halle.client(VUES[nom].code)
    for entetes in ({}, HX):
        avant = Audit.objects.count()
        texte = _texte(scene.call(client, nom, "GET", **entetes))
        if any(mot in texte for mot in ("PAT-TROIS", "DOMINIQUE", "279035121518989")):
            assert Audit.objects.count() > avant or VUES[nom].trace, nom


@pytest.mark.parametrize(
    "nom", [n for n in _cas("POST") if not (VUES[n].ailleurs or VUES[n].trace)]
)
@pytest.mark.exigence("SEC-09")
def test_every_write_succeeds_for_its_officine_and_leaves_a_line(scene, halle, nom):
    scene = scene(nom)
    client = _client(halle, nom, "POST")
    avant = Audit.objects.count()
    reponse = scene.call(client, nom, "POST")
    assert reponse.status_code in {200, 204, 302}, _texte(reponse)
    lignes = list(Audit.objects.order_by("pk")[avant:])
    assert lignes
    assert {ligne.operateur_id for ligne in lignes} == {halle.operateurs["A01"].pk}
