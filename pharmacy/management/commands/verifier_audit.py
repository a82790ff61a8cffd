"""`manage.py verifier_audit`: does the journal hold? One sentence a fault; exit 1 at the first."""

from django.core.management.base import BaseCommand, CommandError

from pharmacy.services.verification_sceau import head_lines, verify_all


class Command(BaseCommand):
    """Check the seal of every officine, under the role of the application."""

    help = "Vérifie le sceau du journal de chaque officine ; sort en erreur au premier bloc rompu."

    def handle(self, *_args: object, **_options: object) -> None:
        """Print a line per officine, its heads, and each first fault; CommandError when one is."""
        rompus = 0
        for bilan in verify_all():
            signe = "✓" if bilan.ok else "✗"
            self.stdout.write(
                f"{signe} Officine {bilan.officine_id} : {bilan.lignes} lignes sous "
                f"{bilan.blocs} blocs, {bilan.retires} mois retirés."
            )
            for defaut in bilan.defauts:
                self.stdout.write(f"  ✗ {defaut.phrase}")
            for ligne in head_lines(bilan):
                self.stdout.write(f"  tête : {ligne}")
            rompus += not bilan.ok
        if rompus:
            raise CommandError(f"Le journal de {rompus} officine(s) ne tient pas.")
        self.stdout.write("Le journal tient.")
