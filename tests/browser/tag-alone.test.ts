import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AppSite, startAppSite } from './app-site.ts'
import { launch, type Visitor, visitor } from './page.ts'

const built = readFileSync(new URL('../../dist/orq.js', import.meta.url), 'utf8')
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

let browser: Browser
let app: AppSite
let guest: Visitor
/** All that the console of the page has got of us. */
let lines: string[]
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  app = await startAppSite('user_1')
  guest = await visitor(browser)
  lines = []
  guest.page.on('console', (message) => {
    const [first = ''] = message.text().split('\n')
    if (first.includes('orq: ')) lines.push(first)
  })
})
afterEach(async () => {
  await guest?.context.close()
  await app?.close()
})

const icon = '<!doctype html><link rel="icon" href="data:,">'
const tag = '<script src="/orq/orq.js"></script>'
const call = `orq.identify('user_1', { name: 'Jane Doe' })`
const blockChunk = (context: BrowserContext) => context.route('**/transport.js*', (route) => route.abort())
const countOf = (path: string): number => app.paths.filter((one) => one.startsWith(path)).length
const stored = (): Promise<string> => guest.page.evaluate('JSON.stringify({ ...localStorage })')

/** Leaves what an earlier page could not send: its token route failed. */
const leaveUnsent = async (): Promise<void> => {
  await guest.context.route('**/orq/token', (route) => route.fulfill({ status: 500 }))
  app.html = icon + tag
  await guest.page.goto(app.url)
  await guest.page.evaluate(`void ${call}`)
  await expect.poll(stored).toContain('Jane Doe')
  await guest.page.goto(`${app.url}/elsewhere`)
  await guest.context.unroute('**/orq/token')
  // Until a back-off is over.
  await pause(1_500)
  app.paths.length = 0
  lines.length = 0
}

describe('a tag without attributes', () => {
  test('what is called while the page is left is kept, as it is after an explicit init', async () => {
    app.html = `${icon}${tag}<script>addEventListener('pagehide', () => { ${call} })</script>`
    await guest.page.goto(app.url)
    await guest.page.goto(`${app.url}/elsewhere`)
    expect(await stored()).toContain('Jane Doe')
  })

  test('asks and sends nothing before DOMContentLoaded, where the page may call init', async () => {
    await leaveUnsent()
    await guest.context.route('**/slow.js', async (route) => {
      await pause(3_500)
      await route.fulfill({ body: '', contentType: 'text/javascript' })
    })
    app.html = `${icon}${tag}<script src="/slow.js"></script>
      <script>document.addEventListener('DOMContentLoaded', () => orq.init({ tokenUrl: '/token' }))</script>`
    await guest.page.goto(app.url)
    await expect.poll(app.received).toHaveLength(1)
    expect(app.paths.filter((path) => path.endsWith('/token'))).toEqual(['/token'])
  })

  test('whose settings an explicit init has replaced asks nobody by them any more, though its chunk comes later', async () => {
    await leaveUnsent()
    await guest.context.route('**/transport.js*', async (route) => {
      await pause(800)
      await route.continue()
    })
    app.html = icon + tag
    const asked = guest.page.waitForRequest('**/transport.js*')
    await guest.page.goto(app.url)
    await asked
    await guest.page.evaluate(`orq.init({ tokenUrl: '/token' })`)
    await expect.poll(app.received).toHaveLength(1)
    expect(app.paths.filter((path) => path.endsWith('/token'))).toEqual(['/token'])
  })

  test.each([
    ['right after', `<script>orq.init({ tokenUrl: '/token' }); outcome = ${call}</script>`],
    ['in the task of the first call', `<script>outcome = ${call}; orq.init({ tokenUrl: '/token' })</script>`],
  ])('an explicit init %s replaces its own, without a word', async (_, script) => {
    app.html = icon + tag + script
    await guest.page.goto(app.url)
    expect(await guest.page.evaluate('outcome')).toEqual({ status: 'delivered' })
    expect(app.paths.filter((path) => path.endsWith('/token'))).toEqual(['/token'])
    expect(lines).toEqual([])
  })

  test('touches nothing while nothing is called', async () => {
    app.html = icon + tag
    await guest.page.goto(app.url)
    await pause(2_500)
    expect(app.paths).toEqual(['/', '/orq/orq.js'])
    expect(await stored()).toBe('{}')
  })
})

describe('debug at the tag and in an init of the page', () => {
  test.each([
    ['true', 1],
    ['false', 0],
  ])('%s: lines of a delivery: %i', async (debug, count) => {
    app.html = `${icon}<script src="/orq/orq.js" data-debug></script>
      <script>orq.init({ debug: ${debug} }); outcome = ${call}</script>`
    await guest.page.goto(app.url)
    expect(await guest.page.evaluate('outcome')).toEqual({ status: 'delivered' })
    await pause(100)
    expect(lines.filter((line) => line.endsWith(' delivered'))).toHaveLength(count)
  })
})

