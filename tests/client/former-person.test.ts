import { describe, expect, test } from 'vitest'
import * as engine from '../../src/client/engine/engine.ts'
import { createClient } from '../../src/client/orq.ts'
import type { ClientOptions } from '../../src/index.ts'
import { createBrowser } from './browser.ts'
import { createWorld, refused, tokenFor, type World } from './harness.ts'
import { watchConsole, withGlobals } from './site.ts'

const ann = { externalId: 'ann', email: 'ann@example.com' }
const bob = { externalId: 'bob', email: 'bob@example.com' }

/** A page whose loads of the chunk are counted. */
const open = (world: World, options: ClientOptions = {}) => {
  let chunks = 0
  const orq = createClient({
    load: async () => {
      chunks++
      return engine
    },
  })
  orq.init({
    proxyUrl: 'https://app.example/orq',
    storage: world.storage,
    clock: world.clock,
    token: () => {
      world.tokenCalls++
      return world.tokens()
    },
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const body = (await request.json()) as Record<string, unknown>
      const token = request.headers.get('authorization') ?? ''
      world.posts.push({ body, token } as World['posts'][number])
      return (world.replies.shift()?.(world.posts.at(-1)!) as Response) ?? Response.json({ status: 'delivered' })
    },
    ...options,
  })
  return { orq, chunks: () => chunks }
}

/** Ann's entry is left in the outbox, in one of several ways. */
const ways: Record<string, (world: World) => Promise<void>> = {
  'nobody signed in at her call': async (world) => {
    world.person = null
    open(world).orq.identify(ann)
    await world.clock.advance(30_000)
  },
  'a proxy that was down': async (world) => {
    world.person = 'ann'
    world.replies = Array.from({ length: 3 }, () => () => refused(503, 'store_unavailable'))
    const { orq } = open(world)
    orq.identify(ann)
    await world.clock.advance(1_000)
    orq.close()
    world.replies = []
  },
  "Bob's token at her call": async (world) => {
    world.person = 'bob'
    open(world).orq.identify(ann)
    await world.clock.advance(30_000)
  },
  'a page that was left before its token came': async (world) => {
    const { orq } = open(world, { token: () => new Promise(() => {}) })
    orq.identify(ann)
    await world.clock.advance(10)
    orq.close()
  },
  'a token source that failed': async (world) => {
    const { orq } = open(world, { token: () => Promise.reject(new Error('down')) })
    orq.identify(ann)
    await world.clock.advance(5_000)
    orq.close()
  },
  'a change to Bob without her token at hand': async (world) => {
    world.person = 'bob'
    const { orq } = open(world)
    orq.identify(ann)
    orq.identify(bob)
    await world.clock.advance(30_000)
    orq.close()
  },
}

describe("what is left of a former person costs another one's page views nothing", () => {
  test.each(Object.keys(ways))('left by %s', async (way) => {
    watchConsole()
    const world = createWorld()
    await ways[way]!(world)
    world.person = 'bob'
    // The first view of Bob learns whose token there is.
    const first = open(world)
    first.orq.identify(bob)
    await world.clock.advance(120_000)
    first.orq.close()
    world.tokenCalls = world.posts.length = 0
    for (let view = 0; view < 5; view++) {
      const page = open(world)
      const call = page.orq.identify(bob)
      await world.clock.advance(120_000)
      expect(await call).toEqual({ status: 'duplicate' })
      expect(page.chunks()).toBe(0)
      page.orq.close()
    }
    expect([world.tokenCalls, world.posts.length]).toEqual([0, 0])
  })

  test.each(Object.keys(ways))('left by %s: her entry goes when she is identified again', async (way) => {
    watchConsole()
    const world = createWorld()
    await ways[way]!(world)
    world.person = 'bob'
    const first = open(world)
    first.orq.identify(bob)
    await world.clock.advance(120_000)
    first.orq.close()
    world.posts.length = 0
    world.person = 'ann'
    open(world).orq.identify('ann')
    await world.clock.advance(120_000)
    expect(world.posts.map(({ body, token }) => [body, token])).toEqual([
      [{ external_id: 'ann', email: 'ann@example.com' }, `Bearer ${tokenFor('ann')}`],
    ])
    expect([...world.storage.values].join()).not.toContain('ann@')
  })
})

describe('what is left of a former person', () => {
  test("does not hinder the new person's changes, and asks for no token of its own", async () => {
    watchConsole()
    const world = createWorld()
    await ways['nobody signed in at her call']!(world)
    world.person = 'bob'
    world.tokenCalls = 0
    const { orq } = open(world)
    for (let n = 0; n < 5; n++) {
      orq.identify({ ...bob, metadata: { n } })
      await world.clock.advance(20_000)
    }
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(Array(5).fill('bob'))
    expect(world.tokenCalls).toBeLessThanOrEqual(2)
  })

  test('of three people goes to each when that one is identified, and to no other', async () => {
    watchConsole()
    const world = createWorld()
    world.person = null
    for (const id of ['ann', 'bob', 'cid']) {
      const { orq } = open(world)
      orq.identify(id, { email: `${id}@example.com` })
      await world.clock.advance(30_000)
      orq.close()
    }
    for (const id of ['cid', 'ann', 'bob']) {
      world.person = id
      const { orq } = open(world)
      orq.identify(id)
      await world.clock.advance(60_000)
      orq.close()
    }
    expect(world.posts.map(({ body, token }) => [body.external_id, body.email, token])).toEqual(
      ['cid', 'ann', 'bob'].map((id) => [id, `${id}@example.com`, `Bearer ${tokenFor(id)}`]),
    )
  })

  test('never goes with an opaque token before that person is identified on the page', async () => {
    watchConsole()
    const world = createWorld()
    await ways['a proxy that was down']!(world)
    world.posts.length = 0
    world.tokens = () => 'opaque'
    const { orq } = open(world)
    await world.clock.advance(60_000)
    orq.identify(bob)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['bob'])
    orq.identify(ann)
    await world.clock.advance(60_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['bob', 'ann'])
  })

  test('is quiet: no console line in ten views of somebody else', async () => {
    const { all } = watchConsole()
    const world = createWorld()
    await ways['nobody signed in at her call']!(world)
    world.person = 'bob'
    for (let view = 0; view < 10; view++) {
      const { orq } = open(world)
      orq.identify(bob)
      await world.clock.advance(30_000)
      orq.close()
    }
    expect(all()).toEqual([])
  })
})

describe('while nobody is signed in', () => {
  test('each return to the tab, and each time that the network is back, asks for no token', async () => {
    watchConsole()
    withGlobals({ navigator, document: undefined, addEventListener: undefined })
    let asked = 0
    const { clock, open } = createBrowser({
      token: () => {
        asked++
        return null
      },
    })
    const tab = open()
    tab.orq.identify(ann)
    await clock.advance(30_000)
    expect(asked).toBe(1)
    for (let n = 0; n < 20; n++) {
      tab.leave()
      await clock.advance(60_000)
      tab.show()
      await clock.advance(60_000)
      tab.hear('online')
      await clock.advance(60_000)
    }
    expect(asked).toBe(1)
  })

  test('each page view without a call asks once at most, and never in a loop', async () => {
    watchConsole()
    const world = createWorld()
    await ways['nobody signed in at her call']!(world)
    world.person = null
    for (let view = 0; view < 5; view++) {
      world.tokenCalls = 0
      const { orq } = open(world)
      await world.clock.advance(600_000)
      expect(world.tokenCalls).toBeLessThanOrEqual(1)
      orq.close()
    }
  })
})
