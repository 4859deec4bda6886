// Chromium for tests of the pages, and what each page is held to: the rules of axe, light and dark, the width of
// a phone, and twice the size. With SHOTS, a folder, each page is photographed.

import { readFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'

import { inBrowser } from './browser.mjs'

const { LANGUAGE, SHOTS } = process.env

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wide = { width: 1280, height: 900 }
const phone = { width: 320, height: 640 }

// Runs a story in a browser with one page, and prints what it has seen, with what is wrong with the pages and what
// the browser told of them. `name` is what photographs begin with.
export async function tell(name, story) {
  await inBrowser(async (browser) => {
    const page = await browser.newPage()
    const scene = new Scene(name, page)
    await page.setExtraHTTPHeaders({ 'Accept-Language': LANGUAGE })
    await page.setViewport(wide)
    const seen = await story(scene)
    console.log(JSON.stringify({ ...seen, faults: scene.faults, told: scene.told }))
  })
}

class Scene {
  constructor(name, page) {
    this.name = name
    this.page = page
    this.faults = []
    this.told = []
    this.shots = 0
    page.on('console', (message) => this.told.push(message.text()))
    page.on('pageerror', (error) => this.told.push(String(error)))
  }

  // What is wrong with the page that is there.
  async look(name) {
    const { page } = this
    this.shots += 1
    await page.evaluate(axe)
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
      await this.photograph(name, scheme === 'light' ? 'wide' : 'dark')
      const { violations } = await page.evaluate(() => window.axe.run())
      for (const { id, nodes } of violations) {
        this.faults.push(`${name} (${scheme}): ${id}: ${nodes.map((node) => node.html).join(' ')}`)
      }
    }
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
    await this.#fits(name, 'phone', phone)
    const zoomed = { width: wide.width / 2, height: wide.height / 2, deviceScaleFactor: 2 }
    await this.#fits(name, 'zoomed', zoomed)
    await page.setViewport(wide)
  }

  async #fits(name, how, viewport) {
    await this.page.setViewport(viewport)
    const width = await this.page.evaluate(() => document.documentElement.scrollWidth)
    if (width > viewport.width) this.faults.push(`${name} (${how}): ${width} pixels wide`)
    await this.photograph(name, how)
  }

  async photograph(name, how) {
    if (!SHOTS) return
    await mkdir(SHOTS, { recursive: true })
    const number = String(this.shots).padStart(2, '0')
    const path = `${SHOTS}/${this.name}-${number}-${name}-${how}.png`
    await this.page.screenshot({ path, fullPage: true })
  }

  // Goes to an element with the tab key, as somebody without a mouse does.
  async tabTo(selector) {
    const { page } = this
    for (let count = 0; count < 120; count += 1) {
      // A page may have put it there itself.
      const there = await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)
      if (there) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`the keyboard does not reach ${selector} on ${page.url()}`)
  }

  async fill(selector, value) {
    await this.tabTo(selector)
    await this.page.keyboard.type(value)
  }

  // Follows a link or presses a button, with the keyboard.
  async press(selector) {
    await this.tabTo(selector)
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press('Enter')])
  }

  // The same with the mouse.
  async click(selector) {
    await Promise.all([this.page.waitForNavigation(), this.page.click(selector)])
  }

  async text(selector) {
    return this.page.$eval(selector, (element) => element.textContent)
  }

  // The path of the page that is there.
  path() {
    return new URL(this.page.url()).pathname
  }
}
