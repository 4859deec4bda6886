// Chromium for tests.

import { launch } from 'puppeteer-core'

// Runs a story in a browser of its own. The browser is told what to do by a pipe, which is closed with this process
// however that ends: then it ends as well.
export async function inBrowser(story) {
  const browser = await launch({
    executablePath: process.env.CHROMIUM,
    pipe: true,
    // Its sandbox needs rights that root in a container does not have.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  try {
    await story(browser)
  } finally {
    await browser.close()
  }
}
