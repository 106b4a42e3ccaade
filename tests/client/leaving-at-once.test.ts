import { expect, test } from 'vitest'
import { createClient } from '../../src/client/orq.ts'
import { createWorld, type World } from './harness.ts'
import { storedContacts } from './look.ts'
import { watchConsole, withGlobals } from './site.ts'

/** A page whose script tag has just run: its own `init` gives way to the page's until the next task. */
const openTag = (world: World) => {
  watchConsole()
  const frame = new EventTarget()
  withGlobals({
    navigator: {},
    document: { visibilityState: 'visible' },
    addEventListener: frame.addEventListener.bind(frame),
  })
  const client = createClient({ load: () => new Promise(() => {}) })
  const { storage, clock } = world
  client.init({ proxyUrl: 'https://app.example/orq', token: () => world.tokens(), storage, clock }, true)
  return { client, leave: () => void frame.dispatchEvent(new Event('pagehide')) }
}

test('a page that is left in the task of its first call, by a tag alone, keeps the call for the next visit', () => {
  const world = createWorld()
  const { client, leave } = openTag(world)
  client.identify({ externalId: 'user_1', email: 'jane@example.com' })
  expect(storedContacts(world)).toEqual([])
  leave()
  expect(storedContacts(world).map(([id, fields]) => [id, Object.keys(fields)])).toEqual([
    ['user_1', ['external_id', 'email']],
  ])
})

test('a page that is left without a call has touched no storage, and its own init still counts', () => {
  const world = createWorld()
  const { client, leave } = openTag(world)
  leave()
  expect(world.storage.values.size).toBe(0)
  client.init({ proxyUrl: 'https://app.example/other', storage: world.storage, clock: world.clock })
  expect(console.warn).not.toHaveBeenCalled()
})
