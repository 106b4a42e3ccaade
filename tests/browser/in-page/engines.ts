import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type BrowserType, firefox, webkit } from 'playwright'
import { launch } from '../page.ts'
import { type CaseResult, whenDone } from './results.ts'
import { findFile, runInFirefox, runInWebKit } from './system-engines.ts'

export interface Engine {
  name: string
  /** Opens the URL and gives what the page hands over. */
  run(url: string): Promise<CaseResult[]>
}

/** An engine that is not at hand, and what would bring it. */
export interface Missing {
  name: string
  missing: string
}

const hasPackage = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch {
    return false
  }
}

const byPlaywright = async (browserType: Pick<BrowserType, 'launch'>, url: string): Promise<CaseResult[]> => {
  const browser = await browserType.launch()
  try {
    const page = await browser.newPage()
    await page.goto(url)
    return (await page.evaluate(whenDone)) as CaseResult[]
  } finally {
    await browser.close()
  }
}

const firefoxAtHand = (): Engine | Missing => {
  const name = 'Firefox'
  if (existsSync(firefox.executablePath())) return { name, run: (url) => byPlaywright(firefox, url) }
  const path = findFile('firefox-esr', 'firefox')
  if (!path) return { name, missing: 'firefox-esr, or npx playwright install firefox' }
  if (!hasPackage('puppeteer-core')) return { name, missing: 'npm install --prefix tests' }
  return { name, run: (url) => runInFirefox(path, url) }
}

const webKitAtHand = (): Engine | Missing => {
  const name = 'WebKit'
  if (existsSync(webkit.executablePath())) return { name, run: (url) => byPlaywright(webkit, url) }
  if (!findFile('WebKitWebDriver')) return { name, missing: 'webkit2gtk-driver, or npx playwright install webkit' }
  if (!process.env.DISPLAY && !findFile('Xvfb')) return { name, missing: 'xvfb' }
  if (!hasPackage('selenium-webdriver')) return { name, missing: 'npm install --prefix tests' }
  return { name, run: runInWebKit }
}

/** Every engine, at hand or not. Chromium always is: `npm test` sees to it. */
export const engines = (): (Engine | Missing)[] => [
  { name: 'Chromium', run: (url) => byPlaywright({ launch }, url) },
  firefoxAtHand(),
  webKitAtHand(),
]
