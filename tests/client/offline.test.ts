import { beforeEach, describe, expect, test } from 'vitest'
import type { Outcome } from '../../src/index.ts'
import { createBrowser } from './browser.ts'
import { createWorld, refused, tokenFor, type World } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})

const outcomeOf = async (call: Promise<Outcome>, ms: number): Promise<string> => {
  let outcome = 'open'
  call.then((value) => {
    outcome = told(value)
  })
  await world.clock.advance(ms)
  return outcome
}

describe('navigator.onLine is false', () => {
  beforeEach(() => withGlobals({ navigator: { onLine: false } }))

  test('where the network works after all: the call is pending: offline at once, and delivered by one request', async () => {
    const { orq, decisions } = world.load()
    expect(await outcomeOf(orq.identify(user), 1)).toBe('pending: offline')
    await world.clock.advance(5_000)
    expect(world.posts).toHaveLength(1)
    expect(decisions.at(-1)).toBe('delivered')
    expect(await outcomeOf(orq.identify(user), 1)).toBe('duplicate')
  })

  test('each change is delivered, one request each', async () => {
    const { orq } = world.load()
    for (let n = 0; n < 5; n++) {
      orq.identify({ ...user, metadata: { n } })
      await world.clock.advance(5_000)
    }
    expect(world.posts.map(({ body }) => (body.metadata as { n: number }).n)).toEqual([0, 1, 2, 3, 4])
  })

  test('and there is no network: the ordinary back-off, though many calls come', async () => {
    world.replies = Array.from({ length: 1_000 }, () => () => new TypeError('network'))
    const { orq } = world.load()
    for (let n = 0; n < 600; n++) {
      orq.identify(user)
      await world.clock.advance(1_000)
    }
    expect(world.posts.length).toBeGreaterThan(5)
    expect(world.posts.length).toBeLessThan(40)
  })

  test('each page load tries what is left', async () => {
    world.replies = [() => new TypeError('network')]
    const first = world.load()
    first.orq.identify(user)
    await world.clock.advance(500)
    first.orq.close()
    world.load()
    await world.clock.advance(10_000)
    expect(world.posts).toHaveLength(2)
    expect([...world.storage.values].join()).not.toContain('jane@')
  })

  test("a proxy's Retry-After holds", async () => {
    world.replies = [() => refused(429, 'rate_limited', {}, { 'retry-after': '60' })]
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(50_000)
    expect(world.posts).toHaveLength(1)
    await world.clock.advance(20_000)
    expect(world.posts).toHaveLength(2)
  })

  test('flush sends, and ends', async () => {
    const { orq } = world.load()
    orq.identify(user)
    await orq.flush()
    expect(world.posts).toHaveLength(1)
  })

  test.each(['http://localhost:8787/orq', 'http://127.0.0.1/orq', 'http://127.8.9.1/orq', 'http://[::1]:3000/orq'])(
    'a proxy at %s is on this machine: the call is delivered',
    async (proxyUrl) => {
      const { orq } = world.load({ proxyUrl })
      expect(await outcomeOf(orq.identify(user), 5_000)).toBe('delivered')
    },
  )

  test.each(['https://app.example/localhost', 'https://my-localhost.example/orq', 'https://app.example/127.0.0.1'])(
    'a proxy at %s is not on this machine',
    async (proxyUrl) => {
      const { orq } = world.load({ proxyUrl })
      expect(await outcomeOf(orq.identify(user), 1)).toBe('pending: offline')
    },
  )
})

describe('navigator.onLine is no boolean, or not there: the call is delivered', () => {
  test.each<[string, object | undefined]>([
    ['undefined', {}],
    ['null', { onLine: null }],
    ['0', { onLine: 0 }],
    ['a text', { onLine: 'false' }],
    ['no navigator', undefined],
  ])('%s', async (_, navigator) => {
    withGlobals({ navigator })
    const { orq } = world.load()
    expect(await outcomeOf(orq.identify(user), 5_000)).toBe('delivered')
  })
})

describe('the network is back', () => {
  const setUp = async (isHidden: boolean) => {
    withGlobals({ navigator, document: undefined, addEventListener: undefined })
    const browser = createBrowser({ token: () => tokenFor('user_1') })
    browser.state.isOnline = false
    const tab = browser.open()
    tab.orq.identify(user)
    // Long enough for a long back-off, and short of its end.
    await browser.clock.advance(600_000)
    if (isHidden) tab.leave()
    await browser.clock.advance(1_000)
    browser.state.isOnline = true
    return { ...browser, tab, before: browser.requests.length }
  }

  test.each([true, false])('while the tab is hidden (%s): sent at once, by one request', async (isHidden) => {
    const { clock, tab, before, proxy, requests } = await setUp(isHidden)
    tab.hear('online')
    await clock.advance(1_000)
    expect(proxy.contacts.get('user_1')).toEqual({ email: 'jane@example.com' })
    expect(requests.length - before).toBe(1)
  })

  test('several times, as of a train in tunnels: one request', async () => {
    const { clock, tab, before, proxy, requests } = await setUp(true)
    for (let n = 0; n < 5; n++) tab.hear('online')
    await clock.advance(5_000)
    expect(proxy.contacts.size).toBe(1)
    expect(requests.length - before).toBe(1)
  })

  test('and gone again at once: tried once, and kept', async () => {
    const { clock, tab, state, before, proxy, requests, storage } = await setUp(true)
    state.isOnline = false
    tab.hear('online')
    await clock.advance(1_000)
    expect([proxy.contacts.size, requests.length - before]).toEqual([0, 1])
    expect([...storage.values.values()].join()).toContain('jane@')
  })

  test('with nothing that waits: no request, and no token', async () => {
    withGlobals({ navigator, document: undefined, addEventListener: undefined })
    let asked = 0
    const { clock, open, requests } = createBrowser({
      token: () => {
        asked++
        return tokenFor('user_1')
      },
    })
    const tab = open()
    tab.orq.identify(user)
    await clock.advance(5_000)
    tab.leave()
    for (let n = 0; n < 5; n++) tab.hear('online')
    await clock.advance(5_000)
    expect([requests.length, asked]).toEqual([1, 1])
  })

  test('after close: nothing is sent', async () => {
    const { clock, tab, requests } = await setUp(true)
    tab.orq.close()
    const before = requests.length
    tab.hear('online')
    await clock.advance(60_000)
    expect(requests).toHaveLength(before)
  })

  test('while a Retry-After runs: waits for its end', async () => {
    const { clock, tab, state, requests } = await setUp(true)
    state.weather = 'limited'
    tab.hear('online')
    await clock.advance(1_000)
    const before = requests.length
    state.weather = 'fine'
    tab.hear('online')
    await clock.advance(500)
    expect(requests).toHaveLength(before)
    await clock.advance(5_000)
    expect(requests).toHaveLength(before + 1)
  })
})
