"""`manage.py officines`: the officines of the installation, without anything of their patients."""

from django.core.management.base import BaseCommand

from pharmacy.services.hebergement import officine_list


class Command(BaseCommand):
    """One line an officine: FINESS, state, people, postes, sessions."""

    help = "Liste les officines : FINESS, état, opérateurs, postes, sessions ouvertes."

    def handle(self, *_args: object, **_options: object) -> None:
        """Print the list."""
        etats = officine_list()
        for etat in etats:
            officine = etat.officine
            self.stdout.write(
                f"{officine.finess}  {'ouverte  ' if officine.active else 'suspendue'}  "
                f"{etat.operateurs} opérateur(s), {etat.postes} poste(s), "
                f"{etat.sessions} session(s) ouverte(s)  {officine.nom}"
            )
        self.stdout.write(f"{len(etats)} officine(s).")
