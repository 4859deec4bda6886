// openid-client: discovery, then a token by client credentials, its refresh, and a call with it; or,
// with the argument `code`, the authorization code flow: prints where the browser must go and reads
// where it came back to.

import * as client from 'openid-client'
import { callback } from './callback.mjs'

const { ISSUER, APP_KEY, APP_SECRET, RESOURCE, REDIRECT_URI } = process.env
// Its own choice of how to authenticate: Basic, with everything form-encoded.
const config = await client.discovery(new URL(ISSUER), APP_KEY, APP_SECRET,
  client.ClientSecretBasic(APP_SECRET), { execute: [client.allowInsecureRequests] })

async function byCode() {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'orders.read',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const came = await callback(url)
  return client.authorizationCodeGrant(config, came,
    { pkceCodeVerifier: verifier, expectedState: state })
}

const first = process.argv[2] === 'code'
  ? await byCode()
  : await client.clientCredentialsGrant(config, { scope: 'orders.read' })
const second = await client.refreshTokenGrant(config, first.refresh_token)
const answer = await client.fetchProtectedResource(config, second.access_token,
  new URL(RESOURCE), 'GET')
console.log(JSON.stringify({
  status: answer.status,
  scope: second.scope,
  refreshed: second.access_token !== first.access_token,
}))
