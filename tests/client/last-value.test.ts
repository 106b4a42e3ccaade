import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import * as engine from '../../src/client/engine/engine.ts'
import type { EngineModule } from '../../src/client/engine-context.ts'
import { createClient } from '../../src/client/orq.ts'
import type { ClientOptions } from '../../src/index.ts'
import { createBrowser } from './browser.ts'
import { createOrq, createWorld, delivered, refused, tokenFor, type World } from './harness.ts'
import { answerAlways, hearConsole, later, look, noChunk, outboxKey, sealed, storedContacts, valuesOf } from './look.ts'
import { withGlobals } from './site.ts'

const { navigator: navigatorBefore } = globalThis
let world: World
beforeEach(() => {
  world = createWorld()
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
  Reflect.deleteProperty(globalThis, 'document')
  Reflect.deleteProperty(globalThis, 'addEventListener')
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore })
})
afterAll(() => Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore }))

const user = { externalId: 'user_1', email: 'a@example.com' }
const changed = { externalId: 'user_1', email: 'b@example.com' }

/** A page whose chunk comes when told, and that is left and seen again when told. */
const openLate = (options: ClientOptions = {}) => {
  let arrive = (): void => {}
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  const frame = new EventTarget()
  Object.assign(globalThis, { document: page, addEventListener: frame.addEventListener.bind(frame) })
  const turn = (state: string): void => {
    page.visibilityState = state
    frame.dispatchEvent(new Event('visibilitychange'))
  }
  const { orq } = world.load(options, (given) => {
    const client = createClient({
      load: () => new Promise<EngineModule>((resolve) => (arrive = () => resolve(engine as unknown as EngineModule))),
    })
    client.init(given)
    return client
  })
  return { orq, arrive: () => arrive(), leave: () => turn('hidden'), show: () => turn('visible') }
}

describe('what was sent while the page was left, before the chunk came', () => {
  test('does not acknowledge a later value that is called again once the chunk is here', async () => {
    let answer = (_: Response): void => {}
    world.replies = [() => new Promise((resolve) => (answer = resolve))]
    const { orq, arrive, leave, show } = openLate()
    orq.identify(user)
    await world.clock.advance(10)
    leave()
    show()
    orq.identify(changed)
    await world.clock.advance(10)
    arrive()
    await world.clock.advance(10)
    orq.identify({ ...changed, displayName: 'B' })
    await world.clock.advance(10)
    answer(delivered())
    await later(world.clock, 20_000)
    expect(valuesOf(world.posts, 'email')).toContain('b@example.com')
  })

  test.each([
    ['of the same field', changed],
    ['of another field', { externalId: 'user_1', displayName: 'B' }],
  ])('does not tell a later call %s that it is delivered', async (_, second) => {
    let answer = (_: Response): void => {}
    world.replies = [
      () => new Promise((resolve) => (answer = resolve)),
      ...Array.from({ length: 100 }, () => () => refused(503, 'store_unavailable')),
    ]
    const { orq, arrive, leave, show } = openLate()
    orq.identify(user)
    await world.clock.advance(10)
    leave()
    show()
    const outcome = look(orq.identify(second))
    arrive()
    await world.clock.advance(10)
    answer(delivered())
    await later(world.clock, 15_000)
    expect(outcome()).toBe('pending: server')
  })
})

describe('what another tab has called while we have an older value on the wire', () => {
  test('is not acknowledged by the older one when we call it, too', async () => {
    const browser = createBrowser({ debounceMs: 0 })
    browser.state.session = 'ann'
    const [first, second] = [browser.open(), browser.open({ debounceMs: 250 })]
    first.orq.identify({ externalId: 'ann', email: 'a@example.com' })
    await browser.clock.advance(40)
    expect(browser.requests).toHaveLength(1)
    second.orq.identify({ externalId: 'ann', email: 'b@example.com' })
    first.orq.identify({ externalId: 'ann', displayName: 'X' })
    first.orq.identify({ externalId: 'ann', email: 'b@example.com' })
    await later(browser.clock, 30_000)
    expect(browser.proxy.contacts.get('ann')?.email).toBe('b@example.com')
  })
})

