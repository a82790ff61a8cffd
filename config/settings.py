"""Settings of Comptoir. Values come from the environment (`config/env.py`); nothing decided here.

The launcher (`python -m config.lanceur`) gives every value in the `simulateur` environment; an
installer gives them for `bac_a_sable` and `production` (docs/deploiement.md).
"""

from pathlib import Path

from config import env
from config.journalisation import build_logging

BASE_DIR = Path(__file__).resolve().parent.parent

VERSION = "0.1.0"
# Name of the software in ContexteLPS (ins.md §3.3).
NOM_LPS = f"urn:lps:comptoir:{VERSION}"
ENVIRONNEMENT = env.choix(
    "ENVIRONNEMENT", ("simulateur", "bac_a_sable", "production"), "simulateur"
)
DEBUG = False

_hors_production = ENVIRONNEMENT == "simulateur"
SECRET_KEY = env.texte("CLE_SECRETE", "simulateur-sans-secret" if _hors_production else None)
# Former ones, one a line: what they signed is still read (sessions, workstations).
SECRET_KEY_FALLBACKS = env.lignes("CLES_SECRETES_ANCIENNES", "")
CLES_CHIFFREMENT = env.lignes("CLES_CHIFFREMENT", "" if _hors_production else None)
CLE_EMPREINTE = env.texte("CLE_EMPREINTE", "" if _hors_production else None)
# Former ones, one a line, until `cles_tourner` has computed again what they made.
CLES_EMPREINTE_ANCIENNES = env.lignes("CLES_EMPREINTE_ANCIENNES", "")
CLE_AGENT_PEM = env.texte("CLE_AGENT", "" if _hors_production else None)
# Keys that seal the journal: the first seals, all of them verify.
CLES_SCEAU = env.lignes("CLES_SCEAU", "" if _hors_production else None)

ADRESSE = env.texte("ADRESSE", "http://127.0.0.1:8000")
HOTE_AUTORISE = ADRESSE.split("://", 1)[1]
ALLOWED_HOSTS = [HOTE_AUTORISE.split(":", 1)[0], "localhost"]
CSRF_TRUSTED_ORIGINS = [ADRESSE]
AGENT_PORTS = (
    [env.entier("AGENT_PORT", 0)] if env.entier("AGENT_PORT", 0) else [28173, 28174, 28175]
)
# Below this version an agent only updates itself (agent.md §5.13); empty: none is refused.
AGENT_MINIMUM = env.texte("AGENT_MINIMUM", "")
# File that holds the signed manifest of the agent's updates; empty: none is offered.
AGENT_MANIFESTE = env.texte("AGENT_MANIFESTE", "")
PLATEAU_URL = env.texte("PLATEAU_URL", "")
# In `simulateur`, a browser on this very machine becomes the demonstration workstation by itself.
POSTE_AUTOMATIQUE = env.texte("POSTE_DEMONSTRATION", "comptoir-1") if _hors_production else ""
FINESS_DEMONSTRATION = "752026005"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "rest_framework",
    "pgtrigger",
    "pghistory",
    "pharmacy",
    "teleservices",
    "ins",
    "ordonnance",
    "dmp",
    "mssante",
    "psc",
    "config",
]

MIDDLEWARE = [
    "config.mesures.MesuresMiddleware",
    "config.entetes.EntetesMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "pharmacy.isolation.middleware.OfficineMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "pharmacy.session.middleware.SessionComptoirMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "pharmacy.contexte_pages.comptoir",
                "psc.contexte.psc",
            ],
            "builtins": ["pharmacy.templatetags.comptoir"],
        },
    }
]


