// The independent peer of the tests of psc: oidc-provider, certified and written by others, dressed
// as psc.md §6.1 says. Nothing of Comptoir is in it. `node serveur.mjs reglages.json`.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { join } from 'node:path';

import { errors, Provider } from 'oidc-provider';

const reglages = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const ROYAUME = '/auth/realms/esante-wallet';
const OIDC = '/protocol/openid-connect';
const PORTEE = 'openid scope_all';
const ACR = 'eidas1';

// Time passes when it is told to: everything in the provider asks Date.
const reel = Date.now;
let decalage = 0;
Date.now = () => reel() + decalage * 1000;

const lit = (nom) => JSON.parse(readFileSync(join(reglages.personnes, nom), 'utf8'));
const personnes = new Map(
  readdirSync(reglages.personnes)
    .filter((nom) => nom.startsWith('userinfo-'))
    .map(lit)
    .map((document) => [document.sub, document]),
);
const membres = [...new Set([...personnes.values()].flatMap(Object.keys))];
const telephones = new Map();

const cle = (...args) => ({
  ...generateKeyPairSync(...args).privateKey.export({ format: 'jwk' }), use: 'sig', kid: randomUUID(),
});
const tls = (nom) => readFileSync(join(reglages.tls, nom));
const certificat = (ctx) => ctx.socket.getPeerX509Certificate();
// The subject as RFC 2253 writes it: the most particular name first.
const sujet = ({ subject }) => subject.split('\n').reverse().join(',');

async function consent(ctx) {
  const { session, client } = ctx.oidc;
  const connu = session.grantIdFor(client.clientId);
  return (connu && await op.Grant.find(connu)) || grant(client.clientId, session.accountId);
}

async function grant(clientId, accountId) {
  const accord = new op.Grant({ clientId, accountId });
  accord.addOIDCScope(PORTEE);
  await accord.save();
  return accord;
}

function ring(ctx, demande) {
  const { binding_message: numero, login_hint: identifiant, channel: canal } = demande.params;
  telephones.set(demande.jti, { ref: demande.jti, numero, identifiant, canal });
}

const configuration = {
  clients: reglages.clients,
  jwks: { keys: [cle('rsa', { modulusLength: 2048 }), cle('ec', { namedCurve: 'P-256' })] },
  cookies: { keys: [randomUUID()] },
  scopes: ['openid', 'offline_access', 'scope_all'],
  claims: {
    openid: ['sub', 'preferred_username', 'SubjectNameID'],
    scope_all: membres,
    acr: null,
    amr: null,
    auth_time: null,
    sid: null,
  },
  acrValues: [ACR],
  extraParams: ['channel'],
  clientAuthMethods: [
    'client_secret_basic', 'client_secret_post', 'tls_client_auth', 'self_signed_tls_client_auth',
  ],
  ttl: {
    AccessToken: 120,
    AuthorizationCode: 60,
    BackchannelAuthenticationRequest: 120,
    Grant: 14400,
    IdToken: 120,
    Interaction: 600,
    RefreshToken: 1800,
    Session: 14400,
  },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: async (_ctx, sub) => personnes.has(sub)
    ? { accountId: sub, claims: async () => personnes.get(sub) } : undefined,
  loadExistingGrant: consent,
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  routes: {
    authorization: `${OIDC}/auth`,
    backchannel_authentication: `${OIDC}/ext/ciba/auth`,
    end_session: `${OIDC}/logout`,
    introspection: `${OIDC}/token/introspect`,
    jwks: `${OIDC}/certs`,
    pushed_authorization_request: `${OIDC}/ext/par/request`,
    revocation: `${OIDC}/revoke`,
    token: `${OIDC}/token`,
    userinfo: `${OIDC}/userinfo`,
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: submitItself },
    ciba: {
      enabled: true,
      deliveryModes: ['poll'],
      processLoginHint: async (_ctx, hint) => [...personnes.values()]
        .find((p) => p.SubjectNameID === hint)?.sub,
      validateBindingMessage: async (_ctx, numero) => {
        if (!/^[0-9]{2}$/.test(numero ?? '')) throw new errors.InvalidBindingMessage('deux chiffres');
      },
      validateRequestContext: async () => {},
      verifyUserCode: async () => {},
      triggerAuthenticationDevice: async (ctx, demande) => ring(ctx, demande),
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: certificat,
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, _nom, attendu) => sujet(certificat(ctx)) === attendu,
    },
  },
  // The relying party of a test listens on loopback, which the package refuses to call.
  fetch: (url, { dispatcher: _refuse, ...options }) => fetch(url, options),
  renderError: (ctx, { error }) => {
    ctx.type = 'html';
    ctx.body = `<h1>${error}</h1>`;
  },
};

