#!/bin/sh
# Run once by the postgres image on an empty volume: the two roles of ADR 0004, the database, the
# extensions. Passwords come from files and never appear in a command line or in the server's log.
set -eu
SECRETS="${COMPTOIR_SECRETS:-/run/secrets}"
export SECRETS
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set proprietaire `cat "$SECRETS/base-proprietaire"`
\set app `cat "$SECRETS/base-app"`
CREATE ROLE comptoir_proprietaire LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'proprietaire';
CREATE ROLE comptoir_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'app';
CREATE DATABASE comptoir OWNER comptoir_proprietaire;
REVOKE CONNECT ON DATABASE comptoir FROM PUBLIC;
GRANT CONNECT ON DATABASE comptoir TO comptoir_app;
\connect comptoir
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS btree_gist;
GRANT ALL ON SCHEMA public TO comptoir_proprietaire;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
