import { describe, expect, test } from 'vitest'
import { browserStorage } from '../../src/client/browser-storage.ts'
import { createWorld, fakeStorage, refused } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

type Step = [action: 'set' | 'remove', key: string, value?: string]

/** localStorage that keeps what was done to it. `refuses` says which writes throw, as of a full disk. */
const recordedStorage = (refuses: (value: string) => boolean = () => false) => {
  const values = new Map<string, string>()
  const steps: Step[] = []
  const localStorage = {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => {
      steps.push(['set', key, value])
      if (refuses(value)) throw new DOMException('full', 'QuotaExceededError')
      values.set(key, value)
    },
    removeItem: (key: string) => {
      steps.push(['remove', key])
      values.delete(key)
    },
  }
  withGlobals({ document: { defaultView: { localStorage } } })
  return { values, steps, store: browserStorage() }
}

describe('a value in localStorage is replaced in one step: another tab never sees a gap', () => {
  test('a new value is set, and nothing is removed before or after', () => {
    const { store, steps } = recordedStorage()
    for (const text of ['a', 'b', 'b', '{}', '0']) store.set('key', text)
    expect(steps).toEqual(['a', 'b', 'b', '{}', '0'].map((text) => ['set', 'key', text]))
  })

  test('a value that does not fit is removed after the attempt, so that no stale one comes back', () => {
    const { store, steps, values } = recordedStorage((value) => value.length > 5)
    store.set('key', 'short')
    store.set('key', 'too long')
    expect(steps.map(([action]) => action)).toEqual(['set', 'set', 'remove'])
    expect(values.size).toBe(0)
    store.set('key', 'again')
    expect(store.get('key')).toBe('again')
  })

  test('a value that is given up is removed, once', () => {
    const { store, steps } = recordedStorage()
    store.set('key', 'a')
    store.set('key', undefined)
    expect(steps.map(([action]) => action)).toEqual(['set', 'remove'])
  })

  test.each<[string, object | null]>([
    [
      'that throws when it is looked at',
      {
        get localStorage(): never {
          throw new DOMException('denied', 'SecurityError')
        },
      },
    ],
    ['that is null', { localStorage: null }],
    ['that is not there', {}],
    ['without a view', null],
    [
      'whose methods throw',
      {
        localStorage: {
          getItem: () => {
            throw 0
          },
          setItem: () => {
            throw 0
          },
          removeItem: () => {
            throw 0
          },
        },
      },
    ],
    ['that is an element', { localStorage: { nodeType: 1 } }],
  ])('a localStorage %s: nothing is thrown, and nothing is kept', (_, defaultView) => {
    withGlobals({ document: { defaultView } })
    const store = browserStorage()
    store.set('key', 'a')
    expect(store.get('key')).toBeUndefined()
    store.set('key', undefined)
  })
})

describe('the storage port of a client', () => {
  const user = { externalId: 'user_1', email: 'jane@example.com' }
  const record = () => {
    watchConsole()
    const world = createWorld()
    const inner = fakeStorage()
    const steps: Step[] = []
    const storage = {
      get: inner.get,
      set: (key: string, value: string | undefined) => {
        steps.push(value === undefined ? ['remove', key] : ['set', key, value])
        inner.set(key, value)
      },
    }
    return { world, steps, storage, values: inner.values }
  }

  test('removes the outbox when nothing waits, and the ledger never while something is known', async () => {
    const { world, steps, storage } = record()
    const { orq } = world.load({ storage })
    for (let n = 0; n < 10; n++) {
      if (n % 3 === 1) world.replies = [() => refused(503, 'store_unavailable')]
      orq.identify({ ...user, metadata: { n } })
      await world.clock.advance(n % 2 ? 100 : 30_000)
    }
    await world.clock.advance(60_000)
    const ledger = steps.filter(([, key]) => key.includes('.ledger.'))
    expect(ledger.length).toBeGreaterThan(10)
    expect(ledger.map(([action]) => action)).not.toContain('remove')
    const outbox = steps.filter(([, key]) => key.includes('.outbox.'))
    expect(outbox.at(-1)?.[0]).toBe('remove')
  })

  test('while something waits the outbox is never absent, however often it is written', async () => {
    const { world, steps, storage } = record()
    world.replies = Array.from({ length: 1_000 }, () => () => refused(503, 'store_unavailable'))
    const { orq } = world.load({ storage })
    for (let n = 0; n < 50; n++) {
      orq.identify({ ...user, metadata: { n } })
      await world.clock.advance(1_000)
    }
    const outbox = steps.filter(([, key]) => key.includes('.outbox.')).map(([action]) => action)
    const first = outbox.indexOf('set')
    expect(outbox.length).toBeGreaterThan(50)
    expect(outbox.slice(first)).not.toContain('remove')
  })

  test('a reset in one write leaves no moment without a session', async () => {
    const { world, steps, storage } = record()
    const { orq } = world.load({ storage })
    orq.identify(user)
    await world.clock.advance(5_000)
    steps.length = 0
    orq.reset()
    expect(steps.filter(([, key]) => key.includes('.ledger.')).map(([action]) => action)).toEqual(['set'])
  })

  test.each<[string, (value: string | undefined) => boolean]>([
    ['keeps nothing', () => false],
    ['keeps ledgers alone', (value) => !value?.includes('unsent')],
    [
      'keeps every second write',
      (() => {
        let n = 0
        return () => !!(n++ % 2)
      })(),
    ],
    [
      'keeps the first write for ever',
      (() => {
        let n = 0
        return () => !n++
      })(),
    ],
  ])('that %s: what is called is delivered once, and repeats are duplicates on the page', async (_, keeps) => {
    const { world, storage, values } = record()
    const { orq } = world.load({
      storage: {
        get: storage.get,
        set: (key, value) => void (keeps(value) && (value === undefined ? values.delete(key) : values.set(key, value))),
      },
    })
    orq.identify(user)
    await world.clock.advance(5_000)
    expect(told(await orq.identify(user))).toBe('duplicate')
    expect(world.posts).toHaveLength(1)
  })
})
