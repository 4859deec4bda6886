// The portal and the panel in Chromium: a stranger gets to an answer of the API with as few clicks as there are, another
// one makes an app with the keyboard alone and tries out calls, an administrator makes a role and disables the app.
// Prints what was seen.

import { tell } from './pages.mjs'

const { ISSUER, LANGUAGE, PASSWORD, ADMIN_PASSWORD, STEP, APP_KEY } = process.env

await tell(STEP, STEP === 'user' ? user : administrator)

// From the start page to a secret and to calls, without the mouse.
async function user(scene) {
  const { page } = scene
  const quick = await quickest(scene)
  await page.goto(`${ISSUER}/portal/reset`)
  await scene.look('reset')
  await page.goto(`${ISSUER}/`)
  await scene.look('start')
  await scene.press('a[href="/portal/sign-up"]')
  await scene.look('sign-up')
  await scene.fill('#username', 'nobody else')
  await scene.fill('#email', 'carol@shop.example')
  await scene.fill('#password', PASSWORD)
  await scene.press('form[action="/portal/sign-up"] button')
  await scene.look('sign-up-refused')
  await page.$eval('#username', (element) => { element.value = '' })
  await scene.fill('#username', 'carol')
  await scene.fill('#password', PASSWORD)
  await scene.press('form[action="/portal/sign-up"] button')
  await scene.look('signed-up')
  await page.goto(`${ISSUER}/`)
  await scene.look('start-logged-in')
  await page.goto(`${ISSUER}/portal/apps`)
  await scene.look('no-apps')
  await scene.press('a.button[href="/portal/apps/new"]')
  await scene.look('new-app')
  await scene.fill('#name', 'web-shop')
  await scene.press('form[action="/portal/apps/new"] .actions button')
  await scene.look('app-with-secret')
  const [key, command] = [await scene.text('#app-key'), await scene.text('#call-token')]
  const secret = await scene.text('#app-secret')
  const copied = { secret: await copy(scene, 'app-secret') }
  await scene.press('a[href="#example-python"]')
  const examples = await page.$$eval('.example', (all) => all
    .filter((one) => one.checkVisibility())
    .map((one) => one.id.replace('example-', '')))
  await scene.look('app-in-python')
  copied.python = await copy(scene, 'call-python')
  const tried = await tryOut(scene, key, secret)
  for (const part of ['rotate', 'edit', 'delete']) {
    await page.goto(`${ISSUER}/portal/apps/${key}`)
    await scene.press(`a[href="/portal/apps/${key}/${part}"]`)
    await scene.look(part)
  }
  await page.goto(`${ISSUER}/`)
  await scene.look('start-with-apps')
  for (const path of ['apps', 'access', 'access/end-all', 'account', 'account/email', 'account/password', 'sessions']) {
    await page.goto(`${ISSUER}/portal/${path}`)
    await scene.look(path.replaceAll('/', '-'))
  }
  const times = await timesInZone(scene)
  const chosen = await chooseLanguage(scene)
  await page.goto(`${ISSUER}/panel/users`)
  await scene.look('refused')
  return { times, chosen, key, command, tried, quick, copied, examples, language: await page.$eval('html', (html) => html.lang) }
}

// What a time says to a reader in another zone, and without script.
async function timesInZone(scene) {
  const { page } = scene
  const seen = async () => page.$eval('main time', (time) => [time.textContent, time.title])
  await page.emulateTimezone('Asia/Kolkata')
  await page.goto(`${ISSUER}/portal/account`)
  const times = { scripted: await seen() }
  await page.setJavaScriptEnabled(false)
  await page.reload()
  times.unscripted = await seen()
  await page.setJavaScriptEnabled(true)
  await page.emulateTimezone()
  return times
}

// Chooses the other language without script, with the keyboard, and then this one again: what the pages are in.
async function chooseLanguage(scene) {
  const { page } = scene
  const languages = []
  await page.setJavaScriptEnabled(false)
  await page.goto(`${ISSUER}/portal/account?x=1`)
  for (let turn = 0; turn < 2; turn += 1) {
    await scene.press('footer button')
    languages.push(await page.$eval('html', (html) => html.lang))
  }
  await page.setJavaScriptEnabled(true)
  return [...languages, new URL(page.url()).pathname + new URL(page.url()).search]
}

// Presses a button that copies; what it told, and whether the clipboard has it.
async function copy(scene, id) {
  const { page } = scene
  await page.browserContext().overridePermissions(ISSUER, ['clipboard-read', 'clipboard-sanitized-write'])
  await scene.tabTo(`[data-copy="${id}"]`)
  await page.keyboard.press('Enter')
  const told = `#${id}-copied`
  await page.waitForFunction((one) => document.querySelector(one).textContent, {}, told)
  const clipboard = await page.evaluate(() => navigator.clipboard.readText())
  return [await scene.text(told), clipboard === await scene.text(`#${id}`)]
}

// From the start page to an answer of the API: counts the clicks.
async function quickest(scene) {
  const { page } = scene
  let clicks = 0
  const click = async (selector) => {
    clicks += 1
    await scene.click(selector)
  }
  await page.goto(`${ISSUER}/`)
  await click('a[href="/portal/sign-up"]')
  // The first field of each form has the focus.
  for (const text of ['dora', 'dora@shop.example', PASSWORD]) {
    await page.keyboard.type(text)
    await page.keyboard.press('Tab')
  }
  await click('form[action="/portal/sign-up"] button')
  await page.keyboard.type('first')
  await click('form[action="/portal/apps/new"] .actions button')
  await scene.look('app-with-first-call')
  await click('#first-call button')
  const seen = { clicks, ...await answer(scene) }
  await scene.click('form[action="/portal/log-out"] button')
  return seen
}

