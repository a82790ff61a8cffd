import pytest, subprocess, pathlib
from tests.ins.scene import porteur
pytestmark = pytest.mark.django_db
S = pathlib.Path('/tmp/apercu-ins'); 
def save(nom, html):
    S.mkdir(exist_ok=True)
    html = html.replace('/static/', 'file:///work/main/static/')
    (S/f'{nom}.html').write_text(html)
def test_shots(comptoir, insi, zoe):
    c = comptoir.troupe.client(); u=f'/vente/{comptoir.vente.pk}/'
    get=lambda s='',**k: c.get(u+s,**k).content.decode()
    save('vide', get())
    p = comptoir.choose(zoe); save('attente', get())
    comptoir.work(); save('averifier', get())
    d = get('qualifier/', HTTP_HX_REQUEST='true')
    save('qualifier', get().replace('<dialog id="dialogue" class="dialogue" aria-labelledby="dialogue-titre">','<dialog open id="dialogue" class="dialogue">'+d))
    comptoir.check(comptoir.read(zoe)); save('qual', get())
def test_shots2(comptoir, insi, marthe):
    c = comptoir.troupe.client(); u=f'/vente/{comptoir.vente.pk}/'
    get=lambda s='',**k: c.get(u+s,**k).content.decode()
    d = get('identite/', HTTP_HX_REQUEST='true')
    save('comparer', get().replace('<dialog id="dialogue" class="dialogue" aria-labelledby="dialogue-titre">','<dialog open id="dialogue" class="dialogue">'+d))
def test_shots3(comptoir, insi, zoe):
    c = comptoir.troupe.client(); u=f'/vente/{comptoir.vente.pk}/'
    insi.humeur('panne_503'); comptoir.choose(zoe); comptoir.work(3)
    save('echec', c.get(u).content.decode())
