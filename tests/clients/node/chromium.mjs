// A user in Chromium: goes where an app sends the browser, logs in, consents, and prints where the
// browser came back to. With SHOTS, a folder, each page is photographed.

import { mkdir } from 'node:fs/promises'

import { inBrowser } from './browser.mjs'

const { OPEN, REDIRECT_URI, USERNAME, PASSWORD, SHOTS } = process.env

const told = []
await inBrowser(async (browser) => {
  const page = await browser.newPage()
  page.on('console', (message) => told.push(message.text()))
  page.on('pageerror', (error) => told.push(String(error)))
  await page.setViewport({ width: 800, height: 700 })
  const came = new Promise((resolve) => {
    page.on('request', (request) => {
      if (request.url().startsWith(REDIRECT_URI)) {
        resolve(request.url())
        // The app itself is not running.
        request.respond({ status: 200, contentType: 'text/plain', body: 'back at the app' })
      } else {
        request.continue()
      }
    })
  })
  await page.setRequestInterception(true)

  await page.goto(OPEN)
  await shot(page, 'login')
  await logIn(page, 'not the password')
  const wrong = await page.$eval('[role=alert]', (element) => element.textContent)
  await shot(page, 'login-failed')
  await page.$eval('#username', (element) => { element.value = '' })
  await logIn(page, PASSWORD)
  const asked = await page.$eval('h1', (element) => element.textContent)
  await shot(page, 'consent')
  await page.setViewport({ width: 360, height: 640 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
  await shot(page, 'consent-on-a-phone')
  await Promise.all([page.waitForNavigation(), page.click('button[value=allow]')])
  console.log(JSON.stringify({ callback: await came, wrong, asked, told }))
})

async function logIn(page, password) {
  await page.type('#username', USERNAME)
  await page.type('#password', password)
  await Promise.all([page.waitForNavigation(), page.click('form .actions button')])
}

async function shot(page, name) {
  if (SHOTS) {
    await mkdir(SHOTS, { recursive: true })
    await page.screenshot({ path: `${SHOTS}/${name}.png` })
  }
}
