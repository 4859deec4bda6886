// The portal and the panel in Chromium: a stranger makes an app with the keyboard alone, an administrator
// makes a role and disables the app. Each page is held to the rules of axe and to the width of a phone. Prints
// what was seen. With SHOTS, a folder, each page is photographed: wide, on a phone, in the dark, at 200 %.

import { readFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { launch } from 'puppeteer-core'

const { CHROMIUM, ISSUER, LANGUAGE, PASSWORD, ADMIN_PASSWORD, STEP, APP_KEY, SHOTS } = process.env

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

try {
  const seen = STEP === 'user' ? await user() : await administrator()
  console.log(JSON.stringify({ ...seen, faults, told }))
} finally {
  await browser.close()
}

// From the start page to a secret, without the mouse.
async function user() {
  await page.goto(`${ISSUER}/`)
  await look('start')
  await follow('a[href="/portal/sign-up"]')
  await look('sign-up')
  await fill('#username', 'nobody else')
  await fill('#email', 'carol@shop.example')
  await fill('#password', PASSWORD)
  await press('form[action="/portal/sign-up"] button')
  await look('sign-up-refused')
  await page.$eval('#username', (element) => { element.value = '' })
  await fill('#username', 'carol')
  await fill('#password', PASSWORD)
  await press('form[action="/portal/sign-up"] button')
  await look('start-logged-in')
  await follow('a.button[href="/portal/apps"]')
  await look('no-apps')
  await follow('a[href="/portal/apps/new"]')
  await look('new-app')
  await fill('#name', 'web-shop')
  await press('form[action="/portal/apps/new"] .actions button')
  await look('app-with-secret')
  const [key, command] = [await text('#app-key'), await text('#call-token')]
  await follow(`a[href="/portal/apps/${key}/rotate"]`)
  await look('rotate')
  await page.goBack()
  await follow(`a[href="/portal/apps/${key}/edit"]`)
  await look('edit')
  await page.goBack()
  await follow(`a[href="/portal/apps/${key}/delete"]`)
  await look('delete')
  await page.goto(`${ISSUER}/portal/apps`)
  await look('apps')
  for (const path of ['access', 'account', 'account/email', 'account/password', 'sessions']) {
    await page.goto(`${ISSUER}/portal/${path}`)
    await look(path.replaceAll('/', '-'))
  }
  await page.goto(`${ISSUER}/panel/users`)
  await look('refused')
  return { key, command, language: await page.$eval('html', (html) => html.lang) }
}

// A role with scopes becomes the default, and the app is disabled.
async function administrator() {
  await page.goto(`${ISSUER}/panel`)
  await look('log-in')
  await fill('#username', 'admin')
  await fill('#password', 'a guess')
  await press('form[action="/portal/log-in"] button')
  await look('log-in-refused')
  await fill('#password', ADMIN_PASSWORD)
  await press('form[action="/portal/log-in"] button')
  await look('panel')
  await page.goto(`${ISSUER}/panel/new-role`)
  await look('new-role')
  await fill('#name', `clerk-${LANGUAGE}`)
  await page.click('input[name="box:orders.write"]')
  await page.click('input[name="box:consumer.app"]')
  await press('form[action="/panel/new-role"] .actions button')
  await look('role')
  await follow(`a[href="/panel/roles/clerk-${LANGUAGE}/default"]`)
  await look('default')
  await press('main form button')
  await page.goto(`${ISSUER}/panel/roles`)
  await look('roles')
  await page.goto(`${ISSUER}/panel/roles/consumer`)
  await page.click('input[name="box:orders.read"]')
  await press('form[action="/panel/roles/consumer"] .actions button')
  const effect = await text('main')
  await look('effect')
  for (const path of ['users', 'users/carol', 'users/carol/password', 'users/carol/status',
    'new-user', 'policy', 'audit', 'revoke', 'who', 'who?kind=user&name=carol&method=GET&path=/orders/1', 'scopes', 'scopes/orders.read', 'new-scope', 'apps', `apps/${APP_KEY}`]) {
    await page.goto(`${ISSUER}/panel/${path}`)
    await look(path.split('&')[0].replace(APP_KEY, 'one').replaceAll(/[/?=]/g, '-'))
  }
  await page.goto(`${ISSUER}/panel/apps/${APP_KEY}/status`)
  await look('disable')
  await press('main form button')
  await look('disabled')
  return { effect }
}

// Goes to an element with the tab key, as somebody without a mouse does.
async function tabTo(selector) {
  for (let count = 0; count < 80; count += 1) {
    await page.keyboard.press('Tab')
    const there = await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)
    if (there) return
  }
  throw new Error(`the keyboard does not reach ${selector} on ${page.url()}`)
}

async function fill(selector, value) {
  await tabTo(selector)
  await page.keyboard.type(value)
}

async function press(selector) {
  await tabTo(selector)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
}

async function follow(selector) {
  await press(selector)
}

async function text(selector) {
  return page.$eval(selector, (element) => element.textContent)
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
  await page.setViewport({ width: wide.width / 2, height: wide.height / 2, deviceScaleFactor: 2 })
  const zoomed = await page.evaluate(() => document.documentElement.scrollWidth)
  if (zoomed > wide.width / 2) faults.push(`${name}: ${zoomed} pixels wide at 200 %`)
  await photograph(name, 'zoomed')
  await page.setViewport(wide)
}

async function photograph(name, how) {
  if (SHOTS) {
    await mkdir(SHOTS, { recursive: true })
    const number = String(shots).padStart(2, '0')
    await page.screenshot({ path: `${SHOTS}/${STEP}-${number}-${name}-${how}.png`, fullPage: true })
  }
}
