import type { Browser, BrowserContext, Page } from 'playwright'
import type { Outcome } from '../../src/index.ts'
import type { Scope } from './in-page/scope.ts'
import type { CasesServer } from './in-page/server.ts'

/** A browser profile of its own and a site of its own, which the tests visit in one tab or several. */
export interface Visits {
  context: BrowserContext
  scope: Scope
  id: string
  url: string
  /** A tab with the site and its client. */
  open(): Promise<Page>
  /** Bodies that upstream has received. */
  received(): Record<string, unknown>[]
  /** All of them laid over one another: the contact as it stands upstream. */
  contact(): Record<string, unknown>
}

export const createVisits = async (server: CasesServer, browser: Browser, name: string): Promise<Visits> => {
  const id = `${name}-${Math.random().toString(36).slice(2, 8)}`
  const base = `/at/${id}`
  const scope = server.scope(id)
  const url = `${server.url}${base}/document`
  scope.document.html = `<!doctype html><title>Site</title>
    <script src="${base}/orq/orq.js" data-token-url="${base}/token" data-debounce-ms="20"></script>`
  // A page with no-store is never kept in the back/forward cache.
  scope.document.headers = { 'cache-control': 'no-cache' }
  const context = await browser.newContext()
  return {
    context,
    scope,
    id,
    url,
    open: async () => {
      const page = await context.newPage()
      await page.goto(url)
      return page
    },
    received: () => server.upstream.received(id),
    contact: () => Object.assign({}, ...server.upstream.received(id)),
  }
}

/** Calls `identify` in a tab, at a moment of the shared clock, and gives the outcome. */
export const identify = (page: Page, user: object, at = 0): Promise<Outcome> =>
  page.evaluate(
    async ([given, moment]) => {
      await new Promise((resolve) => setTimeout(resolve, moment - Date.now()))
      return window.orq.identify(given as { externalId: string })
    },
    [user, at] as const,
  )
