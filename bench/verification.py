"""Verification by lots beside a bare asyncio client: `make bench-verification`.

Both sides ask the same simulator (200 ms a lot, batches kept in PostgreSQL) about the same people,
eight lots of 500 in flight, and store every result in PostgreSQL. The product is its own worker of
the batch queue as it is deployed; its time runs from the act of the titulaire to the end that the
database says. Rounds alternate, medians are compared. Target: 0.7 of the bare throughput.

`remplir` and `lancer` are its Django side, run in a process of its own.
"""

import asyncio
import json
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from lxml import etree
from psycopg.conninfo import make_conninfo

from config.lanceur.dossiers import RACINE
from config.lanceur.enfants import Commande
from config.lanceur.pile import PYTHON, Options, Pile
from simulators.pki import build_all

LOT, LOT_MS, EN_VOL, RONDES, GRAINES = 500, 200, 8, 5, 5
CIBLE = 0.7
V = "urn:sim:insi-verification:1"
_ENVELOPPE = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:lps="urn:siram:lps:ctxlps"
 xmlns:bam="urn:siram:bam:ctxbam"><s:Header><wsa:Action>{action}</wsa:Action>
<wsa:MessageID>uuid:{message}</wsa:MessageID><lps:ContexteLPS Nature="CTXLPS" Version="01_00">
<lps:Id>{contexte}</lps:Id><lps:Temps>{temps}</lps:Temps><lps:Emetteur>1752026005</lps:Emetteur>
<lps:LPS><lps:IDAM R="4">SIMULATEUR01</lps:IDAM><lps:Version>1</lps:Version>
<lps:Instance>0f7c9a52-6a0e-5c0a-9a55-2f0d1c6f7b10</lps:Instance>
<lps:Nom>urn:lps:banc:1</lps:Nom></lps:LPS></lps:ContexteLPS>
<bam:ContexteBAM Nature="CTXBAM" Version="01_02"><bam:Id>{contexte}</bam:Id>
<bam:Temps>{temps}</bam:Temps><bam:Emetteur>1752026005</bam:Emetteur><bam:COUVERTURE/>
</bam:ContexteBAM></s:Header><s:Body>{corps}</s:Body></s:Envelope>"""
Personne = dict[str, str]


class Nu:
    """The bare client: httpx, lxml and psycopg, eight lots at once."""

    def __init__(self, url: str, tls: Path, dsn: str) -> None:
        self.url, self.dsn = url, dsn
        self.contexte = ssl.create_default_context(cafile=str(tls / "ac-serveurs.pem"))
        self.contexte.load_cert_chain(tls / "insi-auto.pem", tls / "insi-auto.key")

    async def run(self, gens: list[Personne]) -> float:
        """Verify everybody; return seconds from the first request to the last row stored."""
        lots = [gens[i : i + LOT] for i in range(0, len(gens), LOT)]
        places = asyncio.Semaphore(EN_VOL)
        debut = time.perf_counter()
        async with httpx.AsyncClient(verify=self.contexte, timeout=30, trust_env=False) as http:
            await asyncio.gather(*(self._lot(http, places, lot) for lot in lots))
        return time.perf_counter() - debut

    async def _lot(
        self, http: httpx.AsyncClient, places: asyncio.Semaphore, lot: list[Personne]
    ) -> None:
        async with places:
            depot = await self._call(http, "deposerLot", _deposit(lot))
            numero = str(depot.findtext(f"{{{V}}}NumeroLot"))
            demande = f'<releverLotRequete xmlns="{V}"><NumeroLot>{numero}</NumeroLot>'
            await asyncio.sleep(LOT_MS / 1000)
            releve = await self._call(http, "releverLot", f"{demande}</releverLotRequete>")
            while releve.findtext(f"{{{V}}}Etat") == "EN_COURS":
                await asyncio.sleep(0.02)
                releve = await self._call(http, "releverLot", f"{demande}</releverLotRequete>")
            await self._store(numero, releve)

    async def _store(self, numero: str, releve: Any) -> None:  # noqa: ANN401 - lxml
        lignes = [
            (numero, r.findtext(f"{{{V}}}Reference"), r.findtext(f"{{{V}}}Code"))
            for r in releve.iterfind(f"{{{V}}}Resultat")
        ]
        assert len(lignes) <= LOT
        assert lignes
        async with await psycopg.AsyncConnection.connect(self.dsn) as base, base.cursor() as c:
            copie = "COPY banc_resultat (lot, reference, code) FROM STDIN"
            async with c.copy(copie) as flux:
                for ligne in lignes:
                    await flux.write_row(ligne)

    async def _call(self, http: httpx.AsyncClient, operation: str, corps: str) -> Any:  # noqa: ANN401
        action = f"{V}:{operation}"
        message = _ENVELOPPE.format(
            action=action,
            message=uuid4(),
            contexte=uuid4(),
            temps=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            corps=corps,
        )
        recu = await http.post(
            self.url,
            content=message.encode(),
            headers={"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'},
        )
        assert recu.status_code == 200, recu.text[:500]
        # The bare client trusts the simulator of the bench: no hardened parser here.
        return etree.fromstring(recu.content)[-1][0]  # noqa: TID251


def _deposit(lot: list[Personne]) -> str:
    identites = "".join(
        f"<Identite><Reference>r-{rang}</Reference><Matricule>{p['matricule']}</Matricule>"
        f"<Cle>{p['cle']}</Cle><OID>{p['oid']}</OID><NomNaissance>{p['nom']}</NomNaissance>"
        f"<Prenoms>{p['prenoms']}</Prenoms><Sexe>{p['sexe']}</Sexe>"
        f"<DateNaissance>{p['naissance']}</DateNaissance>"
        f"<LieuNaissance>{p['lieu']}</LieuNaissance></Identite>"
        for rang, p in enumerate(lot)
    )
    return f'<deposerLotRequete xmlns="{V}"><IdLot>{uuid4()}</IdLot>{identites}</deposerLotRequete>'


class Banc:
    """PostgreSQL, Valkey, the simulator, the worker of the batch queue: nothing else."""

    def __init__(self, donnees: Path) -> None:
        self.donnees = donnees
        self.tls = donnees / "tls"
        self.pile = Pile(donnees, Options(durable=True))

    def start(self) -> None:
        """Start everything and fill the base."""
        self.pile.start_data()
        build_all(self.tls)
        assert self.pile.postgres is not None
        secret = Path(self.pile.env["COMPTOIR_PROPRIETAIRE_MOT_DE_PASSE_FILE"])
        self.dsn = make_conninfo(
            host=self.pile.env["COMPTOIR_BASE_HOTE"],
            port=self.pile.env["COMPTOIR_BASE_PORT"],
            dbname=self.pile.env["COMPTOIR_BASE_NOM"],
            user=self.pile.env["COMPTOIR_PROPRIETAIRE_UTILISATEUR"],
            password=secret.read_text(encoding="utf-8").strip(),
        )
        self.pile.env |= {
            "COMPTOIR_TLS_AC": str(self.tls / "ac-serveurs.pem"),
            "COMPTOIR_INSI_CERTIFICAT": str(self.tls / "insi-manu.pem"),
            "COMPTOIR_INSI_CLE": str(self.tls / "insi-manu.key"),
            "COMPTOIR_INSI_CERTIFICAT_AUTO": str(self.tls / "insi-auto.pem"),
            "COMPTOIR_INSI_CLE_AUTO": str(self.tls / "insi-auto.key"),
            "COMPTOIR_CPS_AC": str(self.tls / "ac-cps.pem"),
        }
        self.pile.run_once("manage.py", "preparer")
        with psycopg.connect(self.dsn) as base:
            base.execute("CREATE TABLE banc_resultat (lot text, reference text, code text)")
        self._start_simulator()
        self.gens = [p for p in self._people() if _is_whole(p)]
        self.gens = self.gens[: len(self.gens) // LOT * LOT]
        (self.donnees / "gens.json").write_text(json.dumps(self.gens), encoding="utf-8")
        self._django("remplir", str(self.donnees / "gens.json"))
        with psycopg.connect(self.dsn, autocommit=True) as base:
            base.execute("ANALYZE pharmacy_patient")  # as any base that was not filled just now
        self._start_worker()

    def _start_simulator(self) -> None:
        pret = self.donnees / "insi.pret"
        self.simulateur = subprocess.Popen(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "bench.insi_grand", str(GRAINES), "--calme"),
                *("--tls", str(self.tls)),
                *("--port", "0", "--controle-port", "0", "--pret", str(pret)),
                *("--lot-ms", str(LOT_MS), "--base", self.dsn),
            ],
            cwd=RACINE,
        )
        limite = time.monotonic() + 60
        while not pret.exists():
            assert self.simulateur.poll() is None
            assert time.monotonic() < limite
            time.sleep(0.05)
        faits = json.loads(pret.read_text())
        self.pile.env["COMPTOIR_INSI_URL"] = f"https://127.0.0.1:{faits['port']}/lps"
        self.controle = f"http://127.0.0.1:{faits['controle_port']}"

    def _start_worker(self) -> None:
        args = "-A config.celery worker -Q lots -n lots@comptoir -P threads -c 12 -l warning"
        options = "--without-gossip --without-mingle --without-heartbeat"
        commande = [PYTHON, "-m", "celery", *args.split(), *options.split()]
        self.worker = subprocess.Popen(  # noqa: S603 - our own command
            Commande("lots", commande, self.pile.env).args, cwd=RACINE, env=self.pile.env
        )

    def _people(self) -> list[Personne]:
        url = f"{self.controle}/controle/identites?nombre=100000"
        with urllib.request.urlopen(url, timeout=60) as recu:  # noqa: S310 - our own simulator
            gens: list[Personne] = json.loads(recu.read())
        return gens

    def _django(self, *args: str) -> str:
        return self.pile.run_once("-m", "bench.verification", *args).strip()

    def measure(self) -> tuple[list[float], list[float]]:
        """Return the throughputs, identities a second, bare and product; a first round warms up."""
        nu = Nu(self.pile.env["COMPTOIR_INSI_URL"], self.tls, self.dsn)
        nus, produits = [], []
        for tour in range(RONDES + 1):
            seul = len(self.gens) / asyncio.run(nu.run(self.gens))
            produit = len(self.gens) / float(self._django("lancer", str(len(self.gens))))
            if tour:
                nus.append(seul)
                produits.append(produit)
        return nus, produits

    def stop(self) -> None:
        """Stop what was started."""
        for enfant in (getattr(self, "worker", None), getattr(self, "simulateur", None)):
            if enfant is not None:
                enfant.terminate()
                enfant.wait(30)
        self.pile.stop()


def _is_whole(personne: Personne) -> bool:
    """Tell whether somebody's identity can be sent as it stands, a calendar date included."""
    try:
        date.fromisoformat(personne["naissance"])
    except ValueError:
        return False
    return bool(personne["lieu"] and personne["cle"] and personne["sexe"] in {"M", "F"})


