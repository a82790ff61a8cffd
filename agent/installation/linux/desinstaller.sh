#!/bin/sh
# Removes the agent, its key and its enrolment. Revoke the poste in Comptoir as well.
set -eu

racine=${RACINE:-}
donnees=${XDG_DATA_HOME:-$HOME/.local/share}/agent-poste
services=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
[ -n "$racine" ] || systemctl --user disable --now agent-poste.service || true
rm -f "$services/agent-poste.service"
[ ! -f "$donnees/poste.key" ] || shred -u "$donnees/poste.key"
rm -rf "$donnees"
if [ "$(id -u)" -eq 0 ] || [ -n "$racine" ]; then sudo=; else sudo=sudo; fi
$sudo rm -f "$racine/etc/opt/chrome/policies/managed/comptoir.json" \
    "$racine/etc/chromium/policies/managed/comptoir.json" "$racine/etc/udev/rules.d/70-agent-poste.rules"
echo "Agent retiré. Révoquez aussi ce poste dans Comptoir, « Postes »."
