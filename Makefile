# The only door: each target is what CI runs. `make` alone lists them.
SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes
EXEC := $(PY) -m config.lanceur exec --
BASE := $(VENV)/.pret-base
DEV := $(VENV)/.pret-dev
PCSC := $(VENV)/.pret-pcsc

export PYTHONUTF8 := 1
.DELETE_ON_ERROR:
.PHONY: aide setup setup-dev run reset systeme pcsc test couverture test-fast check lint types arch gabarits \
	migrations fix pair bench bench-recherche bench-reprise bench-verification bench-audit bench-isolation bench-poste endurance exigences e2e \
	captures

aide: ## Cette liste
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(BASE) ## Environnement virtuel et dépendances verrouillées (ni apt, ni compilateur)

setup-dev: $(DEV) ## De plus : ce qu'il faut pour tester

$(BASE): requirements.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "Comptoir demande Python 3.11 ou plus récent : installez python3, puis relancez."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Comptoir demande Python 3.11 ou plus récent ; « $(PYTHON) » est plus ancien :" \
		"relancez avec PYTHON=/chemin/de/python3.11."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Le module venv de Python manque (Debian : apt install python3-venv), puis relancez."; \
		exit 1; }
	@echo "Préparation de l'environnement Python (une à deux minutes la première fois)…"
	@test -x $(PY) && $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV): $(BASE) requirements-dev.txt
	@echo "Préparation des outils de test…"
	@$(PIP) -r requirements.txt -r requirements-dev.txt
	@touch $@

# Built here, under the lock of their tools: after `systeme`, which brings compiler and headers.
$(PCSC): $(DEV) requirements-pcsc-outils.txt requirements-pcsc.txt
	@echo "Construction des liaisons avec les lecteurs (une minute la première fois)…"
	@$(PIP) -r requirements-pcsc-outils.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PIP) --no-build-isolation -r requirements-pcsc.txt
	@touch $@

run: $(BASE) ## Démarre tout ; une adresse s'affiche ; Ctrl-C arrête tout (PORT=8000)
	@exec $(PY) -m config.lanceur run --port $(PORT)

reset: $(BASE) ## Oublie les données de démonstration (mises de côté ; OUI=1 ne demande pas)
	@exec $(PY) -m config.lanceur reset

systeme: $(BASE) ## Paquets système des tests : les liste, les installe où c'est possible
	@$(PY) -m config.lanceur.systeme

pcsc: $(PCSC) ## Liaisons avec les lecteurs de cartes, pour les tests (demande « make systeme »)

pair: $(DEV) ## Le fournisseur OpenID indépendant des tests (npm, versions verrouillées ; le réseau une fois)
	@$(PY) -m tests.psc.pair

test: setup-dev ## Tout ce que l'intégration continue exécute
	@$(MAKE) --no-print-directory systeme
	@$(MAKE) --no-print-directory pcsc
	@$(MAKE) --no-print-directory pair
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory couverture
	@$(PY) -m pytest -n 2 -m "not pile and not navigateur and not pcsc"
	@$(PY) -m pytest -n 3 --dist loadscope -m "pile or navigateur or pcsc"

couverture: $(DEV) ## Règles et codecs, codes scannés, lectures des cartes : chaque branche est jouée
	@$(PY) -m pytest -q tests/ins/test_rules*.py tests/ins/test_codec*.py tests/ins/test_errors.py tests/ins/test_copies.py tests/ins/test_tolerances.py \
		tests/pharmacy/test_identite.py tests/psc/test_rules*.py --cov=psc.rules --cov=ins.rules --cov=ins.codec --cov=pharmacy.identite \
		--cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100
	@$(PY) -m pytest -q tests/agent/test_classification.py tests/agent/test_protocole.py \
		tests/agent/test_codes_lecteur.py tests/agent/test_protocole_enrolement.py --cov=agent.protocol \
		--cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100
	@$(PY) -m pytest -q tests/agent/test_atr.py tests/agent/test_vitale_min.py tests/agent/test_pcsc_choix.py \
		tests/agent/test_pcsc_erreurs.py --cov=agent.cards.atr --cov=agent.cards.vitale_min --cov=agent.cards.apcv_nfc \
		--cov=agent.cards.pcsc.choix --cov=agent.cards.pcsc.affectations --cov=agent.cards.pcsc.erreurs \
		--cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

test-fast: $(DEV) ## Règles, codecs et lois de la maison (moins de 20 s)
	@$(PY) -m pytest -q -k "test_rules or test_codec or house"

e2e: $(DEV) ## Les parcours dans Chromium
	@$(MAKE) --no-print-directory systeme
	@$(MAKE) --no-print-directory pcsc
	@$(PY) -m pytest -m navigateur

check: lint types arch gabarits migrations ## Toutes les vérifications, avant chaque envoi

lint: $(DEV) ## Ruff : règles et mise en forme
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: $(DEV) ## Mypy strict
	@$(PY) -m mypy .

arch: $(DEV) ## Qui importe qui (import-linter)
	@$(VENV)/bin/lint-imports

gabarits: $(DEV) ## Gabarits : djlint
	@$(PY) -m djlint --profile=django --quiet --check templates
	@$(PY) -m djlint --profile=django --quiet --lint templates

migrations: $(DEV) ## Aucune migration ne manque
	@$(EXEC) $(PY) manage.py makemigrations --check --dry-run

fix: $(DEV) ## Corrige ce qui se corrige seul
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) -m djlint --profile=django --quiet --reformat templates || true

bench-poste: $(PCSC) ## Ce que l'agent ajoute entre une carte ou un code et la page
	@$(PY) -m bench.poste
	@$(PY) -m bench.panneau

endurance: $(PCSC) ## Six cents cartes au moins, cinq minutes au moins, par pilote : rien ne croît (un quart d'heure)
	@COMPTOIR_ENDURANCE=600 COMPTOIR_ENDURANCE_S=300 $(PY) -m pytest -q -s --timeout=0 tests/pcsc/test_endurance.py

bench-verification: $(DEV) ## Vérification par lots, en rapport à un client nu
	@$(PY) -m bench.verification

bench: $(DEV) ## Mesures, en rapport à une réalisation nue
	@$(PY) -m bench

bench-recherche: $(DEV) ## Recherche de patients à 150 000, puis 2 000 000 dossiers (dix minutes)
	@$(PY) -m bench recherche

bench-reprise: $(DEV) ## Reprise d'une base de 150 000 patients, contre COPY
	@$(PY) -m bench reprise

bench-audit: $(DEV) ## Le journal à 10 millions de lignes : recherche, acte noté, sceau (quinze minutes)
	@$(PY) -m bench audit

bench-isolation: $(DEV) ## Ce que l'isolation et le journal coûtent à une page, 1 000 officines (cinq minutes)
	@$(PY) -m bench isolation 1000

exigences: $(DEV) ## Exigences, cas et tests : la matrice, et ce qui manque
	@$(PY) -m tests.exigences

captures: $(DEV) ## Les images du guide, prises par les parcours (COMPTOIR_CAPTURES_ESSAIS=dossier des variantes)
	@COMPTOIR_CAPTURES=1 $(PY) -m pytest -q -m "not pcsc" tests/parcours