# The Django side


def _fill(fichier: Path) -> None:
    from django.utils import timezone

    from ins.selectors import empreinte_of
    from pharmacy.models import Officine, Operateur, Patient

    officine = Officine.objects.get()
    auteur = Operateur.objects.filter(role="titulaire").order_by("pk")[0]
    Patient.objects.filter(statut__in=["RECUP", "QUAL"]).update(actif=False)
    Patient.objects.bulk_create(
        (
            Patient(
                officine=officine,
                cree_par=auteur,
                nom_naissance=p["nom"],
                prenoms_naissance=p["prenoms"],
                premier_prenom=p["prenoms"].split(" ", 1)[0],
                sexe=p["sexe"],
                date_naissance=date.fromisoformat(p["naissance"]),
                cog_naissance=p["lieu"],
                statut="RECUP",
                ins_matricule=p["matricule"] + p["cle"],
                ins_empreinte=empreinte_of(p["matricule"] + p["cle"]),
                ins_oid=p["oid"],
                ins_obtenu_le=timezone.now(),
                ins_traits_version=1,
            )
            for p in json.loads(fichier.read_text(encoding="utf-8"))
        ),
        batch_size=1000,
    )


def _campaign(nombre: int) -> None:
    """Start one as the titulaire does, wait for its end, print how many seconds it took."""
    from ins.models import Verification
    from ins.services import lots
    from ins.suivi_lots import progress
    from pharmacy.models import Operateur, Poste
    from pharmacy.session.middleware import acteur_of
    from teleservices.sonnette import ring

    titulaire = Operateur.objects.filter(role="titulaire").order_by("pk")[0]
    # A web process has its way to the broker open already: a bell for no row opens ours.
    ring(titulaire.officine_id, 0, "lots")
    debut = time.time()
    verification = lots.start(acteur_of(titulaire, Poste.objects.order_by("pk")[0]), "toutes")
    limite = time.monotonic() + 300
    while verification.etat != Verification.Etat.TERMINEE:
        assert time.monotonic() < limite, progress(verification)
        time.sleep(0.02)
        verification.refresh_from_db()
    etat = progress(verification)
    assert (etat.conformes, etat.verification.total) == (nombre, nombre), etat
    assert verification.finie_le is not None
    print(verification.finie_le.timestamp() - debut)