describe('without the chunk', () => {
  test('a call after a reset is sent, though something waited at the reset', async () => {
    const { orq } = world.load({}, noChunk)
    orq.identify(user)
    await world.clock.advance(10)
    orq.reset()
    const outcome = look(orq.identify(changed))
    await later(world.clock, 60_000)
    expect([outcome(), valuesOf(world.posts, 'email')]).toEqual(['delivered', ['b@example.com']])
  })

  test('consent that is pending for a while does not end the sending', async () => {
    const { orq } = world.load({}, noChunk)
    orq.identify(user)
    await world.clock.advance(10)
    orq.consent('pending')
    await later(world.clock, 1_000)
    orq.consent('granted')
    await later(world.clock, 60_000)
    expect(valuesOf(world.posts, 'email')).toEqual(['a@example.com'])
  })

  test('a page that empties the storage loses no call that waits', async () => {
    const { orq } = world.load({}, noChunk)
    orq.identify(user)
    await world.clock.advance(10)
    world.storage.values.clear()
    await later(world.clock, 60_000)
    expect(valuesOf(world.posts, 'email')).toEqual(['a@example.com'])
  })

  test('what is on the wire at a reset ends with its own outcome', async () => {
    let answer = (_: Response): void => {}
    world.replies = [() => new Promise((resolve) => (answer = resolve))]
    const { orq } = world.load({}, noChunk)
    const outcome = look(orq.identify(user))
    await later(world.clock, 1_000)
    expect(world.posts).toHaveLength(1)
    orq.reset()
    await later(world.clock, 1_000)
    answer(delivered())
    await later(world.clock, 1_000)
    expect(outcome()).toBe('delivered')
  })

  test('a token route that fails once is asked again by itself', async () => {
    let asked = 0
    const { orq } = world.load(
      {
        token: () => {
          if (!asked++) throw new Error('once')
          return tokenFor('user_1')
        },
      },
      noChunk,
    )
    orq.identify(user)
    await later(world.clock, 600_000)
    expect(world.posts).toHaveLength(1)
  })

  test('flush resolves when nothing can be sent any more', async () => {
    const { orq } = world.load(
      { token: () => new Promise((resolve) => world.clock.after(20, () => resolve(tokenFor('user_1')))) },
      noChunk,
    )
    orq.identify(user)
    let isFlushed = false
    orq.flush().then(() => (isFlushed = true))
    await later(world.clock, 100)
    expect([isFlushed, world.posts.length]).toEqual([true, 1])
  })

  test('consent pending in a listener at "sent": sent once it is granted', async () => {
    const { orq } = world.load({}, noChunk)
    const stop = orq.on('decision', ({ kind }) => {
      if (kind !== 'sent') return
      stop()
      orq.consent('pending')
    })
    orq.identify(user)
    await later(world.clock, 5_000)
    orq.consent('granted')
    orq.identify({ ...user, displayName: 'A' })
    await later(world.clock, 60_000)
    expect(valuesOf(world.posts, 'email')).toEqual(['a@example.com'])
  })
})

describe('force', () => {
  test('stays with a field that is called again before the chunk is here', async () => {
    const first = world.load().orq
    first.identify(user)
    await later(world.clock, 5_000)
    const { orq } = world.load()
    orq.identify(user, { force: true })
    orq.identify({ ...user, displayName: 'B' })
    await later(world.clock, 5_000)
    expect(world.posts.at(-1)).toMatchObject({ body: { email: 'a@example.com' }, force: true })
  })

  test('of one tab stays when another tab calls the same value and more', async () => {
    const browser = createBrowser()
    browser.state.session = 'ann'
    const ann = { externalId: 'ann', email: 'a@example.com' }
    const [a, b] = [browser.open(), browser.open()]
    a.orq.identify(ann)
    await later(browser.clock, 5_000)
    a.orq.identify(ann, { force: true })
    b.orq.identify({ ...ann, displayName: 'B' })
    const stored = [...browser.storage.values.values()].join()
    expect(stored).toMatch(/"email":\["\\"a@example.com\\"",\d+,1\]/)
  })
})

test('a former person who turns out to be signed out does not stop the next one', async () => {
  const { orq } = world.load({
    token: async (id) => {
      const answer = id === 'bob' ? tokenFor('bob') : null
      await new Promise<void>((end) => world.clock.after(1_000, end))
      return answer
    },
  })
  orq.identify({ externalId: 'ann', email: 'a@example.com' })
  await world.clock.advance(100)
  await world.clock.advance(200)
  orq.identify({ externalId: 'bob', email: 'b@example.com' })
  await later(world.clock, 60_000)
  expect(valuesOf(world.posts, 'email')).toEqual(['b@example.com'])
})

test('a former person whose token fails does not make the next one wait for it', async () => {
  const { orq, decisions } = world.load({
    token: async (id) => {
      await new Promise<void>((end) => world.clock.after(1_000, end))
      if (id !== 'bob') throw new Error('no')
      return tokenFor('bob')
    },
  })
  orq.identify({ externalId: 'ann', email: 'a@example.com' })
  await world.clock.advance(300)
  orq.identify({ externalId: 'bob', email: 'b@example.com' })
  await later(world.clock, 1_400)
  expect(decisions.join()).not.toContain('token_source')
  expect(valuesOf(world.posts, 'email')).toEqual(['b@example.com'])
})