def _base(utilisateur: str, variable: str, *, pool: bool) -> dict[str, object]:
    # Parameters apart from the text: PostgreSQL keeps the plan of what comes back.
    options: dict[str, object] = {
        "application_name": "comptoir",
        "server_side_binding": True,
        "prepare_threshold": 3,
    }
    if pool:
        options["pool"] = {
            "min_size": 1,
            "max_size": env.entier("BASE_POOL", 20, mini=1),
            "timeout": 10,
        }
    return {
        "ENGINE": "pharmacy.isolation.postgresql",
        "NAME": env.texte("BASE_NOM", "comptoir"),
        "USER": env.texte(f"{variable}_UTILISATEUR", utilisateur),
        "PASSWORD": env.texte(f"{variable}_MOT_DE_PASSE", ""),
        "HOST": env.texte("BASE_HOTE", ""),
        "PORT": env.texte("BASE_PORT", ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


# Two roles: `default` owns nothing and obeys row-level security; `proprietaire` migrates.
DATABASES = {
    "default": _base("comptoir_app", "BASE", pool=True),
    "proprietaire": _base("comptoir_proprietaire", "PROPRIETAIRE", pool=False),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "pharmacy.Operateur"
AUTHENTICATION_BACKENDS = ["pharmacy.session.backend.OperateurBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "pharmacy.mots_de_passe.RefuseDivulgue"},
    {"NAME": "pharmacy.mots_de_passe.RefuseContexte"},
]
LOGIN_URL = "/connexion/"

SESSION_ENGINE = "pharmacy.session.magasin"
# Over TLS the browser itself holds both cookies to this host, to `/` and to https.
_PREFIXE = "__Host-" if ADRESSE.startswith("https://") else ""
SESSION_COOKIE_NAME = f"{_PREFIXE}comptoir_session"
POSTE_COOKIE_NAME = f"{_PREFIXE}comptoir_poste"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# A session asks for the code again at this age, however busy (docs/asvs.md, « Sessions »).
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = ADRESSE.startswith("https://")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
CSRF_USE_SESSIONS = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "pharmacy.views.erreurs.csrf"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# A file given by a form (a patient base) stays in memory: never in clear on a disk.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 40_500_000

LANGUAGE_CODE = "fr"
TIME_ZONE = "Europe/Paris"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

VALKEY_URL = env.texte("VALKEY_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = VALKEY_URL.replace("unix://", "redis+socket://", 1)

# National services: one block each; each app freezes its own dataclass from these values.
INSI_URL = env.texte("INSI_URL", "")
INSI_CERTIFICAT = env.texte("INSI_CERTIFICAT", "")
INSI_CLE = env.texte("INSI_CLE", "")
# INSI-MANU above: a person asked for the call. INSI-AUTO: verification by lots (ins.md §3.2).
INSI_CERTIFICAT_AUTO = env.texte("INSI_CERTIFICAT_AUTO", "")
INSI_CLE_AUTO = env.texte("INSI_CLE_AUTO", "")
INSI_IDAM = env.texte("INSI_IDAM", "SIMULATEUR01")
EPU_URL = env.texte("EPU_URL", "")
EPU_IDAM = env.texte("EPU_IDAM", "SIMULATEUR01")
EPU_NUMERO_REGEX = env.texte("EPU_NUMERO_REGEX", r"^[0-9A-Z]{18}$")
# Appli carte Vitale contexts and rights: one simulated host; elsewhere each has its own address.
VITALE_URL = env.texte("VITALE_URL", "")
APCV_URL = env.texte("APCV_URL", f"{VITALE_URL}/apcv/v1/contextes" if VITALE_URL else "")
ADRI_URL = env.texte("ADRI_URL", f"{VITALE_URL}/adri" if VITALE_URL else "")
VITALE_CERTIFICAT = env.texte("VITALE_CERTIFICAT", INSI_CERTIFICAT)
VITALE_CLE = env.texte("VITALE_CLE", INSI_CLE)
VITALE_IDAM = env.texte("VITALE_IDAM", INSI_IDAM)
APCV_REGEX = env.texte("APCV_REGEX", r"^APCVSIM1\." if ENVIRONNEMENT == "simulateur" else "")
AMC_REGEX = env.texte("AMC_REGEX", r"^AMCSIM1\|" if ENVIRONNEMENT == "simulateur" else "")
BADGE_REGEX = env.texte("BADGE_REGEX", "")
TLS_AC = env.texte("TLS_AC", "")
CPS_AC = env.texte("CPS_AC", "")
# A fixed identifier of this installation, carried by the LPS context (ins.md §3.3).
INSTANCE_LPS = env.texte("INSTANCE_LPS", "0f7c9a52-6a0e-5c0a-9a55-2f0d1c6f7b10")

# Pro Santé Connect (psc.md §4.2). The issuer is pinned: each environment has its own.
_PSC = {
    "simulateur": ("", ""),
    "bac_a_sable": (
        "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet",
        "auth.bas.psc.esante.gouv.fr\nwallet.bas.psc.esante.gouv.fr",
    ),
    "production": (
        "https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet",
        "auth.esw.esante.gouv.fr\nwallet.esw.esante.gouv.fr",
    ),
}[ENVIRONNEMENT]
PSC_ACTIF = env.booleen("PSC_ACTIF", defaut=False)
# direct: this server is the relying party; proxy: national calls go through a proxy e-santé.
PSC_MODE = env.choix("PSC_MODE", ("direct", "proxy", "relais"), "direct")
PSC_PROXY = env.texte("PSC_PROXY", "")
PSC_EMETTEUR = env.texte("PSC_EMETTEUR", _PSC[0])
PSC_HOTES = env.lignes("PSC_HOTES", _PSC[1])
PSC_CLIENT_ID = env.texte("PSC_CLIENT_ID", "")
PSC_CLIENT_SECRET = env.texte("PSC_CLIENT_SECRET", "")
PSC_AUTHENTIFICATION = env.choix(
    "PSC_AUTHENTIFICATION",
    ("client_secret_basic", "client_secret_post", "certificat"),
    "client_secret_basic",
)
PSC_CERTIFICAT = env.texte("PSC_CERTIFICAT", "")
PSC_CLE = env.texte("PSC_CLE", "")
PSC_REDIRECTION = env.texte("PSC_REDIRECTION", "")
PSC_APRES_DECONNEXION = env.texte("PSC_APRES_DECONNEXION", "")
PSC_SCOPE = env.texte("PSC_SCOPE", "openid scope_all")
PSC_ACR = env.texte("PSC_ACR", "eidas1")
PSC_ACR_ACCEPTES = env.texte("PSC_ACR_ACCEPTES", "eidas1 eidas2 eidas3").split()
PSC_ALGORITHMES = env.texte("PSC_ALGORITHMES", "RS256").split()
PSC_MARGE_S = env.entier("PSC_MARGE_S", 30, maxi=60)
PSC_PROMPT_LOGIN = env.booleen("PSC_PROMPT_LOGIN", defaut=True)
PSC_AGE_MAX_S = env.entier("PSC_AGE_MAX_S", 0, maxi=4 * 3600)
# Approval on the telephone: the ANS opens it service by service.
PSC_CIBA = env.booleen("PSC_CIBA", defaut=False)
PSC_TENTATIVE_S = env.entier("PSC_TENTATIVE_S", 600, mini=60, maxi=600)
PSC_BILLET_S = env.entier("PSC_BILLET_S", 60, mini=10, maxi=60)
# The browser that confirms on behalf of a desktop shell has the same address as the shell.
PSC_MEME_ADRESSE = env.booleen("PSC_MEME_ADRESSE", defaut=True)
# Whether the ANS declared our address for the sessions that the service ends by itself.
PSC_DECONNEXION_RECUE = env.booleen("PSC_DECONNEXION_RECUE", defaut=False)
PSC_DUREE_MAX_S = env.entier("PSC_DUREE_MAX_S", 4 * 3600, mini=600, maxi=4 * 3600)
PSC_INACTIVITE_MAX_S = env.entier("PSC_INACTIVITE_MAX_S", 1800, mini=60, maxi=1800)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "pharmacy.api.build_error_reply",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "URL_FORMAT_OVERRIDE": None,
}
# The schema of the JSON addresses (config/openapi.py); no page of others is served with it.
SPECTACULAR_SETTINGS = {
    "TITLE": "Comptoir",
    "DESCRIPTION": "Adresses JSON de Comptoir : intégrations de l'officine, page et agents.",
    "VERSION": VERSION,
    "PREPROCESSING_HOOKS": ["config.openapi.keep_ours"],
    "POSTPROCESSING_HOOKS": ["config.openapi.complete"],
}
# Secret that reads /metriques; empty: this machine's loopback alone, without a proxy before it.
CLE_METRIQUES = env.texte("CLE_METRIQUES", "")

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = build_logging()

# Outbox: pause of an open breaker, and age at which a row in flight is doubted (seconds).
DISJONCTEUR_S = env.entier("DISJONCTEUR_S", 10 if ENVIRONNEMENT == "simulateur" else 60, mini=1)
EN_VOL_MAX_S = env.entier("EN_VOL_MAX_S", 120, mini=3)
# Date (AAAA-MM-JJ) of the last copy of the keys kept apart from the database.
COPIE_CLES_CONFIRMEE = env.texte("COPIE_CLES_CONFIRMEE", "")
# Folder where the heads of the journal's seal are kept, apart from the database; empty: nowhere.
AUDIT_TETES = env.texte("AUDIT_TETES", "")
