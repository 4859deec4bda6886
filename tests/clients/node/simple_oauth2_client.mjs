// simple-oauth2: a token by client credentials and a call with it. Its own client for this grant
// never refreshes; the one for authorization codes does, with the same refresh token.

import { AuthorizationCode, ClientCredentials } from 'simple-oauth2'

const { ISSUER, APP_KEY, APP_SECRET, RESOURCE } = process.env
const config = {
  client: { id: APP_KEY, secret: APP_SECRET },
  auth: { tokenHost: ISSUER, tokenPath: '/authorization/token' },
}
const first = await new ClientCredentials(config).getToken({ scope: ['orders.read'] })
const second = await new AuthorizationCode(config).createToken(first.token).refresh()
const answer = await fetch(RESOURCE, {
  headers: { authorization: `Bearer ${second.token.access_token}` },
})
console.log(JSON.stringify({
  status: answer.status,
  scope: second.token.scope,
  refreshed: second.token.access_token !== first.token.access_token,
}))
