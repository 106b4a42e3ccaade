import { type Browser, type BrowserContext, chromium, type LaunchOptions, type Page } from 'playwright'
import type {} from '../../src/window.ts'
import { findChromium, noChromium } from './find.mjs'

/** @throws Error that says what to install, where there is no Chromium */
export const launch = async (options: LaunchOptions = {}): Promise<Browser> => {
  const executablePath = findChromium()
  if (!executablePath) throw new Error(noChromium)
  return chromium.launch({
    ...options,
    executablePath,
    // Chromium refuses its sandbox to root.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
}

export interface Visitor {
  context: BrowserContext
  page: Page
  /** Contact requests that have left this visitor's browser, as far as the browser has told. */
  posts: string[]
  /**
   * All of them so far. The browser tells of a request beside sending it, so that a server may have one that is not told
   * yet; an answer of the page comes after what it has told before.
   */
  sent(): Promise<string[]>
  /** Whatever the page complained about. */
  errors: string[]
}

/** Whatever a page complains about from now on. */
export const watchErrors = (page: Page): string[] => {
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    const { url } = message.location()
    // The icon is what the browser asks for by itself; whatever else is missing, the page has named.
    if (message.type() !== 'error' || url.endsWith('/favicon.ico')) return
    const text = message.text()
    errors.push(text.startsWith('Failed to load resource') ? `${text} ${url}` : text)
  })
  return errors
}

/** A person with a fresh profile. */
export const visitor = async (browser: Browser): Promise<Visitor> => {
  const context = await browser.newContext()
  const posts: string[] = []
  context.on('request', (request) => {
    if (request.url().endsWith('/v2/contacts') && request.method() === 'POST') posts.push(request.postData() ?? '')
  })
  const page = await context.newPage()
  const errors = watchErrors(page)
  const sent = async (): Promise<string[]> => {
    await page.evaluate('0')
    return posts
  }
  return { context, page, posts, sent, errors }
}
