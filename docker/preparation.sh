#!/bin/sh
# One-shot service: settings checked, migrations and reference data under the owner role.
set -eu
python manage.py check --fail-level ERROR
python manage.py migrate --database proprietaire --noinput
python - <<'PYTHON'
import django

django.setup()
from pharmacy.referentiel import medicaments

print(f"{medicaments.load()} produits de référence chargés.")
PYTHON
