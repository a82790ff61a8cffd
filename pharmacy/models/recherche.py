"""What patients are searched by: written by the database itself, whatever writes a patient.

The triggers of migration 0006_recherche keep both tables true at each insertion (COPY included),
change and removal of `pharmacy_patient`; nothing else writes them. Inactive files are not in them.
"""

from django.db import models

from pharmacy.models.officine import Officine
from pharmacy.models.patient import Patient


class MotPatient(models.Model):
    """One word of a file (name, glued compound, or birth date as JJMMAAAA), then its other words.

    « ZOE ADRUN 22121975 » beside « ADRUN ZOE 22121975 » and « 22121975 ADRUN ZOE »: the range of
    what begins with the rarest word typed is an index condition, which row-level security allows
    for leakproof operators only; the other words are looked for in what that range gives.
    """

    pk = models.CompositePrimaryKey("officine", "cle", "patient")
    officine = models.ForeignKey(
        Officine, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    cle = models.TextField("mot puis autres mots", db_collation="C")
    patient = models.ForeignKey(
        Patient,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        verbose_name = "mot d'un patient"

    def __str__(self) -> str:
        return f"mot du patient {self.patient_id}"


class MotConnu(models.Model):
    """A word that the officine's files have used, and how it is heard: what a misspelt one meant.

    Kept with the first file that brought it, so that two insertions never wait for each other. A
    word that no file uses any more leads nowhere, and costs nothing.
    """

    pk = models.CompositePrimaryKey("officine", "mot", "patient")
    officine = models.ForeignKey(
        Officine, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    mot = models.TextField("mot", db_collation="C")
    son = models.TextField("mot entendu", db_collation="C")
    patient = models.ForeignKey(
        Patient,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        verbose_name = "mot connu"
        indexes = [models.Index(fields=["officine", "son"], name="mot_connu_son")]

    def __str__(self) -> str:
        return f"mot connu du patient {self.patient_id}"