// A call that passes, one without a scope, and one without a token, through Envoy.
async function tryOut(scene, key, secret) {
  const { page } = scene
  await scene.press(`a[href="/portal/try?caller=app%3A${key}"]`)
  await scene.look('operations')
  // The route of the policy is there by what the description says of it.
  const described = encodeURIComponent('GET /orders/{order-id}')
  await scene.press(`a[href="/portal/try?operation=${described}&caller=app%3A${key}"]`)
  await scene.look('operation-described')
  await page.goto(`${ISSUER}/portal/try?operation=read-order&caller=app%3A${key}`)
  await scene.look('operation')
  await scene.fill('#secret', secret)
  await scene.fill('[name="p:order_id"]', '1')
  await sendCall(scene)
  const passed = await answer(scene)
  await scene.look('answer')
  await page.goto(`${ISSUER}/portal/try?operation=place-order&caller=app%3A${key}`)
  await scene.look('operation-without-scope')
  await scene.fill('#secret', secret)
  await scene.fill('#body', '{"item": 1}')
  await sendCall(scene)
  const refused = await answer(scene)
  await scene.look('answer-refused')
  await page.goto(`${ISSUER}/portal/try?operation=account&caller=nobody`)
  await sendCall(scene)
  const stranger = await answer(scene)
  await page.goto(`${ISSUER}/portal/try?operation=read-order&caller=app%3A${key}`)
  await scene.fill('#secret', 'a guess')
  await scene.fill('[name="p:order_id"]', '1')
  await sendCall(scene)
  await scene.look('wrong-secret')
  return { passed, refused, stranger }
}

async function sendCall(scene) {
  await scene.press('form[method=post][action="/portal/try"] .actions button')
}

async function answer(scene) {
  const has = (selector) => scene.page.$(selector)
  return {
    status: await scene.text('#status'),
    why: await scene.text('#why'),
    decision: await has('#decision') ? await scene.text('#decision') : null,
    body: await has('#answer-body') ? await scene.text('#answer-body') : null,
    odd: await has('#at-odds') ? await scene.text('#at-odds') : null,
  }
}

// A role with scopes becomes the default, and the app is disabled.
async function administrator(scene) {
  const { page } = scene
  await page.goto(`${ISSUER}/panel`)
  await scene.look('log-in')
  await scene.fill('#username', 'admin')
  await scene.fill('#password', 'a guess')
  await scene.press('form[action="/portal/log-in"] button')
  await scene.look('log-in-refused')
  await scene.fill('#password', ADMIN_PASSWORD)
  await scene.press('form[action="/portal/log-in"] button')
  await scene.look('panel')
  await page.goto(`${ISSUER}/panel/components`)
  await scene.look('components')
  const shown = async () => page.$$eval('#table tbody tr', (rows) => rows.filter((row) => row.checkVisibility()).length)
  const told = async () => scene.text('[data-filter] [role=status]')
  await scene.fill('#live-filter', 'WEB 3')
  const filtered = [await told(), await shown()]
  await page.keyboard.press('Backspace')
  filtered.push(await told(), await shown())
  await scene.fill('#live-filter', ' nothing')
  filtered.push(await told(), await shown())
  await page.setJavaScriptEnabled(false)
  await page.reload()
  await scene.photograph('components', 'unscripted')
  const buttons = await page.$$('[data-copy], [data-filter]')
  const visible = await Promise.all(buttons.map((button) => button.isVisible()))
  const unscripted = visible.filter((one) => one).length
  await page.setJavaScriptEnabled(true)
  await page.goto(`${ISSUER}/panel/new-role`)
  await scene.look('new-role')
  await scene.fill('#name', `clerk-${LANGUAGE}`)
  await page.click('input[name="box:orders.write"]')
  await scene.press('form[action="/panel/new-role"] .actions button')
  await scene.look('role')
  await scene.press(`a[href="/panel/roles/clerk-${LANGUAGE}/default"]`)
  await scene.look('default')
  await scene.press('main form button')
  await page.goto(`${ISSUER}/panel/roles`)
  await scene.look('roles')
  await page.goto(`${ISSUER}/panel/roles/consumer`)
  await page.click('input[name="box:orders.read"]')
  await scene.press('form[action="/panel/roles/consumer"] .actions button')
  const effect = await scene.text('main')
  await scene.look('effect')
  for (const path of ['users', 'users/carol', 'users/carol/password', 'users/carol/status',
    'new-user', 'policy', 'audit', 'revoke', 'keys', 'gates', 'who',
    'who?kind=user&name=carol&method=GET&path=/orders/1', 'scopes', 'scopes/orders.read', 'new-scope', 'apps',
    `apps/${APP_KEY}`]) {
    await page.goto(`${ISSUER}/panel/${path}`)
    await scene.look(path.split('&')[0].replace(APP_KEY, 'one').replaceAll(/[/?=]/g, '-'))
  }
  await page.goto(`${ISSUER}/panel/apps/${APP_KEY}/status`)
  await scene.look('disable')
  await scene.press('main form button')
  await scene.look('disabled')
  return { effect, filtered, unscripted }
}
