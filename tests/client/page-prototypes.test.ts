import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createWorld, type World } from './harness.ts'
import { hearConsole, look } from './look.ts'

let world: World
let texts: string[]
beforeEach(() => {
  world = createWorld()
  texts = []
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** Hangs something on a prototype, as old libraries do, until the test is over. */
const hang = (prototype: object, name: string, value: unknown, enumerable = true): void => {
  Object.defineProperty(prototype, name, { value, enumerable, configurable: true, writable: true })
  onTestFinished(() => void Reflect.deleteProperty(prototype, name))
}

const user = { externalId: 'user_1', tags: ['a', 'b'], metadata: { list: [1, { deep: ['x'] }], none: null } }
const body = '{"external_id":"user_1","tags":["a","b"],"metadata":{"list":[1,{"deep":["x"]}],"none":null}}'

/** Neither token nor answer is made by the page's JSON. */
const load = () =>
  world.load({
    token: 'opaque',
    fetch: async (input, init) => {
      texts.push(`${init?.body ?? (await (input as Request).text())}`)
      return new Response('{"status":"delivered"}')
    },
  }).orq

/** A call, its repetition, a reload, and a change. */
const visit = async (): Promise<string[]> => {
  const page = load()
  const outcomes: (() => string)[] = []
  for (const call of [
    () => page.identify(user),
    () => page.identify(user),
    () => load().identify(user),
    () => load().identify({ externalId: 'user_1', tags: ['changed'] }),
  ]) {
    outcomes.push(look(call()))
    await world.clock.advance(5_000)
  }
  return outcomes.map((outcome) => outcome())
}

function asText(this: unknown[]): string {
  return `[${this.map((item) => JSON.stringify(item)).join(', ')}]`
}
function asList(this: Iterable<unknown>): unknown[] {
  return [...this]
}

describe('toJSON on a prototype of the page', () => {
  test.each<[string, object, unknown]>([
    ['Array.prototype, of an old library', Array.prototype, asText],
    ['Array.prototype, as the list itself', Array.prototype, asList],
    ['Array.prototype, no function', Array.prototype, 'text'],
    ['Array.prototype, always the same text', Array.prototype, () => 'list'],
    ['Array.prototype, nothing at all', Array.prototype, () => undefined],
    [
      'Array.prototype, throws',
      Array.prototype,
      () => {
        throw new Error('theirs')
      },
    ],
    ['Set.prototype', Set.prototype, asList],
    ['Map.prototype', Map.prototype, asList],
    ['String.prototype', String.prototype, () => 'text'],
    ['Number.prototype', Number.prototype, () => 'number'],
    ['Boolean.prototype', Boolean.prototype, () => 'boolean'],
    ['Function.prototype', Function.prototype, () => 'function'],
    ['Object.prototype, no function', Object.prototype, 'text'],
  ])('%s: sent, remembered and told apart all the same', async (_, prototype, value) => {
    hang(prototype, 'toJSON', value)
    expect(await visit()).toEqual(['delivered', 'duplicate', 'duplicate', 'delivered'])
    expect(texts).toEqual([body, '{"external_id":"user_1","tags":["changed"]}'])
  })

  test.each<[string, object, () => unknown]>([
    ['Object.prototype, a text', Object.prototype, () => 'text'],
    ['Object.prototype, nothing', Object.prototype, () => undefined],
    [
      'Object.prototype, throws',
      Object.prototype,
      () => {
        throw new Error('theirs')
      },
    ],
    [
      'Array.prototype, throws',
      Array.prototype,
      () => {
        throw new Error('theirs')
      },
    ],
    ['Array.prototype, nothing', Array.prototype, () => undefined],
  ])('%s: no call rejects or stays open, and the next page is as usual', async (_, prototype, value) => {
    const orq = load()
    Object.defineProperty(prototype, 'toJSON', { value, configurable: true })
    const outcomes = [look(orq.identify(user)), look(orq.identify({ externalId: 'user_1', email: 'a@example.com' }))]
    await world.clock.advance(12_000)
    Reflect.deleteProperty(prototype, 'toJSON')
    for (const outcome of outcomes) expect(outcome()).not.toMatch(/open|rejected$/)
    expect((await visit())[3]).toBe('delivered')
    expect(texts.at(-1)).toBe('{"external_id":"user_1","tags":["changed"]}')
  })
})

test('with an Array.prototype.toJSON that makes texts of lists, tags of 31 kB are still a contact', async () => {
  hang(Array.prototype, 'toJSON', asText)
  const outcome = look(
    load().identify({ externalId: 'user_1', metadata: { list: Array.from({ length: 5_000 }, () => '"') } }),
  )
  await world.clock.advance(5_000)
  expect(outcome()).toBe('delivered')
})

test('with an Array.prototype.toJSON that gives one text, a call of other values is not taken for the one before', async () => {
  hang(Array.prototype, 'toJSON', () => 'list')
  const page = load()
  page.identify(user)
  page.identify({ externalId: 'user_1', tags: ['changed'] })
  await world.clock.advance(5_000)
  expect(texts.join()).toContain('changed')
})

describe('a property that is hung on every object of the page changes nothing', () => {
  test.each<[string, unknown]>([
    ['extend', () => {}],
    ['path', 'theirs'],
    ['email', ['"their@example.com"', 900_000_000_000_000, 0]],
    ['each', () => {}],
    ['then', 'text'],
    ['status', 'delivered'],
    ['code', 'bad_request'],
    ['number', 1e300],
    ['email', 'their@example.com'],
    ['tags', ['theirs']],
    ['metadata', { theirs: 1 }],
    ['external_id', 'somebody'],
    ['displayName', 'Their Name'],
    ['name', 'Their Name'],
    ['key', 'theirs'],
    ['subject', 'somebody'],
    ['refused', ['email']],
    ['noAutoRetry', true],
  ])('%s', async (name, value) => {
    hang(Object.prototype, name, value)
    expect(await visit()).toEqual(['delivered', 'duplicate', 'duplicate', 'delivered'])
    expect(texts[0]).toBe(body)
  })

  test.each(['last', 'remove', 'each'])('%s on every list', async (name) => {
    hang(Array.prototype, name, () => {})
    expect(await visit()).toEqual(['delivered', 'duplicate', 'duplicate', 'delivered'])
    expect(texts[0]).toBe(body)
  })
})
