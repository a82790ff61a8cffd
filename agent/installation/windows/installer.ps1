# Installe l'agent pour la personne de cette session. N'a jamais été lancé sur un Windows réel.
# usage : .\installer.ps1 -Roue agent_poste-X.Y.Z-py3-none-any.whl -Adresse https://comptoir.officine.example
param(
    [Parameter(Mandatory = $true)] [string] $Roue,
    [Parameter(Mandatory = $true)] [ValidatePattern('^https://[A-Za-z0-9:.\-]+$')] [string] $Adresse
)
$ErrorActionPreference = 'Stop'
$donnees = Join-Path $env:LOCALAPPDATA 'agent-poste'
New-Item -ItemType Directory -Force -Path $donnees | Out-Null
# Cette personne seule lit la clé du poste.
icacls $donnees /inheritance:r /grant:r "${env:USERNAME}:(OI)(CI)F" | Out-Null

py -3 -m venv (Join-Path $donnees 'venv')
$python = Join-Path $donnees 'venv\Scripts\python.exe'
& $python -m pip install --quiet --upgrade "$Roue[pcsc,pkcs11]"
if ($LASTEXITCODE -ne 0) { throw "L'installation de l'agent a échoué." }

# Une tâche à l'ouverture de session, et non un service : un service ne peut pas ouvrir de fenêtre.
$agent = Join-Path $donnees 'venv\Scripts\agent-poste.exe'
$action = New-ScheduledTaskAction -Execute $agent -Argument 'servir --pilote pcsc --maj'
$quand = New-ScheduledTaskTrigger -AtLogOn -User $env:USERNAME
$reglages = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit 0
Register-ScheduledTask -TaskName 'agent-poste' -Action $action -Trigger $quand -Settings $reglages -Force | Out-Null

# La règle du navigateur, pour cette seule adresse (demande les droits d'administration).
foreach ($marque in 'Google\Chrome', 'Microsoft\Edge') {
    foreach ($nom in 'LocalNetworkAccessAllowedForUrls', 'LoopbackNetworkAllowedForUrls') {
        $cle = "HKLM:\SOFTWARE\Policies\$marque\$nom"
        New-Item -Path $cle -Force | Out-Null
        New-ItemProperty -Path $cle -Name '1' -Value $Adresse -PropertyType String -Force | Out-Null
    }
}
Start-ScheduledTask -TaskName 'agent-poste'
Write-Output "Agent installé. Dans Comptoir, « Postes », faites un code, puis : $agent enroler --serveur $Adresse"
