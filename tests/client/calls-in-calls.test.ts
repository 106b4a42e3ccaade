import { beforeEach, describe, expect, test } from 'vitest'
import type { Orq } from '../../src/index.ts'
import { createWorld, tokenFor, type World } from './harness.ts'
import { told, watchConsole } from './site.ts'

const ann = { externalId: 'ann', email: 'ann@example.com' }
const bob = { externalId: 'bob', email: 'bob@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  world.person = 'ann'
  watchConsole()
})
const stored = (): string => [...world.storage.values].join()

/** Runs once, in a listener at the first decision of this kind. */
const onceAt = (orq: Orq, wanted: string, task: () => void): void => {
  const stop = orq.on('decision', ({ kind }) => {
    if (kind !== wanted) return
    stop()
    task()
  })
}

describe('identify in a listener at "sent"', () => {
  test.each([0, 1])(
    'with a newer value of a field that is being sent: that one is the last to arrive (%i)',
    async (isLeaving) => {
      const { orq } = world.load()
      onceAt(orq, 'sent', () => orq.identify({ ...ann, email: 'new@example.com' }))
      orq.identify(ann)
      if (isLeaving) {
        await world.clock.advance(1)
        orq.close()
        world.load()
      }
      await world.clock.advance(60_000)
      expect(world.posts.at(-1)?.body.email).toBe('new@example.com')
      expect(stored()).not.toMatch(/ann@|new@/)
    },
  )

  test('with another field: both arrive', async () => {
    const { orq } = world.load()
    onceAt(orq, 'sent', () => orq.identify({ externalId: 'ann', tags: ['later'] }))
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(Object.assign({}, ...world.posts.map(({ body }) => body))).toEqual({
      external_id: 'ann',
      email: 'ann@example.com',
      tags: ['later'],
    })
  })

  test('with the same values: one request, and both calls are delivered', async () => {
    const { orq } = world.load()
    let inner: Promise<string> | undefined
    onceAt(orq, 'sent', () => {
      inner = orq.identify(ann).then(told)
    })
    const outer = orq.identify(ann)
    await world.clock.advance(60_000)
    expect([told(await outer), await inner]).toEqual(['delivered', 'delivered'])
    expect(world.posts).toHaveLength(1)
  })

  test('of another person: one request for each', async () => {
    const { orq } = world.load({ token: () => 'opaque' })
    onceAt(orq, 'sent', () => orq.identify(bob))
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['ann', 'bob'])
  })
})

test('identify in the listener of a reset belongs to what comes after it, and is sent', async () => {
  const { orq } = world.load()
  onceAt(orq, 'dropped', () => orq.identify({ ...ann, email: 'new@example.com' }))
  orq.identify(ann)
  await world.clock.advance(50)
  orq.reset()
  await world.clock.advance(60_000)
  expect(world.posts.map(({ body }) => body.email)).toEqual(['new@example.com'])
})

test('close in a listener at "delivered": the call is delivered, as the decision says', async () => {
  const { orq } = world.load()
  onceAt(orq, 'delivered', () => orq.close())
  const call = orq.identify(ann)
  await world.clock.advance(60_000)
  expect(told(await call)).toBe('delivered')
  expect(stored()).not.toContain('ann@')
})

describe('in beforeSend', () => {
  test('consent denied: the call is dropped: denied, and nothing is stored or asked', async () => {
    const { orq } = world.load({
      beforeSend: (contact) => {
        orq.consent('denied')
        return contact
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('dropped: denied')
    expect(world.storage.values.size).toBe(0)
    expect([world.posts.length, world.tokenCalls]).toEqual([0, 0])
  })

  test('consent pending: nothing is stored or asked, and granted sends it', async () => {
    let isAsked = false
    const { orq } = world.load({
      beforeSend: (contact) => {
        if (!isAsked) orq.consent('pending')
        isAsked = true
        return contact
      },
    })
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect([stored().includes('ann@'), world.posts.length, world.tokenCalls]).toEqual([false, 0, 0])
    orq.consent('granted')
    await world.clock.advance(60_000)
    expect(world.posts).toHaveLength(1)
  })

  test('close: the call is dropped: closed, and no timer, no token and no entry is left', async () => {
    const { orq } = world.load({
      beforeSend: (contact) => {
        orq.close()
        return contact
      },
    })
    let outcome = 'open'
    orq.identify(ann).then((value) => {
      outcome = told(value)
    })
    await world.clock.advance(5)
    expect(outcome).toBe('dropped: closed')
    expect([world.clock.timers(), world.tokenCalls, stored().includes('ann@')]).toEqual([0, 0, false])
  })
})

describe('in the token function, before its first await', () => {
  test('reset: the token that it gives then is not used for the next person', async () => {
    let person = 'ann'
    const { orq } = world.load({
      token: () => {
        const mine = person
        if (mine === 'ann') {
          person = 'bob'
          orq.reset()
        }
        return `opaque-${mine}`
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(1_000)
    orq.identify(bob)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('dropped: reset')
    expect(world.posts.map(({ body, token }) => [body.external_id, token])).toEqual([['bob', 'Bearer opaque-bob']])
  })

  test.each<[string, (orq: Orq) => void, string]>([
    ['close', (orq) => orq.close(), 'dropped: closed'],
    ['consent denied', (orq) => orq.consent('denied'), 'dropped: denied'],
  ])('%s: the call ends so, and no request goes', async (_, end, outcome) => {
    const { orq } = world.load({
      token: () => {
        end(orq)
        return tokenFor('ann')
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe(outcome)
    expect(world.posts).toEqual([])
    if (outcome === 'dropped: denied') expect(world.storage.values.size).toBe(0)
  })

  test('identify of the same person, as a listener to the session may do: one token, one request', async () => {
    let asked = 0
    const { orq } = world.load({
      token: () => {
        if (++asked < 50) orq.identify({ ...ann, tags: ['of the session'] })
        return tokenFor('ann')
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('delivered')
    expect(asked).toBe(1)
    expect(world.posts.map(({ body }) => body)).toEqual([
      { external_id: 'ann', email: 'ann@example.com', tags: ['of the session'] },
    ])
  })

  test('init: one warning, and the contact is delivered', async () => {
    const { orq } = world.load({
      token: () => {
        orq.init({ proxyUrl: 'https://elsewhere.example' })
        return tokenFor('ann')
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('delivered')
  })

  test('flush: ends, and the contact is delivered', async () => {
    const { orq } = world.load({
      token: () => {
        orq.flush()
        return tokenFor('ann')
      },
    })
    const call = orq.identify(ann)
    await world.clock.advance(60_000)
    expect(told(await call)).toBe('delivered')
    expect(world.posts).toHaveLength(1)
  })
})
