import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright'
import { onTestFinished } from 'vitest'
import { bundle } from './bindings/bundle.ts'
import { launch, type Visitor, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'
import { serveSite } from './site.ts'

/** The browser and `dev`, and beside it an app on a port of its own, whose dev server passes `/orq` and `/token` on. */
export interface AppBesideDev {
  browser: Browser
  dev: Dev
  /** What the page of the app has in its body. */
  show(html: string): void
  /** In place of that: an element `#app`, and a `main.js` with the files beside it and the real libraries bundled. */
  showBundled(files: Readonly<Record<string, string>>): Promise<void>
  /** Signs in on the page of dev, and then opens the page of the app. */
  visitSignedIn(): Promise<Visitor>
  /** The contact of whoever is signed in. */
  stored(): Promise<Record<string, unknown> | undefined>
  close(): Promise<void>
}

export const importMap = '<script type="importmap">{"imports":{"orq-identify":"/orq/orq.esm.js"}}</script>'

export const startAppBesideDev = async (): Promise<AppBesideDev> => {
  let html = ''
  let script = ''
  const dev = await startDev()
  const browser = await launch()
  const site = await serveSite(async (request, response) => {
    const { url = '/', method = 'GET' } = request
    if (!/^\/(orq|token)\b/.test(url)) {
      const [type, body] = url === '/page.js' ? ['text/javascript', script] : ['text/html', html]
      response.setHeader('content-type', type).end(body)
      return
    }
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
    const body = method === 'POST' ? Buffer.concat(await request.toArray()) : null
    const answer = await fetch(dev.url + url, { method, headers: headers as Record<string, string>, body })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
  const show = (body: string): void => {
    html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${body}`
  }
  const stored = async () => (await dev.contacts()).find(({ external_id }) => external_id === 'user_1')
  return {
    browser,
    dev,
    show,
    showBundled: async (files) => {
      const folder = mkdtempSync(join(tmpdir(), 'orq-snippet-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      for (const [file, code] of Object.entries(files)) writeFileSync(join(folder, file), code)
      script = await bundle(join(folder, 'main.js'))
      show(`${importMap}<div id="app"></div><script type="module" src="/page.js"></script>`)
    },
    visitSignedIn: async () => {
      const guest = await visitor(browser)
      const { page, context } = guest
      onTestFinished(() => context.close())
      // Segment asks its own servers for settings, and tells them of calls.
      await context.route(/^https:\/\/[\w.]+\.segment\.(com|io)\//, (route) =>
        route.fulfill({ json: { integrations: { 'Segment.io': { apiKey: 'key' } } } }),
      )
      await page.goto(dev.url)
      await page.fill('#external-id', 'user_1')
      await page.fill('#display-name', 'Somebody else')
      await page.click('#sign-in')
      await page.waitForSelector('#calls li[data-status="delivered"]')
      const name = (await stored())?.['display_name']
      if (name !== 'Somebody else') throw new Error(`signed in as ${name}`)
      await page.goto(site.url)
      return guest
    },
    stored,
    close: async () => {
      await browser.close()
      await site.close()
      await dev.stop()
    },
  }
}
