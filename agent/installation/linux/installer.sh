#!/bin/sh
# Installs the agent for the person of this session: wheel, user service, then what needs root.
# usage: ./installer.sh agent_poste-X.Y.Z-py3-none-any.whl https://comptoir.officine.example
set -eu

roue=${1:?"Donnez le fichier agent_poste-*.whl."}
adresse=${2:?"Donnez l'adresse de Comptoir, qui commence par https://."}
case $adresse in
    https://?*) ;;
    *) echo "Cette adresse ne commence pas par https:// : rien n'est installé." >&2; exit 1 ;;
esac
case $adresse in
    *[!A-Za-z0-9:/.-]*) echo "Cette adresse contient un signe interdit : rien n'est installé." >&2; exit 1 ;;
esac
racine=${RACINE:-}
ici=$(cd "$(dirname "$0")" && pwd)
donnees=${XDG_DATA_HOME:-$HOME/.local/share}/agent-poste
services=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user

python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Il faut Python 3.11 et son module venv (Debian : apt install python3-venv)." >&2
    exit 1
}
python3 -c 'import _tkinter' 2>/dev/null ||
    echo "Tk manque : rien ne sera signé par la carte. Installez python3-tk, sans relancer ceci." >&2

mkdir -p "$donnees" "$services"
chmod 700 "$donnees"
python3 -m venv "$donnees/venv"
"$donnees/venv/bin/python" -m pip install --quiet --upgrade "${roue}[pcsc,pkcs11]"
sed "s|@AGENT@|$donnees/venv/bin/agent-poste|" "$ici/agent-poste.service" > "$services/agent-poste.service"
if [ -z "$racine" ]; then
    systemctl --user daemon-reload
    systemctl --user enable --now agent-poste.service
fi

# What needs root: the scanner's permission, the browser's rule for this one address.
if [ "$(id -u)" -eq 0 ] || [ -n "$racine" ]; then sudo=; else sudo=sudo; fi
regle=$(mktemp)
trap 'rm -f "$regle"' EXIT
sed "s|@ADRESSE@|$adresse|" "$ici/comptoir.json" > "$regle"
for dossier in /etc/opt/chrome/policies/managed /etc/chromium/policies/managed; do
    $sudo mkdir -p "$racine$dossier"
    $sudo install -m 644 "$regle" "$racine$dossier/comptoir.json"
done
$sudo mkdir -p "$racine/etc/udev/rules.d"
$sudo install -m 644 "$ici/70-agent-poste.rules" "$racine/etc/udev/rules.d/70-agent-poste.rules"
[ -n "$racine" ] || $sudo udevadm control --reload

echo "Agent installé. Dans Comptoir, « Postes », faites un code, puis :"
echo "  $donnees/venv/bin/agent-poste enroler --serveur $adresse"
