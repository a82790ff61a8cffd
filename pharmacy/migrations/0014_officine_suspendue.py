"""The doors leave a suspended officine alone: its sendings stay in place, its agents are unknown."""

from django.db import migrations

_TETE = "LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $corps$"
_PORTES = (
    (
        "comptoir_poste_par_wid(quoi text) RETURNS TABLE(officine_id bigint, poste_id bigint)",
        "SELECT p.officine_id, p.id FROM pharmacy_poste p{} WHERE p.wid = quoi{}",
        "p",
    ),
    (
        "comptoir_code_enrolement(quoi text) RETURNS TABLE(officine_id bigint, code_id bigint)",
        "SELECT c.officine_id, c.id FROM pharmacy_codeenrolement c{} WHERE c.repere = quoi{}",
        "c",
    ),
    (
        "comptoir_envois_dus(limite integer) "
        "RETURNS TABLE(officine_id bigint, envoi_id bigint, file text, etat text)",
        "SELECT e.officine_id, e.id, e.file::text, e.etat::text FROM teleservices_envoi e{} "
        "WHERE e.etat IN ('a_envoyer', 'incertain') AND e.pas_avant <= now() - interval '1 second'"
        "{} ORDER BY e.pas_avant LIMIT limite",
        "e",
    ),
    (
        "comptoir_envois_perdus(age_s integer) "
        "RETURNS TABLE(officine_id bigint, envoi_id bigint)",
        "SELECT e.officine_id, e.id FROM teleservices_envoi e{} WHERE e.etat = 'en_vol' "
        "AND e.pris_le < now() - make_interval(secs => age_s){} LIMIT 500",
        "e",
    ),
)


def _porte(signature, corps, alias, *, ouvertes):
    jointure = f" JOIN pharmacy_officine o ON o.id = {alias}.officine_id" if ouvertes else ""
    return (
        f"CREATE OR REPLACE FUNCTION {signature} {_TETE} "
        + corps.format(jointure, " AND o.active" if ouvertes else "")
        + " $corps$"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("pharmacy", "0013_equipe"),
        ("teleservices", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(_porte(*porte, ouvertes=True), _porte(*porte, ouvertes=False))
        for porte in _PORTES
    ]
