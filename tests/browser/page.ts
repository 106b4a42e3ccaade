import { type Browser, type BrowserContext, chromium, type LaunchOptions, type Page } from 'playwright'
import type { Orq } from '../../src/index.ts'
import { findChromium } from './find.mjs'

declare global {
  interface Window {
    orq: Orq
  }
}

export const launch = (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch({
    ...options,
    executablePath: findChromium() ?? '',
    // Chromium refuses its sandbox to root.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })

export interface Visitor {
  context: BrowserContext
  page: Page
  /** Contact requests that have left this visitor's browser. */
  posts: string[]
  /** Whatever the page complained about. */
  errors: string[]
}

/** A person with a fresh profile. */
export const visitor = async (browser: Browser): Promise<Visitor> => {
  const context = await browser.newContext()
  const posts: string[] = []
  const errors: string[] = []
  context.on('request', (request) => {
    if (request.url().endsWith('/v2/contacts') && request.method() === 'POST') posts.push(request.postData() ?? '')
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    const { url } = message.location()
    // The icon is what the browser asks for by itself; whatever else is missing, the page has named.
    if (message.type() !== 'error' || url.endsWith('/favicon.ico')) return
    const text = message.text()
    errors.push(text.startsWith('Failed to load resource') ? `${text} ${url}` : text)
  })
  return { context, page, posts, errors }
}
