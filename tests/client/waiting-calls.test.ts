import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ClientOptions, Outcome } from '../../src/index.ts'
import { createWorld, refused, tokenFor, type World } from './harness.ts'
import { answerAlways, hearConsole, look, neverChunk, noChunk, storedContacts, valuesOf } from './look.ts'

let world: World
let lines: string[]
beforeEach(() => {
  world = createWorld()
  lines = hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const user = (n: number, id = 'user_1') => ({ externalId: id, email: 'jane@example.com', metadata: { n } })
/** How long what is stored is. */
const storedLength = (): number => [...world.storage.values.values()].join('').length

describe('calls that wait for consent', () => {
  const options: ClientOptions = { consent: 'pending' }

  test('of one contact share a promise, store nothing, set no timer, and become one request of the latest values', async () => {
    const { orq, posts } = world.load(options)
    await world.clock.advance(1)
    const outcomes = new Set<Outcome>()
    for (let n = 0; n < 2_000; n++) orq.identify(user(n)).then((outcome) => outcomes.add(outcome))
    expect([world.clock.timers(), storedLength(), world.tokenCalls]).toEqual([0, 0, 0])
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect(valuesOf(posts, 'metadata')).toEqual([{ n: 1_999 }])
    expect([...outcomes]).toEqual([{ status: 'delivered' }])
  })

  test('of several contacts go in the order of their last calls, and the last one is the current person', async () => {
    const asked: unknown[] = []
    const { orq } = world.load({
      ...options,
      token: (id) => {
        asked.push(id)
        return tokenFor(id as string)
      },
    })
    for (const id of ['ann', 'bob', 'cid', 'bob', 'ann']) orq.identify({ externalId: id })
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect(asked.at(-1)).toBe('ann')
    expect(valuesOf(world.posts, 'external_id').at(-1)).toBe('ann')
  })

  test('a reset drops those before it, none after it, and what an earlier visit left', async () => {
    answerAlways(world, () => new TypeError('network'))
    const earlier = world.load()
    earlier.orq.identify({ externalId: 'user_1', tags: ['left'] })
    await world.clock.advance(1_000)
    earlier.orq.close()
    world.replies = []
    world.posts.length = 0
    const { orq } = world.load(options)
    const before = look(orq.identify(user(1)))
    orq.reset()
    const between = look(orq.identify({ externalId: 'user_1', displayName: 'Between' }))
    orq.reset()
    const after = look(orq.identify(user(2)))
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect([before(), between(), after()]).toEqual(['dropped: reset', 'dropped: reset', 'delivered'])
    expect(world.posts.map(({ body }) => body)).toEqual([
      { external_id: 'user_1', email: 'jane@example.com', metadata: { n: 2 } },
    ])
  })

  test('are dropped by a denial, and a later grant sends later calls alone', async () => {
    const { orq, posts } = world.load(options)
    const before = look(orq.identify(user(1)))
    orq.consent('denied')
    await world.clock.advance(1_000)
    orq.consent('pending')
    const after = look(orq.identify({ externalId: 'user_1', tags: ['x'] }))
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect([before(), after()]).toEqual(['dropped: denied', 'delivered'])
    expect(posts.map(({ body }) => body)).toEqual([{ external_id: 'user_1', tags: ['x'] }])
  })

  test('are forced when one of them is, and beforeSend sees them once, joined', async () => {
    await world.clock.advance(1)
    world.load().orq.identify({ externalId: 'user_1', tags: ['x'] })
    await world.clock.advance(5_000)
    const seen: unknown[] = []
    const beforeSend: ClientOptions['beforeSend'] = (contact) => {
      seen.push(contact)
      return contact
    }
    const { orq } = world.load({ ...options, beforeSend })
    orq.identify({ externalId: 'user_1', tags: ['x'] }, { force: true })
    orq.identify({ externalId: 'user_1', displayName: 'Jane' })
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect(seen).toEqual([{ external_id: 'user_1', tags: ['x'], display_name: 'Jane' }])
    expect(world.posts.at(-1)?.force).toBe(true)
  })
})

describe('many calls of one contact', () => {
  const places: [string, () => World['replies'][number] | undefined, Parameters<World['load']>][] = [
    ['before the chunk is here', () => undefined, [{}, neverChunk]],
    ['where there is no chunk', () => () => new TypeError('network'), [{}, noChunk]],
    ['while the proxy fails', () => () => refused(503, 'store_unavailable'), [{}]],
    ['while nobody answers', () => () => new TypeError('network'), [{}]],
    ['with no network', () => undefined, [{}]],
  ]
  test.each(places)('%s keep one entry of the latest values, and one timer', async (place, answer, load) => {
    if (place === 'with no network') vi.stubGlobal('navigator', { onLine: false })
    const reply = answer()
    if (reply) answerAlways(world, reply)
    const { orq, posts } = world.load(...load)
    orq.identify(user(0))
    await world.clock.advance(1_000)
    const [length, timers, sent, asked] = [storedLength(), world.clock.timers(), posts.length, world.tokenCalls]
    for (let n = 1; n <= 2_000; n++) orq.identify(user(n))
    await world.clock.advance(0)
    expect(storedContacts(world)).toHaveLength(1)
    expect(JSON.stringify(storedContacts(world))).toContain('{\\"n\\":2000}')
    expect(storedLength()).toBeLessThan(length + 400)
    expect(world.clock.timers()).toBeLessThanOrEqual(timers + 2)
    await world.clock.advance(12_000)
    expect(posts.length - sent).toBeLessThanOrEqual(10)
    expect(world.tokenCalls - asked).toBeLessThanOrEqual(10)
  })

  test('before the chunk is here share one promise, and a reset divides them', async () => {
    const { orq } = world.load({}, neverChunk)
    const before = new Set<Outcome>()
    const after = new Set<Outcome>()
    for (let n = 0; n < 100; n++) orq.identify(user(n)).then((outcome) => before.add(outcome))
    orq.reset()
    for (let n = 0; n < 100; n++) orq.identify(user(n)).then((outcome) => after.add(outcome))
    await world.clock.advance(12_000)
    expect([[...before], [...after]]).toEqual([[{ status: 'dropped', reason: 'reset' }], [{ status: 'delivered' }]])
  })

  test('share the deadline of the first: a loop of new values does not put it off', async () => {
    answerAlways(world, () => 'hang')
    const { orq } = world.load()
    const first = look(orq.identify(user(0)))
    for (let n = 1; n <= 12; n++) {
      await world.clock.advance(1_000)
      orq.identify(user(n))
    }
    expect(first()).toBe('pending: timeout')
  })
})

describe('a loop over six hundred people', () => {
  const places: [string, Parameters<World['load']>][] = [
    ['before the chunk is here', [{}, neverChunk]],
    ['where there is no chunk', [{}, noChunk]],
    ['with the chunk', [{}]],
  ]
  test.each(places)('%s writes a few times, stores 500 entries, and settles every call', async (_, load) => {
    answerAlways(world, () => new TypeError('network'))
    let writes = 0
    const storage = {
      get: world.storage.get,
      set: (key: string, value: string | undefined) => {
        writes++
        world.storage.set(key, value)
      },
    }
    const { orq } = world.load({ ...load[0], storage }, load[1])
    const calls = Array.from({ length: 600 }, (_, n) => look(orq.identify(user(1, `person_${n}`))))
    await world.clock.advance(12_000)
    expect(writes).toBeLessThan(100)
    expect(storedContacts(world)).toHaveLength(500)
    expect(calls.filter((outcome) => outcome() === 'open')).toEqual([])
  })

  test.each(places)('%s asks for few tokens', async (_, load) => {
    const { orq } = world.load(...load)
    for (let n = 0; n < 600; n++) orq.identify(user(1, `person_${n}`))
    await world.clock.advance(1_000)
    expect(world.tokenCalls).toBeLessThan(10)
  })

  // It comes with the chunk.
  test.each(places.slice(2))('%s says once that those beyond 500 are not kept', async (_, load) => {
    answerAlways(world, () => new TypeError('network'))
    const { orq } = world.load(...load)
    for (let n = 0; n < 600; n++) orq.identify(user(1, `person_${n}`))
    await world.clock.advance(12_000)
    expect(lines.filter((line) => line.includes('500'))).toHaveLength(1)
  })

  test('leaves the current person free to be delivered', async () => {
    const { orq, posts } = world.load()
    for (let n = 0; n < 600; n++) orq.identify(user(1, `person_${n}`))
    const outcome = look(orq.identify(user(1)))
    await world.clock.advance(12_000)
    expect(outcome()).toBe('delivered')
    expect(valuesOf(posts, 'external_id')).toEqual(['user_1'])
  })
})
