import { beforeEach, describe, expect, test } from 'vitest'
import type { ClientOptions, Consent, Contact, Orq } from '../../src/index.ts'
import { createOrq, createWorld, delivered, tokenFor, type World } from './harness.ts'
import { createSite, told, watchConsole, withGlobals } from './site.ts'

const ann = { externalId: 'ann', email: 'ann@example.com' }
const bob = { externalId: 'bob', email: 'bob@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  world.person = 'ann'
})
const stored = (): string => [...world.storage.values].join()
const opaque: ClientOptions = { token: () => 'opaque' }

/** What ends a client, or what it has: with the outcome of an open call. */
const enders: [string, (orq: Orq) => void, string][] = [
  ['reset', (orq) => orq.reset(), 'dropped: reset'],
  ['close', (orq) => orq.close(), 'dropped: closed'],
  ['consent denied', (orq) => orq.consent('denied'), 'dropped: denied'],
]

describe('called in a listener at "sent"', () => {
  test.each(enders)(
    '%s: no request goes but the one that close sends, and the call ends',
    async (name, end, outcome) => {
      watchConsole()
      const { orq } = world.load()
      const stop = orq.on('decision', ({ kind }) => {
        if (kind !== 'sent') return
        stop()
        end(orq)
      })
      const call = orq.identify(ann)
      await world.clock.advance(60_000)
      expect(told(await call)).toBe(outcome)
      expect(world.posts).toHaveLength(name === 'close' ? 1 : 0)
      if (name !== 'close') expect(stored()).not.toContain('ann@')
    },
  )

  test.each(enders)('%s, while the page is left: the same', async (name, end) => {
    watchConsole()
    const { orq } = world.load()
    const stop = orq.on('decision', ({ kind }) => {
      if (kind !== 'sent') return
      stop()
      end(orq)
    })
    orq.identify(ann)
    await world.clock.advance(1)
    orq.close()
    await world.clock.advance(60_000)
    expect(world.posts).toHaveLength(name === 'close' ? 1 : 0)
  })

  test('consent pending: no request goes, and granted sends it', async () => {
    watchConsole()
    const { orq } = world.load()
    const stop = orq.on('decision', ({ kind }) => {
      if (kind !== 'sent') return
      stop()
      orq.consent('pending')
    })
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(world.posts).toEqual([])
    orq.consent('granted')
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => body.email)).toEqual(['ann@example.com'])
  })
})

describe('called in a listener at "delivered"', () => {
  test.each(enders.filter(([name]) => name !== 'close'))(
    '%s: the call is delivered, and nothing goes again',
    async (_, end) => {
      watchConsole()
      const { orq } = world.load()
      orq.on('decision', ({ kind }) => kind === 'delivered' && end(orq))
      const call = orq.identify(ann)
      await world.clock.advance(60_000)
      expect(told(await call)).toBe('delivered')
      expect(world.posts).toHaveLength(1)
      expect(stored()).not.toContain('ann@')
    },
  )

  test('identify of the same person with the next value: both arrive, in order', async () => {
    watchConsole()
    const { orq } = world.load()
    let n = 0
    orq.on(
      'decision',
      ({ kind }) => void (kind === 'delivered' && n < 3 && orq.identify({ ...ann, metadata: { n: n++ } })),
    )
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => (body.metadata as { n?: number } | undefined)?.n)).toEqual([
      undefined,
      0,
      1,
      2,
    ])
  })

  test('identify of another person: each goes once', async () => {
    watchConsole()
    const { orq } = world.load(opaque)
    const stop = orq.on('decision', ({ kind }) => {
      if (kind !== 'delivered') return
      stop()
      orq.identify(bob)
    })
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['ann', 'bob'])
  })
})

describe('called in a listener at "joined"', () => {
  test.each(enders)('%s: no request goes, and every call ends', async (_, end, outcome) => {
    watchConsole()
    const { orq } = world.load()
    const first = orq.identify({ ...ann, metadata: { n: 0 } })
    await world.clock.advance(50)
    const stop = orq.on('decision', ({ kind }) => {
      if (kind !== 'joined') return
      stop()
      end(orq)
    })
    const second = orq.identify({ ...ann, metadata: { n: 1 } })
    await world.clock.advance(60_000)
    // What a reset or a close meets before it has sent: close sends first.
    expect([outcome, 'delivered']).toContain(told(await first))
    expect(told(await second)).toBe(told(await first))
    if (outcome !== 'dropped: closed') expect(world.posts).toEqual([])
  })
})

describe('called in a listener at "dropped"', () => {
  test('reset in the listener of a reset ends, too', async () => {
    watchConsole()
    const { orq } = world.load()
    let calls = 0
    orq.on('decision', ({ kind }) => void (kind === 'dropped' && calls++ < 5 && orq.reset()))
    const call = orq.identify(ann)
    orq.reset()
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('dropped: reset')
    expect(world.posts).toEqual([])
  })
})