describe('a tag of another origin', () => {
  const otherTag = (): string => `<script src="${app.url.replace('127.0.0.1', 'localhost')}/orq/orq.js"></script>`

  test('without data-proxy-url says nothing while nothing is called', async () => {
    app.html = icon + otherTag()
    await guest.page.goto(app.url)
    expect(lines).toEqual([])
  })

  test('with an init that names the proxy delivers, and says nothing', async () => {
    app.html = `${icon}${otherTag()}<script>orq.init({ proxyUrl: '/orq' }); outcome = ${call}</script>`
    await guest.page.goto(app.url)
    expect(await guest.page.evaluate('outcome')).toEqual({ status: 'delivered' })
    expect(lines).toEqual([])
  })

  test('without data-proxy-url: one line in all once somebody is identified', async () => {
    await guest.page.clock.install()
    app.html = `${icon}${otherTag()}<script>outcome = ${call}</script>`
    await guest.page.goto(app.url)
    await guest.page.clock.fastForward(15_000)
    expect(await guest.page.evaluate('outcome')).toMatchObject({ status: 'pending' })
    expect(lines).toEqual([expect.stringContaining('data-proxy-url')])
  })
})

test('a tag with a wrong attribute: one line in all, also once a call has waited', async () => {
  await guest.page.clock.install()
  app.html = `${icon}<script src="/orq/orq.js" data-debug="yes"></script><script>outcome = ${call}</script>`
  await guest.page.goto(app.url)
  await guest.page.clock.fastForward(15_000)
  expect(await guest.page.evaluate('outcome')).toMatchObject({ status: 'pending' })
  expect(lines).toEqual([expect.stringContaining('debug must be')])
})

describe('without the chunk', () => {
  test('equal calls that come while a slow proxy answers, and after, are one request', async () => {
    await blockChunk(guest.context)
    await guest.context.route('**/v2/contacts', async (route) => {
      await pause(300)
      await route.continue()
    })
    app.html = icon + tag
    await guest.page.goto(app.url)
    await guest.page.evaluate(`(async () => {
      for (let n = 0; n < 40; n++) {
        void ${call}
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()`)
    await pause(1_000)
    expect(countOf('/orq/v2/contacts')).toBe(1)
  })

  test('ten equal calls are one request, repeats and a reload none, and nothing personal stays', async () => {
    await blockChunk(guest.context)
    app.html = icon + tag
    await guest.page.goto(app.url)
    const ten = `Promise.all(Array.from({ length: 10 }, () => ${call})).then((all) => all.map(({ status }) => status))`
    expect(await guest.page.evaluate(ten)).toEqual(Array(10).fill('delivered'))
    expect(await guest.page.evaluate(ten)).toEqual(Array(10).fill('duplicate'))
    await guest.page.reload()
    expect(await guest.page.evaluate(ten)).toEqual(Array(10).fill('duplicate'))
    expect(countOf('/orq/v2/contacts')).toBe(1)
    expect(await stored()).not.toMatch(/Jane|user_1/)
  })

  test('a first call, left with the token at hand: delivered', async () => {
    // Neither there nor missing: it never comes.
    await guest.context.route('**/transport.js*', () => {})
    app.html = icon + tag
    await guest.page.goto(app.url)
    const token = guest.page.waitForResponse('**/orq/token')
    await guest.page.evaluate(`void ${call}`)
    await (await token).finished()
    await guest.page.evaluate('new Promise((resolve) => setTimeout(resolve, 50))')
    await guest.page.goto(`${app.url}/elsewhere`)
    await expect.poll(app.received).toHaveLength(1)
  })

  test('debug tells all the same, and asks for the chunk no more often than without it', async () => {
    let asked = 0
    await guest.context.route('**/transport.js*', (route) => {
      asked++
      return route.abort()
    })
    app.html = `${icon}<script src="/orq/orq.js" data-debug></script>`
    await guest.page.goto(app.url)
    await guest.page.evaluate(call)
    await guest.page.evaluate(call)
    await pause(300)
    expect.soft(lines.join('\n')).toMatch(/delivered.*duplicate/s)
    // Beside the script, and beside the proxy.
    expect.soft(asked).toBe(2)
  })

  test.each(['', ' data-token-url="/token"'])(
    'a script that was copied to a folder without the proxy%s: the console says where the proxy was looked for',
    async (attributes) => {
      app.texts['/assets/orq.js'] = built
      app.html = `${icon}<script src="/assets/orq.js"${attributes}></script><script>${call}</script>`
      await guest.page.goto(app.url)
      await expect.poll(() => lines.length).toBeGreaterThan(0)
      await pause(1_500)
      expect(lines[0]).toMatch(/\/assets.*proxy/i)
    },
  )
})

test('explain tells what became of a person, and nothing personal', async () => {
  app.html = icon + tag
  await guest.page.goto(app.url)
  await guest.page.evaluate(call)
  const told = await guest.page.evaluate(`orq.explain('user_1')`)
  expect(told).toEqual([{ kind: 'delivered', contact: expect.stringMatching(/^\w{16}$/), at: expect.any(Number) }])
  expect(await guest.page.evaluate(`orq.explain('user_2')`)).toEqual([])
})
