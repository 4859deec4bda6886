// Passkeys in Chromium, whose developer tools have an authenticator. A user makes a passkey, then logs in with
// password and passkey, with the passkey alone, and with a recovery code, and proves by the passkey who it is; an
// administrator who must have one makes the first one. Prints what was seen, after a line that asks whoever has
// started this to let six minutes pass.

import { once } from 'node:events'

import { tell } from './pages.mjs'

const { ISSUER, PASSWORD, ADMIN_PASSWORD, STEP, RESET } = process.env

await tell(`passkeys-${STEP}`, async (scene) => {
  const tools = await scene.page.createCDPSession()
  await tools.send('WebAuthn.enable')
  const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return STEP === 'user' ? user(scene, tools, authenticatorId) : administrator(scene)
})

async function user(scene, tools, authenticatorId) {
  const { page } = scene
  const seen = {}
  await page.goto(RESET)
  await scene.look('reset')
  await logInWithPassword(scene)
  await page.goto(`${ISSUER}/portal/account`)
  await scene.look('account')
  await scene.click('a[href="/portal/passkeys"]')
  await scene.look('no-passkeys')
  await scene.click('form[action="/portal/passkeys/new"] button')
  await scene.look('new-passkey')
  await page.type('#name', 'my phone')
  await scene.click('form[data-passkey=create] button')
  await scene.look('codes')
  const codes = await page.$$eval('.recovery-code', (all) => all.map((one) => one.textContent))
  seen.codes = codes.length
  seen.named = await scene.text('tbody th')
  const { credentials } = await tools.send('WebAuthn.getCredentials', { authenticatorId })
  if (credentials.length !== 1) throw new Error(`${credentials.length} passkeys`)

  await logOut(scene)
  await logInWithPassword(scene)
  await scene.look('second-step')
  const other = await page.browser().newPage()
  await other.goto(`${ISSUER}/portal/passkeys`)
  seen.half = new URL(other.url()).pathname
  await other.close()
  await page.bringToFront()
  await scene.click('form[action="/portal/log-in/passkey"] button')
  seen.second = scene.path()

  await logOut(scene)
  await page.goto(`${ISSUER}/portal/passkeys`)
  await scene.look('log-in')
  await scene.click('form[action="/portal/log-in/passkey"] button')
  seen.alone = scene.path()

  await logOut(scene)
  await logInWithPassword(scene)
  await page.type('#code', 'no such code')
  await scene.click('form[action="/portal/log-in/recovery"] button')
  await scene.look('wrong-code')
  await page.type('#code', codes[3])
  await scene.click('form[action="/portal/log-in/recovery"] button')
  seen.recovery = scene.path()
  seen.left = await scene.text('#codes-left')
  await scene.look('passkeys')
  await scene.click('tbody a')
  await scene.look('remove')

  // So late that the login is no proof any more.
  await later()
  await page.goto(`${ISSUER}/portal/passkeys`)
  await scene.click('form[action="/portal/passkeys/codes"] button')
  await scene.look('proof')
  await scene.click('form[data-passkey=get] button')
  seen.proof = await page.$$eval('.recovery-code', (all) => all.length)
  return seen
}

// Whoever has started this lets the time pass, and says when it has.
async function later() {
  const passed = once(process.stdin, 'data')
  console.log('later')
  await passed
  process.stdin.destroy()
}

// Whoever must have a passkey makes the first one between the password and the login.
async function administrator(scene) {
  const { page } = scene
  await logIn(scene, '/panel', 'admin', ADMIN_PASSWORD)
  await scene.look('first-passkey')
  await page.type('#name', 'my key')
  await scene.click('form[data-passkey=create] button')
  await scene.look('first-codes')
  const codes = await page.$$eval('.recovery-code', (all) => all.length)
  return { codes, first: scene.path() }
}

async function logInWithPassword(scene) {
  await logIn(scene, '/portal/passkeys', 'alice', PASSWORD)
}

async function logIn(scene, next, username, password) {
  const { page } = scene
  await page.goto(`${ISSUER}/portal/log-in?next=${encodeURIComponent(next)}`)
  await page.type('#username', username)
  await page.type('#password', password)
  await scene.click('form[action="/portal/log-in"] button')
}

async function logOut(scene) {
  await scene.click('form[action="/portal/log-out"] button')
}
