// Passkeys in Chromium, whose developer tools have an authenticator: a user makes a passkey, then logs in with
// password and passkey, with the passkey alone, and with a recovery code, and proves by the passkey who it is. Each
// page is held to the rules of axe and to the width of a phone. Prints what was seen, after a line that asks whoever
// has started this to let six minutes pass. With SHOTS, a folder, each page is photographed.

import { once } from 'node:events'
import { readFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { launch } from 'puppeteer-core'

const { CHROMIUM, ISSUER, LANGUAGE, PASSWORD, SHOTS } = process.env

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wide = { width: 1280, height: 900 }
const phone = { width: 320, height: 640 }

const browser = await launch({
  executablePath: CHROMIUM,
  // Its sandbox needs rights that root in a container does not have.
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
})
const faults = []
const told = []
let shots = 0

const page = await browser.newPage()
page.on('console', (message) => told.push(message.text()))
page.on('pageerror', (error) => told.push(String(error)))
await page.setExtraHTTPHeaders({ 'Accept-Language': LANGUAGE })
await page.setViewport(wide)
const tools = await page.createCDPSession()
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

try {
  console.log(JSON.stringify({ ...await user(), faults, told }))
} finally {
  await browser.close()
}

async function user() {
  const seen = {}
  await logInWithPassword()
  await page.goto(`${ISSUER}/portal/account`)
  await look('account')
  await send('a[href="/portal/passkeys"]')
  await look('no-passkeys')
  await send('form[action="/portal/passkeys/new"] button')
  await look('new-passkey')
  await page.type('#name', 'my phone')
  await send('form[data-passkey=create] button')
  await look('codes')
  const codes = await page.$$eval('.recovery-code', (all) => all.map((one) => one.textContent))
  seen.codes = codes.length
  seen.named = await page.$eval('tbody th', (cell) => cell.textContent)
  const { credentials } = await tools.send('WebAuthn.getCredentials', { authenticatorId })
  if (credentials.length !== 1) throw new Error(`${credentials.length} passkeys`)

  await logOut()
  await logInWithPassword()
  await look('second-step')
  const other = await browser.newPage()
  await other.goto(`${ISSUER}/portal/passkeys`)
  seen.half = new URL(other.url()).pathname
  await other.close()
  await page.bringToFront()
  await send('form[action="/portal/log-in/passkey"] button')
  seen.second = await here()

  await logOut()
  await page.goto(`${ISSUER}/portal/passkeys`)
  await look('log-in')
  await send('form[action="/portal/log-in/passkey"] button')
  seen.alone = await here()

  await logOut()
  await logInWithPassword()
  await page.type('#code', 'no such code')
  await send('form[action="/portal/log-in/recovery"] button')
  await look('wrong-code')
  await page.type('#code', codes[3])
  await send('form[action="/portal/log-in/recovery"] button')
  seen.recovery = await here()
  seen.left = await page.$eval('#codes-left', (element) => element.textContent)
  await look('passkeys')
  await send('tbody a')
  await look('remove')

  // So late that the login is no proof any more.
  await later()
  await page.goto(`${ISSUER}/portal/passkeys`)
  await send('form[action="/portal/passkeys/codes"] button')
  await look('proof')
  await send('form[data-passkey=get] button')
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

async function logInWithPassword() {
  await page.goto(`${ISSUER}/portal/log-in?next=%2Fportal%2Fpasskeys`)
  await page.type('#username', 'alice')
  await page.type('#password', PASSWORD)
  await send('form[action="/portal/log-in"] button')
}

async function logOut() {
  await send('form[action="/portal/log-out"] button')
}

async function here() {
  return new URL(page.url()).pathname
}

async function send(selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}

// What is wrong with a page, by axe and by the width of a phone.
async function look(name) {
  shots += 1
  await page.evaluate(axe)
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    await photograph(name, scheme === 'light' ? 'wide' : 'dark')
    const { violations } = await page.evaluate(() => window.axe.run())
    for (const { id, nodes } of violations) {
      faults.push(`${name} (${scheme}): ${id}: ${nodes.map((node) => node.html).join(' ')}`)
    }
  }
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.setViewport(phone)
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  if (width > phone.width) faults.push(`${name}: ${width} pixels wide on a phone`)
  await photograph(name, 'phone')
  await page.setViewport(wide)
}

async function photograph(name, how) {
  if (SHOTS) {
    await mkdir(SHOTS, { recursive: true })
    const number = String(shots).padStart(2, '0')
    await page.screenshot({ path: `${SHOTS}/passkeys-${number}-${name}-${how}.png`, fullPage: true })
  }
}