test('a listener that calls in a call: the first value called again is the last', async () => {
  const { orq } = world.load()
  orq.identify(user)
  await later(world.clock, 5_000)
  const stop = orq.on('decision', ({ kind }) => {
    if (kind !== 'duplicate') return
    stop()
    orq.identify(changed)
  })
  orq.identify(user)
  orq.identify(user)
  await later(world.clock, 5_000)
  expect(valuesOf(world.posts, 'email').at(-1)).toBe('a@example.com')
})

test('a stored entry of one person that is too old does not keep a fresh one of another from being sent at load', async () => {
  const now = world.clock.now()
  const week = 604_800_000
  world.storage.set(
    outboxKey,
    sealed(
      JSON.stringify({
        unsent: [
          ['ann', { email: ['"a@example.com"', now - week - 1, 0] }, true],
          ['user_1', { email: ['"b@example.com"', now - 1_000, 0] }, false],
        ],
        pause: [0, 0, 0],
      }),
    ),
  )
  world.load()
  await later(world.clock, 10_000)
  expect(valuesOf(world.posts, 'email')).toEqual(['b@example.com'])
})

test.each(['denied', 'reset'])(
  'what an earlier page with outbox "local" has left is erased with outbox "memory" by %s',
  async (way) => {
    world.replies = Array.from({ length: 50 }, () => () => new Error('down'))
    const first = world.load().orq
    first.identify(user)
    await later(world.clock, 1_000)
    first.close()
    expect(storedContacts(world)).toHaveLength(1)
    const { orq } = world.load({ outbox: 'memory' })
    if (way === 'reset') orq.reset()
    else orq.consent('denied')
    await later(world.clock, 1_000)
    expect([...world.storage.values.values()].join()).not.toContain('a@example.com')
  },
)

test('a field that was refused is not named to a later call whose value was taken', async () => {
  let answer = (_: Response): void => {}
  world.replies = [
    () => refused(422, 'invalid_field', { path: 'email' }),
    () => new Promise((resolve) => (answer = resolve)),
  ]
  const { orq } = world.load()
  const first = look(orq.identify({ ...user, displayName: 'A' }))
  await later(world.clock, 1_000)
  const second = look(orq.identify(changed))
  await later(world.clock, 500)
  answer(delivered())
  await later(world.clock, 5_000)
  expect([first(), second()]).toEqual(['delivered, refused email', 'delivered'])
})

test('consent pending in beforeSend while early calls are replayed keeps them', async () => {
  let isFirst = true
  const { orq } = world.load({
    consent: 'pending',
    beforeSend: (contact) => {
      if (isFirst) orq.consent('pending')
      isFirst = false
      return contact
    },
  })
  const outcome = look(orq.identify(user))
  await world.clock.advance(10)
  orq.consent('granted')
  await later(world.clock, 1_000)
  expect(outcome()).toBe('open')
  orq.consent('granted')
  await later(world.clock, 1_000)
  expect(outcome()).toBe('delivered')
})

test('a call before init settles where there turns out to be no page', async () => {
  withGlobals({ location: new URL('data:text/html,x'), origin: 'null' })
  const orq = createOrq()
  const outcome = look(orq.identify(user))
  orq.init({ clock: world.clock, token: tokenFor('user_1') })
  vi.useFakeTimers()
  await later(world.clock, 1_000)
  vi.useRealTimers()
  expect(outcome()).toBe('dropped: no_page')
})

test('prerendered: many calls add one listener', async () => {
  let listeners = 0
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden', prerendering: true })
  const add = page.addEventListener.bind(page)
  page.addEventListener = ((...args: Parameters<typeof add>) => {
    listeners++
    add(...args)
  }) as typeof add
  Object.assign(globalThis, { document: page, addEventListener: () => {} })
  const { orq } = world.load()
  for (let n = 0; n < 100; n++) orq.identify(user)
  await world.clock.advance(10)
  expect(listeners).toBeLessThan(5)
})

test('what the script tag began is over once the page has called init itself', async () => {
  answerAlways(world, () => delivered())
  const seeds = world.load()
  world.person = null
  seeds.orq.identify({ externalId: 'user_1', email: 'a@example.com' })
  await world.clock.advance(1)
  seeds.orq.close()
  let arrive = (): void => {}
  let asked = 0
  const client = createClient({
    load: () => new Promise<EngineModule>((resolve) => (arrive = () => resolve(engine as unknown as EngineModule))),
  })
  const base = { proxyUrl: 'https://app.example/orq', storage: world.storage, clock: world.clock }
  client.init(
    {
      ...base,
      fetch: async () => delivered(),
      token: () => {
        asked++
        throw new Error('not there')
      },
    },
    true,
  )
  await world.clock.advance(10)
  client.init({ ...base, fetch: async () => delivered(), token: () => null })
  await world.clock.advance(10)
  const before = asked
  arrive()
  await later(world.clock, 60_000)
  expect(asked).toBe(before)
})
