import { beforeEach, describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { createOrq, delivered, fakeStorage, tokenFor } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

/** What stands in for a browser on a server, as far as the client looks at it. */
const servers: Record<string, Record<string, unknown>> = {
  'nothing at all, as Node': {
    document: undefined,
    location: undefined,
    navigator: undefined,
    addEventListener: undefined,
  },
  'a navigator alone, as Node 22 and workers': {
    document: undefined,
    location: undefined,
    navigator: { userAgent: 'Node.js/22' },
  },
  'a service worker without a document': {
    document: undefined,
    location: undefined,
    navigator: { onLine: true },
    addEventListener: () => {},
  },
  'domino: a document, and a location of about:blank': {
    document: { defaultView: null },
    location: { href: 'about:blank' },
    origin: undefined,
    navigator: { userAgent: 'domino' },
    addEventListener: () => {},
  },
  'linkedom: a document without a view, and no location': {
    document: Object.assign(new EventTarget(), { defaultView: undefined }),
    location: undefined,
    navigator: {},
    addEventListener: () => {},
  },
  'a blank happy-dom': {
    document: Object.assign(new EventTarget(), { visibilityState: 'visible', defaultView: {} }),
    location: { href: 'about:blank' },
    origin: 'null',
    navigator: { onLine: true },
    addEventListener: () => {},
  },
  'a location without an address': { document: undefined, location: {}, navigator: {} },
  'a location that is a text': { document: undefined, location: 'about:blank', navigator: {} },
}

describe.each(Object.keys(servers))('on a server with %s', (name) => {
  beforeEach(() => withGlobals(servers[name]!))

  test('init with a relative proxyUrl throws nothing, and says so once', async () => {
    const { all } = watchConsole()
    const orq = createOrq()
    orq.init({ proxyUrl: '/orq' })
    orq.init({ proxyUrl: '/orq' })
    await orq.identify('user_1')
    expect(all()).toEqual([expect.stringMatching(/no page.*absolute proxyUrl/)])
  })

  test('init without options does the same', () => {
    const { all } = watchConsole()
    createOrq().init()
    expect(all()).toHaveLength(1)
  })

  test('identify is dropped: no_page, and nothing is stored, queued or left open', async () => {
    watchConsole()
    const clock = fakeClock()
    const storage = fakeStorage()
    const orq = createOrq({ proxyUrl: '/orq', clock, storage })
    for (let n = 0; n < 50; n++) expect(told(await orq.identify('user_1', { n }))).toBe('dropped: no_page')
    await orq.flush()
    orq.reset()
    orq.consent('granted')
    orq.close()
    expect([clock.timers(), storage.values.size]).toEqual([0, 0])
  })

  test('with an absolute proxyUrl it delivers, and flush leaves nothing open', async () => {
    watchConsole()
    const clock = fakeClock()
    const bodies: unknown[] = []
    const orq = createOrq({
      proxyUrl: 'https://app.example/orq',
      token: () => tokenFor('user_1'),
      clock,
      fetch: async (input, init) => {
        bodies.push(await new Request(input, init).json())
        return delivered()
      },
    })
    const call = orq.identify('user_1', { plan: 'pro' })
    await clock.advance(5_000)
    expect(told(await call)).toBe('delivered')
    expect(bodies).toEqual([{ external_id: 'user_1', metadata: { plan: 'pro' } }])
    await orq.flush()
    await clock.advance(1_000)
    expect(clock.timers()).toBe(0)
  })
})

describe('on a server', () => {
  beforeEach(() => withGlobals(servers['nothing at all, as Node']!))

  test('a relative tokenUrl with an absolute proxyUrl is no page either', async () => {
    watchConsole()
    const orq = createOrq()
    orq.init({ proxyUrl: 'https://app.example/orq', tokenUrl: '/token' })
    expect(told(await orq.identify('user_1'))).toBe('dropped: no_page')
  })

  test('identify without init is dropped: no_page', async () => {
    const { all } = watchConsole()
    expect(told(await createOrq().identify('user_1'))).toBe('dropped: no_page')
    expect(all()).toEqual([])
  })

  test('a wrong option throws all the same', () => {
    expect(() => createOrq({ proxyUrl: '/orq', timeoutMs: 0 })).toThrow(/timeoutMs/)
  })
})
