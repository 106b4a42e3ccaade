import { beforeEach, describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { createWorld, type World } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
let world: World
let page: EventTarget & { prerendering: boolean; visibilityState: string }
beforeEach(() => {
  world = createWorld()
  watchConsole()
  page = Object.assign(new EventTarget(), { prerendering: true, visibilityState: 'hidden' })
  const frame = new EventTarget()
  withGlobals({ document: page, navigator: {}, addEventListener: frame.addEventListener.bind(frame) })
})

/** A person follows the link: the page is shown. */
const activate = (): void => {
  page.prerendering = false
  page.visibilityState = 'visible'
  page.dispatchEvent(new Event('prerenderingchange'))
}
/** How often anything outside was touched. */
const touched = () => [world.posts.length, world.tokenCalls, reads]
let reads = 0
const open = (options: ClientOptions = {}) => {
  reads = 0
  const { storage } = world
  return world.load({
    storage: {
      get: (key) => {
        reads++
        return storage.get(key)
      },
      set: (key, value) => {
        reads++
        storage.set(key, value)
      },
    },
    ...options,
  })
}

describe('a page that is only prerendered', () => {
  test('sends nothing, asks for no token and leaves storage alone, whatever is called', async () => {
    const { orq } = open()
    for (let n = 0; n < 10; n++) orq.identify({ ...user, metadata: { n } })
    orq.flush()
    orq.reset()
    orq.identify(user)
    await world.clock.advance(600_000)
    expect(touched()).toEqual([0, 0, 0])
  })

  test('sends what was called once it is activated, joined to one request', async () => {
    const { orq } = open()
    const calls = Array.from({ length: 10 }, (_, n) => orq.identify({ ...user, metadata: { n } }))
    await world.clock.advance(7_000)
    activate()
    await world.clock.advance(1_000)
    expect(new Set((await Promise.all(calls)).map(told))).toEqual(new Set(['delivered']))
    expect(world.posts.map(({ body }) => body.metadata)).toEqual([{ n: 9 }])
  })

  test('that is activated and deactivated as by a stray event sends once', async () => {
    const { orq } = open()
    orq.identify(user)
    activate()
    activate()
    await world.clock.advance(5_000)
    expect(world.posts).toHaveLength(1)
  })

  test('and is never activated sends nothing when it is closed', async () => {
    const { orq } = open()
    const call = orq.identify(user)
    orq.close()
    activate()
    await world.clock.advance(20_000)
    expect(told(await call)).toBe('dropped: closed')
    expect(touched().slice(0, 2)).toEqual([0, 0])
  })

  test('with consent denied before it is activated sends nothing, and keeps nothing', async () => {
    const { orq } = open()
    const call = orq.identify(user)
    orq.consent('denied')
    activate()
    await world.clock.advance(20_000)
    expect(told(await call)).toBe('dropped: denied')
    expect([world.posts.length, world.storage.values.size]).toEqual([0, 0])
  })

  test('with a reset between two calls sends the later one alone', async () => {
    const { orq } = open()
    const first = orq.identify(user)
    orq.reset()
    orq.identify({ ...user, email: 'new@example.com' })
    activate()
    await world.clock.advance(5_000)
    expect(told(await first)).toBe('dropped: reset')
    expect(world.posts.map(({ body }) => body.email)).toEqual(['new@example.com'])
  })

  test('with consent pending waits for both', async () => {
    const { orq } = open({ consent: 'pending' })
    orq.identify(user)
    activate()
    await world.clock.advance(5_000)
    expect(touched().slice(0, 2)).toEqual([0, 0])
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect(world.posts).toHaveLength(1)
  })

  test('takes up what another page has left once it is activated, not before', async () => {
    page.prerendering = false
    world.replies = [() => new TypeError('network')]
    const first = world.load()
    first.orq.identify(user)
    await world.clock.advance(500)
    first.orq.close()
    world.posts.length = 0
    page.prerendering = true
    open()
    await world.clock.advance(60_000)
    expect(world.posts).toHaveLength(0)
    activate()
    await world.clock.advance(5_000)
    expect(world.posts).toHaveLength(1)
  })
})
