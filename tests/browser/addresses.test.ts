import type { Browser, Frame, Page } from 'playwright'
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

const icon = '<link rel="icon" href="data:,">'
const tag = '<script src="/orq/orq.js" data-debounce-ms="10"></script>'
const delivers = async (scope: Page | Frame): Promise<void> => {
  expect(await scope.evaluate(`orq.identify('user_1', { plan: 'pro' })`)).toEqual({ status: 'delivered' })
  expect(app.received()).toEqual([{ external_id: 'user_1', metadata: { plan: 'pro' } }])
}

describe('a document without an address of its own', () => {
  test('about:srcdoc: a tag in it delivers to the proxy of the page', async () => {
    app.html = `<!doctype html>${icon}<iframe srcdoc='<!doctype html>${tag.replaceAll("'", '"')}'></iframe>`
    await guest.page.goto(app.url)
    const frame = guest.page.frames()[1]!
    expect(await frame.evaluate('location.href')).toBe('about:srcdoc')
    await delivers(frame)
    expect(guest.errors).toEqual([])
  })

  test('about:srcdoc: init with a relative proxyUrl delivers', async () => {
    app.html = `<!doctype html>${icon}<iframe srcdoc='<!doctype html><script src="/orq/orq.full.js"></script>
      <script>orq.init({ proxyUrl: "/orq", debounceMs: 10 })</script>'></iframe>`
    await guest.page.goto(app.url)
    await delivers(guest.page.frames()[1]!)
    expect(guest.errors).toEqual([])
  })

  test('a blank frame that a script fills delivers', async () => {
    app.html = `<!doctype html>${icon}<iframe></iframe><script>
      loaded = new Promise((end) => {
        const inner = document.querySelector('iframe').contentDocument
        const made = inner.createElement('script')
        made.src = '/orq/orq.js'
        made.onload = end
        inner.head.append(made)
      })
    </script>`
    await guest.page.goto(app.url)
    await guest.page.evaluate('loaded.then(() => {})')
    const frame = guest.page.frames()[1]!
    await frame.evaluate(`orq.init({ proxyUrl: '/orq', debounceMs: 10 })`)
    await delivers(frame)
  })

  test('a blank window that the page has opened delivers', async () => {
    app.html = `<!doctype html>${icon}${tag}`
    await guest.page.goto(app.url)
    const [popup] = await Promise.all([
      guest.context.waitForEvent('page'),
      guest.page.evaluate(`void (child = open('about:blank'))`),
    ])
    await guest.page.evaluate(`new Promise((end) => {
      const made = child.document.createElement('script')
      made.src = location.origin + '/orq/orq.js'
      made.onload = () => end()
      child.document.head.append(made)
    })`)
    await popup.evaluate(`orq.init({ proxyUrl: '/orq', debounceMs: 10 })`)
    await delivers(popup)
  })

  test('a sandboxed about:srcdoc has no origin: nothing is thrown, and the call is dropped: no_page', async () => {
    app.html = `<!doctype html>${icon}<iframe sandbox="allow-scripts" srcdoc='<!doctype html>
      <script src="/orq/orq.full.js"></script><script>orq.init({ proxyUrl: "/orq" })</script>'></iframe>`
    await guest.page.goto(app.url)
    const outcome = await guest.page.frames()[1]!.evaluate(`orq.identify('user_1')`)
    expect(outcome).toEqual({ status: 'dropped', reason: 'no_page' })
    expect(await guest.sent()).toEqual([])
  })
})

test('<base>, which an attacker may add, does not lead a relative proxyUrl to another origin', async () => {
  const other = await startAppSite('user_1')
  app.html = `<!doctype html>${icon}<script src="/orq/orq.full.js"></script><base href="${other.url}/evil/">
    <script>orq.init({ proxyUrl: '/orq', tokenUrl: 'token', debounceMs: 10 })</script>`
  await guest.page.goto(app.url)
  await delivers(guest.page)
  expect(other.paths).toEqual([])
  await other.close()
})

describe('a tag with a wrong option', () => {
  test.each([
    ['data-consent="marketing"', /consent must be 'granted', 'pending' or 'denied'/],
    ['data-consent=""', /consent must be/],
    ['data-consent="true"', /consent must be/],
    ['data-outbox="Memory"', /outbox must be 'local' or 'memory'/],
    ['data-timeout-ms="0"', /timeoutMs must be a number of milliseconds from 1/],
    ['data-timeout-ms="Infinity"', /timeoutMs must be/],
    ['data-debounce-ms="soon"', /debounceMs must be/],
    ['data-retries="none"', /retries must be an object/],
    ['data-debug="yes"', /debug must be true or false/],
    ['data-token-url=""', /tokenUrl must be a URL/],
  ])(
    '%s: one console error names it, nothing is sent or erased, and what is called waits',
    async (attribute, words) => {
      app.html = `<!doctype html>${icon}`
      await guest.page.goto(app.url)
      await guest.page.evaluate(`localStorage.setItem('orq.2.outbox.0000000000000000', 'kept')`)
      app.html = `<!doctype html>${icon}<script src="/orq/orq.js" ${attribute}></script>
      <script>outcome = 'open'; orq.identify('user_1', { plan: 'pro' }).then((told) => { outcome = told })</script>`
      await guest.page.goto(app.url)
      expect(guest.errors).toEqual([expect.stringMatching(words)])
      expect(await guest.page.evaluate('[outcome, { ...localStorage }]')).toEqual([
        'open',
        { 'orq.2.outbox.0000000000000000': 'kept' },
      ])
      expect(await guest.sent()).toEqual([])
      // The page may still set it right.
      await guest.page.evaluate(`orq.init({ debounceMs: 10 }); orq.consent('granted')`)
      await expect.poll(() => guest.page.evaluate('outcome')).toEqual({ status: 'delivered' })
    },
  )
})

describe('text of the script that the page runs by itself, with no chunk beside it or beside the proxy', () => {
  test.each([
    ['eval', '(0, eval)(text)'],
    ['a function', 'new Function(text)()'],
    ['an inline tag', `document.head.append(Object.assign(document.createElement('script'), { text }))`],
  ])('run by %s: delivered once, repeats are duplicates, and nothing personal stays', async (_, run) => {
    app.html = `<!doctype html>${icon}<script>
      loaded = fetch('/orq/orq.js').then((answer) => answer.text()).then((text) => { ${run} })
    </script>`
    await guest.context.route('**/transport.js*', (route) => route.abort())
    await guest.page.goto(app.url)
    await guest.page.evaluate(`loaded.then(() => orq.init({ proxyUrl: '/orq', debounceMs: 10 }))`)
    const call = `orq.identify('user_1', { name: 'Jane Doe' })`
    expect(await guest.page.evaluate(call)).toEqual({ status: 'delivered' })
    expect(await guest.page.evaluate(call)).toEqual({ status: 'duplicate' })
    await guest.page.reload()
    await guest.page.evaluate(`loaded.then(() => orq.init({ proxyUrl: '/orq', debounceMs: 10 }))`)
    expect(await guest.page.evaluate(call)).toEqual({ status: 'duplicate' })
    expect(app.received()).toHaveLength(1)
    expect(await guest.page.evaluate('JSON.stringify({ ...localStorage })')).not.toMatch(/Jane|user_1/)
  })
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
