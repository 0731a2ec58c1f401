// An application behind the sign-in server, whose relying party is openid-client. It reads the discovery document, and
// sends PKCE, `state` and `nonce`. It verifies the answer's `iss` and the claims of the ID token. jose verifies the
// signature of the ID token with the published keys. If the settings have a `key`, the application signs an assertion
// instead of sending its secret. The environment variable JUDGE has the settings.
import http from "node:http";
import { createRemoteJWKSet, importJWK, jwtVerify } from "jose";
import * as client from "openid-client";

const judge = JSON.parse(process.env.JUDGE);
const { application, issuer, algorithm = "RS256" } = judge;
let configuration, keys, checks, tokens;

async function discovered() {
  const proof = judge.key && client.PrivateKeyJwt({ key: await importJWK(judge.key, algorithm), kid: judge.key.kid });
  const about = judge.key ? { id_token_signed_response_alg: algorithm } : judge.secret;
  configuration ??= await client.discovery(new URL(issuer), judge.client, about, proof,
    { execute: [client.enableNonRepudiationChecks] });
  keys ??= createRemoteJWKSet(new URL(configuration.serverMetadata().jwks_uri));
  return configuration;
}

async function verified(answer) {
  const options = { issuer, audience: judge.client, algorithms: [algorithm] };
  const { payload } = await jwtVerify(answer.id_token, keys, options);
  return { ...answer, claims: payload };
}

const pages = {
  "/login": async (url) => {
    const verifier = client.randomPKCECodeVerifier();
    tokens = undefined;
    checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
    const address = client.buildAuthorizationUrl(await discovered(), {
      redirect_uri: `${application}/callback`, scope: judge.scope, state: checks.expectedState, nonce: checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
      ...Object.fromEntries(url.searchParams) });
    return { to: address.href };
  },
  "/callback": async (url) => {
    const answer = await client.authorizationCodeGrant(await discovered(), url, { ...checks, idTokenExpected: true });
    tokens = { ...await verified(answer), callback: url };
    return { to: "/" };
  },
  // Sends the code of the last sign-in a second time.
  "/again": async () => {
    const answer = await client.authorizationCodeGrant(await discovered(), tokens.callback, checks);
    return { accepted: Object.keys(answer) };
  },
  "/": async () => {
    if (!tokens) return { signed_in: false };
    const userinfo = await client.fetchUserInfo(await discovered(), tokens.access_token, tokens.claims.sub);
    return { signed_in: true, claims: tokens.claims, userinfo };
  },
  "/refresh": async () => {
    const answer = await client.refreshTokenGrant(await discovered(), tokens.refresh_token);
    const isNew = answer.access_token !== tokens.access_token;
    tokens = { ...tokens, ...(answer.id_token ? await verified(answer) : answer) };
    return { new: isNew };
  },
  "/introspect": async () => client.tokenIntrospection(await discovered(), tokens.access_token),
  "/revoke": async () => {
    await client.tokenRevocation(await discovered(), tokens.refresh_token);
    return { revoked: true };
  },
  "/logout": async () => {
    const hint = tokens.id_token;
    tokens = undefined;
    const address = client.buildEndSessionUrl(await discovered(), {
      id_token_hint: hint, post_logout_redirect_uri: `${application}/signed-out`, state: "of-the-sign-out" });
    return { to: address.href };
  },
  "/signed-out": async (url) => ({ signed_out: url.searchParams.get("state") === "of-the-sign-out" }),
};

http.createServer(async (request, response) => {
  const url = new URL(request.url, application);
  let status = 200, said;
  try {
    said = await (pages[url.pathname] ?? (() => { throw new Error(`no page ${url.pathname}`); }))(url);
    if (said.to) status = 302;
  } catch (error) {
    status = 400;
    said = { refused: `${error.code ?? error.name}: ${error.message}`, error: error.error };
  }
  response.writeHead(status, { "Content-Type": "application/json", ...(said.to ? { Location: said.to } : {}) });
  response.end(JSON.stringify(said));
}).listen(judge.port, "127.0.0.1");
