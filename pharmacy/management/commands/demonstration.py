"""`manage.py demonstration`: two demonstration officines; `--identifiants` prints the logins."""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from pharmacy import chiffre
from pharmacy.demonstration.donnees import HALLE, OFFICINES, PAT_TROIS, OfficineDemo
from pharmacy.isolation.contexte import officine_context
from pharmacy.isolation.middleware import officine_of_finess
from pharmacy.models import Officine, Operateur, Patient, Poste, Produit, SecondFacteur, Stock
from pharmacy.services.patient import PorteurCarte, compute_recherche


class Command(BaseCommand):
    """Idempotent: what exists is left as it is."""

    help = "Remplit les officines de démonstration."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--identifiants` prints and changes nothing."""
        parser.add_argument("--identifiants", action="store_true")

    def handle(self, *_args: object, **options: Any) -> None:  # noqa: ANN401
        """Create, or print."""
        if settings.ENVIRONNEMENT != "simulateur":
            raise CommandError("Les données de démonstration n'existent qu'en « simulateur ».")
        if options["identifiants"]:
            self._print()
            return
        for demo in OFFICINES:
            fill(demo)

    def _print(self) -> None:
        self.stdout.write(f"  {HALLE.nom}")
        for op in HALLE.operateurs:
            self.stdout.write(
                f"    {op.code}  {op.prenom} {op.nom} ({op.role}) · "
                f"mot de passe {op.mot_de_passe} · PIN {op.pin}"
            )
        self.stdout.write("  Le plateau de démonstration s'ouvre depuis le ruban SIMULATEUR.")


def fill(demo: OfficineDemo) -> Officine:
    """Create one officine with its postes, people, stock and known patient."""
    officine_id = officine_of_finess(demo.finess)
    if officine_id is None:
        officine_id = (
            Officine.objects.using("proprietaire")
            .create(finess=demo.finess, nom=demo.nom, adresse=demo.adresse, numero_am=demo.finess)
            .pk
        )
    with officine_context(officine_id), transaction.atomic():
        officine = Officine.objects.get(pk=officine_id)
        for code, libelle in demo.postes:
            if not Poste.objects.filter(code=code, officine=officine).exists():
                Poste.objects.create(
                    officine=officine,
                    code=code,
                    libelle=libelle,
                    wid="p_" + uuid4().hex[:8].upper(),
                )
        for op in demo.operateurs:
            if not Operateur.objects.filter(code=op.code, officine=officine).exists():
                operateur = Operateur.objects.create_operateur(
                    officine,
                    op.code,
                    op.mot_de_passe,
                    op.pin,
                    nom=op.nom,
                    prenom=op.prenom,
                    role=op.role,
                    rpps=op.rpps,
                )
                _give_factor(operateur, op.totp)
        _fill_stock(officine)
        if demo is HALLE:
            _fill_patient(officine)
    return officine


def _give_factor(operateur: Operateur, cle: str) -> None:
    """The titulaire of the demonstration has a second factor, whose code the page shows."""
    if cle:
        SecondFacteur.objects.create(
            officine_id=operateur.officine_id,
            operateur=operateur,
            secret=cle,
            active_le=timezone.now(),
        )


def _fill_stock(officine: Officine) -> None:
    connus = set(Stock.objects.filter(officine=officine).values_list("cip13", flat=True))
    Stock.objects.bulk_create(
        Stock(officine=officine, cip13=cip13, quantite=12)
        for cip13 in Produit.objects.values_list("cip13", flat=True)
        if cip13 not in connus
    )


def _fill_patient(officine: Officine) -> None:
    """The patient of journey 1: known by her card, identity already qualified."""
    demo = PAT_TROIS
    porteur = PorteurCarte(
        demo.nir_assure,
        demo.nir_assure,
        demo.naissance.strftime("%Y%m%d"),
        1,
        "0",
        demo.nom_naissance,
        demo.nom_naissance,
        demo.premier_prenom,
        demo.naissance,
    )
    if Patient.objects.filter(officine=officine, carte_empreinte=porteur.empreinte).exists():
        return
    titulaire = Operateur.objects.get(officine=officine, code="A01")
    patient = Patient(
        officine=officine,
        nom_naissance=demo.nom_naissance,
        premier_prenom=demo.premier_prenom,
        prenoms_naissance=demo.prenoms,
        date_naissance=demo.naissance,
        sexe=demo.sexe,
        cog_naissance=demo.cog,
        statut=Patient.Statut.QUAL,
        ins_matricule=demo.matricule,
        ins_empreinte=chiffre.empreinte("ins", demo.matricule),
        ins_oid=demo.oid,
        ins_traits_version=1,
        nir_assure=demo.nir_assure,
        nir_certifie=demo.nir_assure,
        naissance_facturation=porteur.naissance,
        carte_empreinte=porteur.empreinte,
        cree_par=titulaire,
    )
    patient.recherche = compute_recherche(patient)
    patient.save()
