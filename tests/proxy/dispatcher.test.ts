import { describe, expect, test } from 'vitest'
import { type Fields, fieldNames } from '../../src/core/contact.ts'
import { createDispatcher } from '../../src/proxy/dispatcher.ts'
import type { ProxyEvent } from '../../src/proxy/events.ts'
import { memory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'
import { settle, setUp } from './dispatcher-harness.ts'

/** A store on a disk: each call takes a turn of the event loop. */
const slow = (store: Store): Store => ({
  ...store,
  put: (...all) => settle().then(() => store.put(...all)),
  claim: (limit) => settle().then(() => store.claim(limit)),
  done: (claim) => settle().then(() => store.done(claim)),
})

describe.each([
  ['the memory store', undefined],
  ['a store that takes its time', slow],
])('with %s', (_, store) => {
  const options = store ? { store } : {}

  test('no more calls than the cap are on the wire, however many updates come at once, and all are delivered', async () => {
    const { put, open, most } = setUp({ concurrency: 3, ...options })
    const all = Promise.all(Array.from({ length: 20 }, (_, i) => put(`u${i}`)))
    let settled = false
    all.then(() => {
      settled = true
    })
    while (!settled) {
      await settle()
      open[0]?.answer('done')
    }
    expect(await all).toEqual(Array(20).fill({ kind: 'delivered', id: undefined, updated: undefined }))
    expect(most()).toBe(3)
  })

  test('one contact has one call on the wire, and what came meanwhile goes together afterwards', async () => {
    const { put, open } = setUp(options)
    const first = put('u1', { email: 'a@b.c' })
    await settle()
    await settle()
    const others = [put('u1', { email: 'b@b.c' }), put('u1', { tags: [] }), put('u1', { email: 'c@b.c' })]
    for (let i = 0; i < 4; i++) await settle()
    expect(open.map(({ contact }) => contact)).toEqual([{ external_id: 'u1', email: 'a@b.c' }])
    open[0]?.answer('done')
    expect(await first).toMatchObject({ kind: 'delivered' })
    for (let i = 0; i < 4; i++) await settle()
    expect(open.map(({ contact }) => contact)).toEqual([{ external_id: 'u1', email: 'c@b.c', tags: [] }])
    open[0]?.answer('done')
    for (const other of others) expect(await other).toMatchObject({ kind: 'delivered' })
  })
})

test('what comes while the store is asked for what is due is claimed as it is stored: another process could take it, and its page would wait in vain', async () => {
  const { put, open } = setUp({
    store: (store) => ({ ...store, isDurable: true, claim: () => new Promise(() => {}) }),
  })
  const delivery = put('u1')
  await settle()
  expect(open).toHaveLength(1)
  open[0]?.answer('done')
  expect(await delivery).toMatchObject({ kind: 'delivered' })
})

describe('an update of the id alone that was joined to a refused field', () => {
  test('is not called delivered: it is to be tried again by itself', async () => {
    const { put, open } = setUp()
    const first = put('u1', { tags: [] })
    await settle()
    const [id, email] = [put('u1'), put('u1', { email: 'a@b.c' })]
    await settle()
    open[0]?.answer('lost')
    expect(await first).toMatchObject({ kind: 'unavailable' })
    await settle()
    open[0]?.answer('refused')
    expect(await email).toEqual({ kind: 'refused', field: 'email' })
    expect(await id).toMatchObject({ kind: 'unavailable' })
  })
})

test('refused is said only of the value that was refused, not of one that it had replaced', async () => {
  const { put, open } = setUp()
  void put('u1', { tags: [] })
  await settle()
  const [good, bad] = [put('u1', { email: 'good@b.c' }), put('u1', { email: 'bad@b.c' })]
  await settle()
  open[0]?.answer('done')
  await settle()
  open[0]?.answer('refused')
  expect(await bad).toEqual({ kind: 'refused', field: 'email' })
  expect(await good).toMatchObject({ kind: 'unavailable' })
})

describe('no failure of upstream, so that nothing pauses, is', () => {
  const answer = { status: 200, headers: new Headers(), body: '{}' }

  test('a store that cannot be asked between POST and PATCH', async () => {
    const clock = fakeClock()
    const events: ProxyEvent[] = []
    const dispatcher = createDispatcher({
      store: { ...memory({ clock }), isDurable: true, look: () => Promise.reject(new Error('the database is away')) },
      clock,
      onEvent: (event) => events.push(event),
      upsert: async (_, __, goesOn) => {
        await goesOn()
        return { kind: 'done', answer }
      },
    })
    for (let i = 0; i < 5; i++) await dispatcher.deliver({ externalId: `u${i}`, fields: {} })
    expect(events.filter(({ type }) => type === 'call')).toHaveLength(5)
    expect(events.filter(({ type }) => type === 'paused')).toEqual([])
    await dispatcher.close()
  })

  test('a call that is ended soon after it began, as its page has waited long enough for a slot', async () => {
    const clock = fakeClock()
    const events: ProxyEvent[] = []
    const dispatcher = createDispatcher({
      store: memory({ clock }),
      clock,
      concurrency: 5,
      onEvent: (event) => events.push(event),
      // It takes everything, in three seconds.
      upsert: (_, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          clock.after(3_000, () => resolve({ kind: 'done', answer }))
        }),
    })
    const all = Promise.all(
      Array.from({ length: 30 }, (_, i) => dispatcher.deliver({ externalId: `u${i}`, fields: {} })),
    )
    await clock.advance(8_000)
    expect((await all).filter(({ kind }) => kind === 'unavailable').length).toBeGreaterThan(5)
    expect(events.filter(({ type }) => type === 'paused')).toEqual([])
  })
})

