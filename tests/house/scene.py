"""The scene that every view is played on: a sale, as far as the view needs it, and its rows."""

import json
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ins.models import ContexteApcv, CopiePiece, PieceControlee
from ins.services.fusion import mark_of
from ins.services.taches import open_tache
from pharmacy.models import LigneDelivrance, Operateur, RecuCarte, SessionOuverte
from pharmacy.services.habilitations import matrix_of_roles
from pharmacy.services.vente import Boite, ligne_add, patient_choose, vente_hold, vente_terminate
from psc.models import RattachementPsc, TentativePsc
from teleservices.models import Envoi
from tests.house.test_contrats import CONTRATS
from tests.ins.dossiers import dossier, fuse, with_piece
from tests.ordonnance.atelier import LEVOTHYROX, NUMERO, confirmer, recuperer
from tests.psc.sessions_psc import attache


class Decor:
    """A sale of the first officine, as far as the view needs it, and the ids of its rows."""

    def __init__(self, troupe, etape):
        self.troupe = troupe
        acteur = troupe.acteur("A01")
        self.vente = vente = troupe.vente("A01")
        self.ids = {
            "vente_id": vente.pk,
            "patient_id": troupe.patient().pk,
            "operateur_id": troupe.operateurs["B01"].pk,
            "poste_id": troupe.postes[1].pk,
            "ligne_id": ligne_add(acteur, vente.pk, Boite(cip13=LEVOTHYROX)).pk,
            "recu_id": self._recu().pk,
            "wid": troupe.postes[1].wid,
            "comparaison": "",
            "tache_id": open_tache(troupe.patient(), "piece_differente").pk,
            "acte": "douter",
            "billet": f"{troupe.officine.pk}.inconnu",
            "tentative_id": "6b1f5a10-0c3b-4e0b-9b59-0a4f1c2d1099",
            "verbe": "reader.assign",
            "contexte_id": self._contexte().pk,
            "session_id": self._session().pk,
            "psc_id": attache(troupe).pk,
            "marque": matrix_of_roles(troupe.officine.pk).marque,
        }
        if etape == "parti":
            self.ids["operateur_id"] = self._gone().pk
        if etape in {"patient", "recuperee", "lue", "papier", "finie", "attente", "retiree"}:
            patient_choose(acteur, vente.pk, troupe.patient(), "recherche")
        self.ids["verification_id"] = self._verification(acteur) if etape == "verification" else 0
        self.ids["lecture_id"] = self._lecture(acteur) if etape == "code" else 0
        self.ids["piece_id"], self.ids["copie_id"] = self._copie()
        self._prescription(etape)
        self._finish(acteur, etape)
        self.ids["envoi_id"] = self._envoi().pk
        self.ids["import_id"] = self._reprise(etape).pk
        self._pair()
        if etape == "enrolement":
            self._enrol(acteur)
        if etape == "avis":
            self._avis()
        if etape == "telephone":
            self.ids["tentative_id"] = self._telephone().pk

    def _session(self):
        """The préparateur is signed in on the second poste."""
        cle = self.troupe.client("B01", 1).cookies[settings.SESSION_COOKIE_NAME].value
        return SessionOuverte.objects.create(
            officine=self.troupe.officine,
            operateur=self.troupe.operateurs["B01"],
            poste=self.troupe.postes[1],
            cle=cle,
        )

    def _gone(self):
        """Someone who left last year."""
        return Operateur.objects.create(
            officine=self.troupe.officine,
            code="P01",
            prenom="Lou",
            nom="PARTIE",
            role="preparateur",
            actif=False,
            depart="2025-12-31",
        )

    def _enrol(self, acteur):
        """An agent gave the code of the second poste: its digits wait for the titulaire."""
        from pharmacy.postes import enrolement
        from tests.pharmacy.test_enrolement import presenter

        donne = enrolement.issue_code(acteur, self.troupe.postes[1])
        presenter(donne.secret)
        donne.refresh_from_db()
        self.ids["comparaison"] = donne.comparaison

    def _telephone(self):
        """Another session of the titulaire waits for their telephone."""
        return TentativePsc.objects.create(
            officine=self.troupe.officine,
            objet="ciba",
            poste=self.troupe.postes[0],
            operateur=self.troupe.operateurs["A01"],
            session_empreinte="e" * 64,
            numero="47",
            expire_le=timezone.now() + timedelta(minutes=2),
        )

    def _avis(self):
        """The titulaire reads of a change of their own link."""
        RattachementPsc.objects.create(
            officine=self.troupe.officine,
            operateur=self.troupe.operateurs["A01"],
            declare_par=self.troupe.operateurs["A01"],
            environnement="simulateur",
            rpps=self.troupe.operateurs["A01"].rpps,
            avis="rpps_change",
        )

    def _pair(self):
        """A second file of the same person, and another one already merged."""
        double, fusionne = (
            dossier(self.troupe, nom_utilise="PAT-TROIS", premier_prenom="DOMINIQUE")
            for _ in range(2)
        )
        self.ids["fusion_id"] = fuse(self.troupe, double, fusionne).pk
        self.ids |= {"garde_id": self.troupe.patient().pk, "absorbe_id": double.pk}
        self.ids["vues"] = mark_of(self.troupe.patient(), double)

    def _lecture(self, acteur):
        """The datamatrix of the patient was read, and an INS is kept aside for their file."""
        from ins.models import IdentiteRecue
        from ins.services import datamatrix
        from tests.ins.test_datamatrix import PAT_TROIS

        patient = self.troupe.patient()
        patient_choose(acteur, self.vente.pk, patient, "recherche")
        IdentiteRecue.objects.create(
            officine=self.troupe.officine,
            patient=patient,
            source="datamatrix",
            matricule=patient.ins_matricule,
            empreinte=patient.ins_empreinte,
            oid=patient.ins_oid,
            traits=datamatrix.dump_traits(PAT_TROIS.traits()),
            recue_par=self.troupe.operateurs["A01"],
        )
        return datamatrix.keep(acteur, self.vente, PAT_TROIS).pk

    def _copie(self):
        """A passport was shown by someone, and a copy of it is kept."""
        piece = PieceControlee.objects.get(patient=with_piece(dossier(self.troupe)))
        copie = CopiePiece.objects.create(
            officine=self.troupe.officine,
            piece=piece,
            contenu=b"%PDF-1.7 copie",
            genre="application/pdf",
            prise_par=self.troupe.operateurs["A01"],
            purge_le=timezone.localdate() + timedelta(days=30),
        )
        return piece.pk, copie.pk

    def _verification(self, acteur):
        from ins.services import lots

        return lots.start(acteur, "toutes").pk

    def _prescription(self, etape):
        from ordonnance.services import recuperation

        if etape in {"lue", "papier"}:
            numerique = recuperation.fetch(self.troupe.acteur("A01"), self.vente.pk, NUMERO, "SCAN")
            if etape == "papier":
                recuperation.to_paper(self.troupe.acteur("A01"), numerique.pk)
        elif etape == "recuperee":
            numerique = recuperer(self.troupe, self.vente)
        elif etape == "confirmee":
            numerique = confirmer(self.troupe, self.vente)
        else:
            self.ids["numerique_id"] = 0
            return
        self.ids["numerique_id"] = numerique.pk

    def _finish(self, acteur, etape):
        if etape == "finie":
            vente_terminate(acteur, self.vente.pk)
        elif etape == "attente":
            vente_hold(acteur, self.vente.pk)
        elif etape == "retiree":
            LigneDelivrance.objects.filter(pk=self.ids["ligne_id"]).update(annulee=True)

    def _recu(self):
        carte = {
            "assure": {"nir": "2790351215189"},
            "beneficiaires": [
                {"prenom": prenom, "nom_usuel": "PAT-TROIS", "date_naissance": naissance}
                for prenom, naissance in (("DOMINIQUE", "19790328"), ("LOUISE", "20110412"))
            ],
        }
        return RecuCarte.objects.create(
            officine=self.troupe.officine,
            jti="jti",
            poste=self.troupe.postes[0],
            operateur=self.troupe.operateurs["A01"],
            operation="vitale.read",
            data_sha256="0" * 64,
            simule=True,
            donnees=json.dumps(carte).encode(),
        )

    def _reprise(self, etape):
        from ins.models import ImportPatients

        reprise = ImportPatients.objects.create(
            officine=self.troupe.officine,
            etat="a_lire" if etape == "immobile" else "lu",
            contenu=b"nom;prenom\nESSAI;ZOE\n",
            demande_par=self.troupe.operateurs["A01"],
        )
        ImportPatients.objects.filter(pk=reprise.pk).update(avance_le="2026-01-01T00:00:00Z")
        return reprise

    def _contexte(self):
        """An appli carte Vitale was read: nobody is chosen yet."""
        contrat = CONTRATS / "exemples-apcv/02-contexte.json"
        return ContexteApcv.objects.create(
            officine=self.troupe.officine,
            vente=self.vente,
            envoi=Envoi.objects.create(
                officine=self.troupe.officine,
                service="apcv",
                operation="apcv.ouvrir",
                cle="apcv-de-la-table",
                sujet=f"vente:{self.vente.pk}",
                etat="envoye",
                file="interactif",
                lecture=True,
                operateur=self.troupe.operateurs["A01"],
                pas_avant=timezone.now(),
            ),
            operateur=self.troupe.operateurs["A01"],
            etat="a_choisir",
            identifiant="c_7d1c1c526f0e",
            usage="titulaire",
            expire_le=timezone.now() + timedelta(minutes=30),
            donnees=json.dumps(json.loads(contrat.read_text("utf-8"))["corps"]).encode(),
        )

    def _envoi(self):
        return Envoi.objects.create(
            officine=self.troupe.officine,
            service="epu",
            operation="ordonnance.liberer",
            cle="cle-de-la-table",
            sujet=f"on:{self.ids['numerique_id']}",
            etat="refuse",
            file="lots",
            operateur=self.troupe.operateurs["A01"],
            pas_avant=timezone.now(),
            dernier_message="Refusé par le service.",
            dernier_code="EPU-001",
        )
