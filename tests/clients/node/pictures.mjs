// Photographs the pages that README and documentation show, at a portal that `scripts/portal` keeps running. With
// LOOK, a folder, each of them is photographed there as well on a phone, in the dark and in German.

import { mkdir } from 'node:fs/promises'

import { inBrowser } from './browser.mjs'

const { ISSUER, USER_PASSWORD, ADMIN_PASSWORD, PICTURES, LOOK } = process.env

const wide = { width: 1100, height: 780 }
const phone = { width: 320, height: 640 }

await inBrowser(async (browser) => {
  await mkdir(PICTURES, { recursive: true })
  if (LOOK) await mkdir(LOOK, { recursive: true })
  await portal(await visitor(browser))
  await panel(await visitor(browser))
})

// A page with cookies of its own.
async function visitor(browser) {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await page.setExtraHTTPHeaders({ 'Accept-Language': 'en' })
  await page.setViewport(wide)
  return page
}

async function portal(page) {
  await page.goto(`${ISSUER}/`)
  await picture(page, 'start')
  await logIn(page, 'bob', USER_PASSWORD)
  await page.goto(`${ISSUER}/portal/apps/new`)
  await page.type('#name', 'web-shop')
  await press(page, 'form[action="/portal/apps/new"] .actions button')
  const key = await text(page, '#app-key')
  const secret = await text(page, '#app-secret')
  await picture(page, 'app')
  await page.goto(`${ISSUER}/portal/try`)
  await picture(page, 'operations')
  const operation = encodeURIComponent('POST /orders')
  await page.goto(`${ISSUER}/portal/try?operation=${operation}&caller=app%3A${key}`)
  await look(page, 'try-before')
  await page.type('#secret', secret)
  await press(page, 'form[method=post][action="/portal/try"] .actions button')
  await picture(page, 'try')
}

async function panel(page) {
  await logIn(page, 'admin', ADMIN_PASSWORD)
  await page.goto(`${ISSUER}/panel/roles`)
  await picture(page, 'roles')
  await page.goto(`${ISSUER}/panel/who?kind=user&name=alice&method=POST&path=/orders`)
  await picture(page, 'who')
  await page.goto(`${ISSUER}/panel/gates`)
  await picture(page, 'gates')
  await page.goto(`${ISSUER}/panel/roles/consumer`)
  await page.click('input[name="box:orders.read"]')
  await press(page, 'form[action="/panel/roles/consumer"] .actions button')
  await scheme(page, 'dark')
  await picture(page, 'effect')
  await scheme(page, 'light')
  await page.goto(`${ISSUER}/panel/users`)
  await page.setViewport({ ...phone, width: 360 })
  await picture(page, 'users')
}

async function logIn(page, name, password) {
  await page.goto(`${ISSUER}/portal/log-in`)
  await page.type('#username', name)
  await page.type('#password', password)
  await press(page, 'form[action="/portal/log-in"] .actions button')
}

async function press(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}

async function text(page, selector) {
  return page.$eval(selector, (element) => element.textContent)
}

async function scheme(page, value) {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }])
}

async function picture(page, name) {
  // As much of it as there is, and no more than a window shows.
  const end = await page.$eval('main', (main) => main.getBoundingClientRect().bottom + 24)
  const { width, height } = page.viewport()
  const clip = { x: 0, y: 0, width, height: Math.min(height, Math.ceil(end)) }
  await page.screenshot({ path: `${PICTURES}/${name}.png`, clip })
  await look(page, name)
}

// The whole page in all the ways in which somebody may see it.
async function look(page, name) {
  if (!LOOK) return
  const shot = async (how) => page.screenshot({ path: `${LOOK}/${name}-${how}.png`, fullPage: true })
  const before = page.viewport()
  await shot('wide')
  await scheme(page, 'dark')
  await shot('dark')
  await scheme(page, 'light')
  await page.setViewport(phone)
  await shot('phone')
  await page.setViewport(before)
  const german = await page.browserContext().newPage()
  await german.setExtraHTTPHeaders({ 'Accept-Language': 'de' })
  await german.setViewport(wide)
  await german.goto(page.url())
  await german.screenshot({ path: `${LOOK}/${name}-german.png`, fullPage: true })
  await german.close()
}