describe('a durable store', () => {
  const durable = { store: (store: Store): Store => ({ ...store, isDurable: true }) }
  test('has what upstream refuses: the answer is accepted', async () => {
    const { put, open } = setUp(durable)
    const delivery = put('u1', { email: 'x@b.c' })
    await settle()
    open[0]?.answer('refused')
    expect(await delivery).toEqual({ kind: 'accepted' })
  })

  test('has what upstream fails to take: the answer is accepted', async () => {
    const { put, open } = setUp(durable)
    const delivery = put('u1', { email: 'x@b.c' })
    await settle()
    open[0]?.answer('lost')
    expect(await delivery).toEqual({ kind: 'accepted' })
  })
})

describe('close', () => {
  test('aborts what is on the wire, answers who waits, starts nothing more and leaves no timer', async () => {
    const { clock, put, open, dispatcher, most } = setUp({ concurrency: 1 })
    const waiting = [put('u1'), put('u2'), put('u1', { tags: [] })]
    await settle()
    await dispatcher.close()
    expect(open).toEqual([])
    for (const delivery of waiting) expect(await delivery).toMatchObject({ kind: 'unavailable' })
    expect(await put('u3')).toEqual({ kind: 'unavailable' })
    await settle()
    expect({ calls: most(), timers: clock.timers() }).toEqual({ calls: 1, timers: 0 })
  })
})

test('a store that loses the outcome does not stop the next contact', async () => {
  const { put, open } = setUp({
    concurrency: 1,
    store: (store) => ({
      ...store,
      done: async (claim) => {
        if (claim.externalId === 'u1') throw new Error('disk')
        return store.done(claim)
      },
    }),
  })
  const [first, second] = [put('u1'), put('u2')]
  await settle()
  open[0]?.answer('done')
  expect(await first).toMatchObject({ kind: 'unavailable' })
  await settle()
  open[0]?.answer('done')
  expect(await second).toMatchObject({ kind: 'delivered' })
})

test('every field of a contact survives the way through the row', async () => {
  const { put, open } = setUp()
  const fields: Fields = {
    display_name: null,
    email: 'a@b.c',
    avatar_url: null,
    tags: [],
    metadata: { a: [{ b: null }] },
  }
  expect(Object.keys(fields).sort()).toEqual([...fieldNames].sort())
  const delivery = put('u1', fields)
  await settle()
  expect(open[0]?.contact).toEqual({ external_id: 'u1', ...fields })
  open[0]?.answer('done')
  await delivery
})
