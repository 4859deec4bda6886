// Chromium that nobody ends: prints its process id and waits.

import { inBrowser } from './browser.mjs'

await inBrowser(async (browser) => {
  await browser.newPage()
  console.log(browser.process().pid)
  await new Promise(() => { setInterval(() => {}, 60_000) })
})