describe('called in beforeSend', () => {
  test.each(enders)(
    '%s: the call settles, later calls are as after it, and no timer is left by close',
    async (_, end, outcome) => {
      watchConsole()
      let isOver = false
      const { orq } = world.load({
        beforeSend: (contact) => {
          if (!isOver) end(orq)
          isOver = true
          return contact
        },
      })
      const call = orq.identify(ann)
      await world.clock.advance(60_000)
      expect(await call).toBeDefined()
      const later = orq.identify({ ...ann, email: 'later@example.com' })
      await world.clock.advance(60_000)
      expect(told(await later)).toBe(outcome === 'dropped: reset' ? 'delivered' : outcome)
    },
  )

  test('identify of another person: both arrive, each with a token of its own', async () => {
    watchConsole()
    const { orq } = world.load({
      token: (id) => tokenFor(id!),
      beforeSend: (contact) => {
        if (contact.external_id === 'ann') orq.identify(bob)
        return contact
      },
    })
    orq.identify(ann)
    await world.clock.advance(60_000)
    orq.identify('bob')
    await world.clock.advance(60_000)
    expect(
      new Set(
        world.posts.map(
          ({ body, token }) => `${body.external_id} ${token === `Bearer ${tokenFor(String(body.external_id))}`}`,
        ),
      ),
    ).toEqual(new Set(['ann true', 'bob true']))
  })

  test('init: one warning, and nothing changes', async () => {
    const { warnings } = watchConsole()
    const { orq } = world.load({
      beforeSend: (contact: Contact) => {
        orq.init({ proxyUrl: 'https://elsewhere.example' })
        return contact
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(5_000)
    expect(told(await call)).toBe('delivered')
    expect(warnings).toEqual(['orq: init twice'])
  })
})

describe('called in the token function', () => {
  test.each(enders)('%s after a turn: the call ends so, and no request goes', async (_, end, outcome) => {
    watchConsole()
    let asked = 0
    const { orq } = world.load({
      token: async () => {
        await 0
        if (!asked++) end(orq)
        return tokenFor('ann')
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe(outcome)
    expect(world.posts).toEqual([])
    if (outcome !== 'dropped: closed') expect(stored()).not.toContain('ann@')
  })

  test.each([1, 5, 100])('reset while it takes %i ms: its late answer is not used for the next person', async (ms) => {
    watchConsole()
    let person = 'ann'
    const { orq } = world.load({
      token: async () => {
        const mine = person
        await new Promise<void>((end) => world.clock.after(ms, end))
        return `opaque-${mine}`
      },
    })
    orq.identify(ann)
    await world.clock.advance(0)
    orq.reset()
    person = 'bob'
    orq.identify(bob)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body, token }) => [body.external_id, token])).toEqual([['bob', 'Bearer opaque-bob']])
  })
})

describe('consent, the option and the signal of the browser have one order, before init and after it', () => {
  const run = async (said: Consent | undefined, isBefore: boolean, options: ClientOptions, gpc: boolean) => {
    watchConsole()
    withGlobals({ location: new URL('https://app.example/'), navigator: { globalPrivacyControl: gpc } })
    const orq = createOrq()
    const call = orq.identify(ann)
    let outcome = 'open'
    call.then((value) => {
      outcome = told(value)
    })
    if (said && isBefore) orq.consent(said)
    orq.init({
      token: tokenFor('ann'),
      storage: world.storage,
      clock: world.clock,
      fetch: async () => delivered(),
      ...options,
    })
    if (said && !isBefore) orq.consent(said)
    await world.clock.advance(5_000)
    return outcome
  }
  const outcomes = { granted: 'delivered', denied: 'dropped: denied', pending: 'open' }
  const all = Object.keys(outcomes) as Consent[]

  for (const isBefore of [true, false])
    for (const said of all)
      for (const consent of all)
        for (const gpc of [true, false])
          test(`${said} ${isBefore ? 'before' : 'after'} init, the option ${consent}, the signal ${gpc}: what was said counts`, async () => {
            expect(await run(said, isBefore, { consent, respectPrivacySignals: true }, gpc)).toBe(outcomes[said])
          })

  test.each(all)('nothing said, the option %s, the signal set and respected: denied', async (consent) => {
    expect(await run(undefined, true, { consent, respectPrivacySignals: true }, true)).toBe('dropped: denied')
  })

  test.each(all)('nothing said, the option %s, the signal set and not respected: the option', async (consent) => {
    expect(await run(undefined, true, { consent }, true)).toBe(outcomes[consent])
  })
})

test('calls, a reset and calls while consent is pending keep their order', async () => {
  watchConsole()
  const site = createSite()
  const orq = site.open({ consent: 'pending', token: () => 'opaque' })
  const first = orq.identify(ann)
  orq.reset()
  orq.identify(bob)
  orq.identify({ ...ann, email: 'again@example.com' })
  orq.consent('granted')
  expect(await site.outcomeOf(first)).toBe('dropped: reset')
  expect(site.posts.at(-1)?.body).toEqual({ external_id: 'ann', email: 'again@example.com' })
  expect(site.posts.map(({ body }) => body.email)).not.toContain('ann@example.com')
})