function submitItself(ctx, formulaire) {
  const oui = '<input type="hidden" name="logout" value="yes"></form>';
  ctx.body = `<body onload="document.forms[0].submit()">${formulaire.replace('</form>', oui)}</body>`;
}

// Who signs in: one page, one form.

async function body(req) {
  const morceaux = await Array.fromAsync(req);
  return Buffer.concat(morceaux).toString();
}

async function interact(req, res) {
  if (req.method === 'GET') {
    const gens = [...personnes.values()].map((p) => (
      `<button name="choix" value="${p.SubjectNameID}">${p.given_name} ${p.family_name}</button>`
    ));
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.end(`<h1>Qui s'identifie ?</h1><form method="post" action="${req.url}">${gens.join('')}
      <button name="annuler" value="oui">Annuler</button></form>`);
    return;
  }
  const recu = new URLSearchParams(await body(req));
  const qui = [...personnes.values()].find((p) => p.SubjectNameID === recu.get('choix'));
  const refus = { error: 'access_denied', error_description: 'refusé' };
  const arrivee = { login: { accountId: qui?.sub, acr: ACR, amr: ['hwk'], remember: true } };
  const resultat = recu.has('annuler') ? refus : arrivee;
  await op.interactionFinished(req, res, resultat, { mergeWithLastSubmission: false });
}

async function answer(req, res) {
  const { pathname, search } = new URL(req.url, adresse);
  if (pathname === '/auth') {
    res.writeHead(303, { Location: `${emetteur}${OIDC}/auth${search}` }).end();
  } else if (pathname.startsWith('/interaction/')) {
    await interact(req, res);
  } else if (pathname.startsWith(`${ROYAUME}/`)) {
    req.originalUrl = req.url.replace('/wallet-openid-', '/openid-');
    req.url = req.originalUrl.slice(ROYAUME.length);
    passe(req, res);
  } else {
    res.writeHead(404).end();
  }
}

// What a test may do that no relying party may.

async function press({ ref, geste }) {
  telephones.delete(ref);
  if (geste !== 'approuver') {
    await op.backchannelResult(ref, new errors.AccessDenied('refusé'));
    return;
  }
  const { clientId, accountId } = await op.BackchannelAuthenticationRequest.find(ref);
  const authTime = Math.floor(Date.now() / 1000);
  await op.backchannelResult(ref, await grant(clientId, accountId), { acr: ACR, authTime });
}

const gestes = {
  'GET /controle/adresses': () => ({ decouverte: `${emetteur}/.well-known/wallet-openid-configuration` }),
  'GET /controle/telephones': () => [...telephones.values()],
  'POST /controle/telephone': press,
  'POST /controle/oublier': () => { decalage = 0; telephones.clear(); },
  'POST /controle/horloge': ({ decalage_s: secondes }) => { decalage = secondes; },
};

async function control(req, res) {
  const recu = await body(req);
  const rendu = await gestes[`${req.method} ${req.url}`](JSON.parse(recu || '{}'));
  res.end(JSON.stringify(rendu ?? {}));
}

const guard = (traitement) => (req, res) => traitement(req, res).catch((erreur) => {
  console.error(erreur);
  res.writeHead(500).end();
});
const listen = (serveur) => new Promise((pret) => {
  serveur.listen(0, '127.0.0.1', () => pret(serveur.address().port));
});

const serveur = createHttps({
  cert: tls('serveur.pem'),
  key: tls('serveur.key'),
  ca: tls('ac-structures.pem'),
  requestCert: true,
  rejectUnauthorized: false,
}, guard(answer));
const port = await listen(serveur);
const adresse = `https://127.0.0.1:${port}`;
const emetteur = adresse + ROYAUME;
const op = new Provider(emetteur, configuration);
// The wallet: browsers are sent elsewhere than where servers talk.
op.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'discovery') ctx.body.authorization_endpoint = `${adresse}/auth`;
});
op.on('server_error', (_ctx, erreur) => console.error(erreur));
const passe = op.callback();
const pret = { port, controle_port: await listen(createHttp(guard(control))) };
writeFileSync(`${reglages.pret}.tmp`, JSON.stringify(pret));
renameSync(`${reglages.pret}.tmp`, reglages.pret);