def _django(args: list[str]) -> None:
    import django

    django.setup()
    from django.conf import settings

    from pharmacy.isolation.contexte import officine_context
    from pharmacy.isolation.middleware import officine_of_finess

    officine_id = officine_of_finess(settings.FINESS_DEMONSTRATION)
    assert officine_id is not None
    with officine_context(officine_id):
        if args[0] == "remplir":
            _fill(Path(args[1]))
        else:
            _campaign(int(args[1]))


def main() -> None:
    """Measure and print the row of docs/performance.md."""
    donnees = Path(tempfile.mkdtemp(prefix="comptoir-banc-"))
    donnees.chmod(0o711)
    banc = Banc(donnees)
    try:
        banc.start()
        nus, produits = banc.measure()
    finally:
        banc.stop()
        shutil.rmtree(donnees, ignore_errors=True)
    nu, produit = statistics.median(nus), statistics.median(produits)
    print(f"\nLots de {LOT} traités en {LOT_MS} ms, {EN_VOL} en vol ; INS par seconde.\n")
    print("| mesure | client nu | produit | rapport | cible | INS | rondes |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| vérification par lots | {nu:.0f} | {produit:.0f} | {produit / nu:.2f} | ≥ {CIBLE} "
        f"| {len(banc.gens)} | {len(nus)} |"
    )
    print("\nnu :", [round(v) for v in nus], "produit :", [round(v) for v in produits])


if __name__ == "__main__":
    _django(sys.argv[1:]) if len(sys.argv) > 1 else main()
