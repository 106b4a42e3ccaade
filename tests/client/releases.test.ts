import { describe, expect, test } from 'vitest'
import { createWorld, refused } from './harness.ts'
import { told, watchConsole } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }

/** The keys of this release, as it makes them. */
const keysNow = async (): Promise<string[]> => {
  const world = createWorld()
  world.replies = [() => refused(503, 'store_unavailable', {}, { 'retry-after': '60' })]
  world.load().orq.identify(user)
  await world.clock.advance(1_000)
  return [...world.storage.values.keys()]
}

describe('two releases on one origin', () => {
  test('have keys of their own: each names the version of its form, and the proxy', async () => {
    watchConsole()
    const keys = await keysNow()
    expect(keys.map((key) => key.replace(/[0-9a-f]{16}$/, 'hash')).sort()).toEqual([
      'orq.2.ledger.hash',
      'orq.2.outbox.hash',
    ])
  })

  test.each<[string, (key: string) => string]>([
    ['without a version', (key) => key.replace('.2.', '.')],
    ['of version 1', (key) => key.replace('.2.', '.1.')],
    ['of version 3', (key) => key.replace('.2.', '.3.')],
    ['of version 20', (key) => key.replace('.2.', '.20.')],
    ['of a later form', (key) => `${key}.2`],
    ['in capitals', (key) => key.toUpperCase()],
  ])('values %s are neither read nor written nor removed', async (_, other) => {
    watchConsole()
    const world = createWorld()
    const theirs = new Map((await keysNow()).map((key) => [other(key), `theirs ${key}`]))
    for (const [key, value] of theirs) world.storage.values.set(key, value)
    const asked: string[] = []
    const storage = {
      get: (key: string) => {
        asked.push(key)
        return world.storage.get(key)
      },
      set: (key: string, value: string | undefined) => {
        asked.push(key)
        world.storage.set(key, value)
      },
    }
    const { orq } = world.load({ storage })
    orq.identify(user)
    await world.clock.advance(5_000)
    expect(told(await orq.identify(user))).toBe('duplicate')
    orq.reset()
    orq.consent('denied')
    for (const [key, value] of theirs) expect(world.storage.values.get(key)).toBe(value)
    expect(asked.filter((key) => theirs.has(key))).toEqual([])
    expect(world.posts).toHaveLength(1)
  })

  test.each<[string, (text: string) => string]>([
    ['cut off', (text) => text.slice(0, -5)],
    ['with one letter changed', (text) => text.replace('"last":1', '"last":2')],
    ['of the other key', () => '0000000000000000{"unsent":[]}'],
    ['of a release without checksums', (text) => text.slice(16)],
    ['of nothing', () => ''],
  ])('a value under our own key that is not ours (%s) is replaced, and the contact is delivered', async (_, spoil) => {
    watchConsole()
    const world = createWorld()
    const first = world.load()
    first.orq.identify(user)
    await world.clock.advance(5_000)
    for (const [key, value] of world.storage.values) world.storage.values.set(key, spoil(value))
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(5_000)
    expect(told(await orq.identify(user))).toBe('duplicate')
    expect(world.posts).toHaveLength(2)
  })
})
