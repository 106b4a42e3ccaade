import type { Browser } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AppSite, startAppSite } from './app-site.ts'
import { launch, type Visitor, visitor } from './page.ts'

let browser: Browser
let app: AppSite
let guest: Visitor
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  app = await startAppSite('user_1')
  guest = await visitor(browser)
})
afterEach(async () => {
  await guest?.context.close()
  await app?.close()
})

describe('an address with a password', () => {
  const lines: string[] = []
  const visit = async (): Promise<void> => {
    lines.length = 0
    guest.page.on('console', (message) => lines.push(message.text()))
    await guest.page.goto(app.url.replace('//', '//jane:hush@'))
  }

  test.each([
    ['a tag alone', '<script src="/orq/orq.js" data-debounce-ms="10"></script>'],
    [
      'init with a relative proxyUrl',
      `<script src="/orq/orq.full.js"></script><script>orq.init({ proxyUrl: '/orq', debounceMs: 10 })</script>`,
    ],
  ])('%s delivers', async (_, markup) => {
    app.html = `<!doctype html><link rel="icon" href="data:,">${markup}`
    await visit()
    expect(await guest.page.evaluate(`orq.identify('user_1')`)).toEqual({ status: 'delivered' })
    expect(app.received()).toEqual([{ external_id: 'user_1' }])
    expect(lines.filter((line) => line.includes('orq:'))).toEqual([])
  })

  test('is in no line of ours when the proxy is not there', async () => {
    app.html = `<!doctype html><link rel="icon" href="data:,"><script src="/orq/orq.full.js"></script>
      <script>orq.init({ proxyUrl: '/elsewhere', tokenUrl: '/token', debounceMs: 10 })</script>`
    await visit()
    await guest.page.evaluate(`orq.identify('user_1')`)
    const ours = lines.filter((line) => line.includes('orq:'))
    expect(ours).toHaveLength(1)
    expect(ours.join()).not.toMatch(/hush|jane/)
  })
})
