// oauth4webapi: discovery, then a token by client credentials, its refresh, and a call with it; or,
// with the argument `code`, the authorization code flow.

import * as oauth from 'oauth4webapi'
import { callback } from './callback.mjs'

const { ISSUER, APP_KEY, APP_SECRET, RESOURCE, REDIRECT_URI } = process.env
const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
const server = await oauth.processDiscoveryResponse(issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
const app = { client_id: APP_KEY }
const secret = oauth.ClientSecretPost(APP_SECRET)

async function byCode() {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(server.authorization_endpoint)
  const parameters = {
    client_id: APP_KEY,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'orders.read',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value)
  }
  const came = oauth.validateAuthResponse(server, app, await callback(url), state)
  return oauth.processAuthorizationCodeResponse(server, app,
    await oauth.authorizationCodeGrantRequest(server, app, secret, came, REDIRECT_URI, verifier,
      insecure))
}

async function byClientCredentials() {
  const parameters = new URLSearchParams({ scope: 'orders.read' })
  return oauth.processClientCredentialsResponse(server, app,
    await oauth.clientCredentialsGrantRequest(server, app, secret, parameters, insecure))
}

const first = process.argv[2] === 'code' ? await byCode() : await byClientCredentials()
const second = await oauth.processRefreshTokenResponse(server, app,
  await oauth.refreshTokenGrantRequest(server, app, secret, first.refresh_token, insecure))
const answer = await oauth.protectedResourceRequest(second.access_token, 'GET',
  new URL(RESOURCE), undefined, undefined, insecure)
console.log(JSON.stringify({
  status: answer.status,
  scope: second.scope,
  refreshed: second.access_token !== first.access_token,
}))
