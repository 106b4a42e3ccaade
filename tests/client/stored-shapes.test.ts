import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { hash } from '../../src/core/hash.ts'
import { createWorld, delivered, refused, type World } from './harness.ts'
import { hearConsole, ledgerKey, look, named, outboxKey, sealed } from './look.ts'

let world: World
/** Each body as it was posted. */
let texts: string[]
beforeEach(() => {
  world = createWorld()
  texts = []
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** As our proxy does, refuses what is no JSON, names somebody else, or has no proper number. */
const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
  const request = new Request(input, init)
  const text = await request.text()
  texts.push(text)
  let body: Record<string, unknown>
  try {
    body = JSON.parse(text)
  } catch {
    return refused(400, 'bad_json')
  }
  if (!/^[\w-]{16,64}\.\d{1,15}(\.force)?$/.test(request.headers.get('orq-update-id') ?? ''))
    return refused(400, 'bad_request')
  return body.external_id === 'user_1' ? delivered() : refused(403, 'scope_mismatch')
}

const user = { externalId: 'user_1', tags: ['new'] }
const now = 1_800_000_000_000
const day = 86_400_000

/** Calls on a page with these stored values, repeats the call there and after a reload, and then changes it. */
const visit = async (stored: { ledger?: string; outbox?: string }): Promise<string[]> => {
  if (stored.ledger !== undefined) world.storage.values.set(ledgerKey, sealed(stored.ledger))
  if (stored.outbox !== undefined) world.storage.values.set(outboxKey, sealed(stored.outbox))
  const outcomes: (() => string)[] = []
  const { orq } = world.load({ fetch })
  for (const call of [
    () => orq.identify(user),
    () => orq.identify(user),
    () => world.load({ fetch }).orq.identify(user),
    () => world.load({ fetch }).orq.identify({ ...user, tags: ['changed'] }),
  ]) {
    outcomes.push(look(call()))
    await world.clock.advance(30_000)
  }
  return outcomes.map((outcome) => outcome())
}
/** What a visit comes to where nothing is stored. */
const asNew = ['delivered', 'duplicate', 'duplicate', 'delivered']
const tagsSent = (): unknown[] => texts.map((text) => JSON.parse(text).tags?.[0])

describe('a ledger that is damaged behind a right checksum keeps nothing from being sent, and is replaced', () => {
  const key = hash('salt', 'user_1')
  const ledger = (more: object): string =>
    JSON.stringify({ id: 'id', salt: 'salt', session: '', last: now, seen: {}, ...more })
  const entry = (tags: unknown): string => ledger({ seen: { [key]: { tags, external_id: tags } } })

  test.each(
    named(
      [
        ['', '{', 'null', '5', 'true', '"text"', '[]', '[[]]', '{}', '{"id":"a","id":5}', `${'['.repeat(20_000)}`],
        ['null', 'true', '5', '"seen"', '[]', '[1]', '{"__proto__":{"a":1}}'].map((seen) =>
          ledger({}).replace('"seen":{}', `"seen":${seen}`),
        ),
        [null, 5, 'text', [], {}, { tags: null }, { tags: 'text' }, true].map((own) =>
          ledger({ seen: { [key]: own } }),
        ),
        [null, 5, 'text', [], {}, ['', 0], ['', 0, 'z'], ['', 0, null], ['', -1, -1e300], [5, 5, 5]].map(entry),
        [null, -5, '5', 1e300, 1e15, [5], {}, true].map((last) => ledger({ last })),
        [null, 5, [], {}, true].map((id) => ledger({ id })),
        [null, 5, ['salt'], {}].map((salt) => ledger({ salt })),
        [null, 5, ['session'], {}].map((session) => ledger({ session })),
        [ledger({ id: '', salt: '', session: '' }), ledger({ id: 'x'.repeat(100_000) })],
        [ledger({ outbox: {}, held: 5, pause: 7 })],
      ].flat(),
    ),
  )('%s', async (_, stored) => {
    expect(await visit({ ledger: stored })).toEqual(asNew)
    expect(tagsSent()).toEqual(['new', 'changed'])
  })

  test.each(
    named(
      [
        [null, [null], { x: null }, { [key]: { tags: ['x'] }, x: null }, { toString: null }].map((seen) =>
          ledger({ seen }),
        ),
        [[1], ['tags'], [[]]].map((own) => ledger({ seen: { [key]: own } })),
        [['', 0, 1e300], ['', 0, 900_000_000_000_000], ['', 0, '9000000000000000'], ['', 0, [9e15]], { 2: 1e300 }].map(
          entry,
        ),
        [now + 5_000_000.5, 999_999_999_999_999, 999_999_999_999_998, 999_999_999_999_999.5].map((last) =>
          ledger({ last }),
        ),
      ].flat(),
    ),
  )('in a part that is not looked at before it is used: %s', async (_, stored) => {
    expect(await visit({ ledger: stored })).toEqual(asNew)
    expect(tagsSent()).toEqual(['new', 'changed'])
  })

  test('but a last number that is ahead of the clock goes on', async () => {
    const last = 900_000_000_000_000
    expect(await visit({ ledger: ledger({ last }) })).toEqual(asNew)
    expect(JSON.parse(world.storage.values.get(ledgerKey)?.slice(16) ?? '').last).toBeGreaterThan(last)
  })
})

describe('an outbox that is damaged behind a right checksum keeps no call from being sent, and is replaced', () => {
  const outbox = (fields: unknown, more: object = {}): string =>
    JSON.stringify({ unsent: [['user_1', fields, false]], pause: [0, 0, 0], ...more })
  const good = ['"a@example.com"', now - 5, 0]

  test.each(
    named(
      [
        ['', '{', 'null', '5', '[]', '"text"', '{}', '{"unsent":null}', '{"unsent":{}}', '{"unsent":"text"}'],
        [null, 5, 'text', [], {}, [['email', good]], { email: null }, { email: 5 }, { email: 'text' }].map((fields) =>
          outbox(fields),
        ),
        [
          [],
          {},
          ['"a"'],
          [['"a"'], now, 0],
          ['"a"', `${now}`, 0],
          ['"a"', 1e300, 0],
          ['"a"', -1, 0],
          ['"a"', null],
        ].map((email) => outbox({ email })),
        [null, 5, {}, [null]].map((one) => JSON.stringify({ unsent: [one] })),
        [null, 5, { toString: 1 }, ['user_2'], '', 'x'.repeat(1_000)].map((id) =>
          JSON.stringify({ unsent: [[id, { email: good }]] }),
        ),
        [
          5,
          [],
          {},
          null,
          [null],
          ['a', 'b', 'c'],
          [-1, -1, -1],
          [[0], [9e14], [9e14]],
          { 0: 9e14 },
          [9e14, 9e14, 9e14],
        ].map((pause) => outbox({}, { pause })),
        [outbox({ external_id: ['"user_2"', now - 5, 0] })],
      ].flat(),
    ),
  )('%s', async (_, stored) => {
    expect(await visit({ outbox: stored })).toEqual(asNew)
    expect(tagsSent()).toEqual(['new', 'changed'])
    for (const text of texts) expect(text).not.toContain('"email"')
  })

  test.each(
    named(
      [
        // No JSON.
        ['no json', '', '"half', 'undefined', '1,', '{"a":1', 'NaN', '"a@example.com","external_id":"user_2"'].map(
          (json) => outbox({ email: [json, now - 5, 0] }),
        ),
        // No field.
        ['a"b', 'a\\', 'nope', 'constructor', 'Email', ''].map((field) => outbox({ [field]: good })),
        // No list.
        [
          outbox({ email: { 0: '"a@example.com"', 1: now - 5 } }),
          outbox({ email: { 0: '"a@example.com"', 1: now - 5, 2: 0 } }),
        ],
      ].flat(),
    ),
  )('in a part that is not looked at before it is used: %s', async (_, stored) => {
    expect(await visit({ outbox: stored })).toEqual(asNew)
    expect(texts.map((text) => Object.keys(JSON.parse(text)))).toEqual([
      ['external_id', 'tags'],
      ['external_id', 'tags'],
    ])
  })

  test.each([
    [0, 9e14, 9e14],
    [now, 9e14, 0],
    [now - 5, 0, now + 365 * day],
    [0, 0, 0, 9e14],
    [now - 5, now + 25 * day, 0],
  ])('nothing is put off by more than an hour by the pause [%d, %d, %d, …]', async (...pause) => {
    world.storage.values.set(outboxKey, sealed(outbox({}, { pause })))
    world.load({ fetch }).orq.identify(user)
    await world.clock.advance(3_700_000)
    expect(tagsSent()).toEqual(['new'])
  })

  test.each([now + 2 * day, 900_000_000_000_000])(
    'a newer call wins over what waits with a later time, when the ledger is lost: %d',
    async (calledAt) => {
      await visit({ outbox: outbox({ tags: ['["old"]', calledAt, 0] }) })
      expect(tagsSent().at(-1)).toBe('changed')
      expect(tagsSent()).not.toContain('old')
    },
  )

  test.each([
    ['an entry that is null', [null, ['user_1', { email: good }, false]]],
    ['an entry that is a number', [5, ['user_1', { email: good }, false]]],
    ['an entry that is an object', [['user_1', { email: good }, false], {}]],
    [
      'an id that is no text',
      [
        [{ toString: 1 }, { email: good }],
        ['user_1', { email: good }, false],
      ],
    ],
    ['a field that is null', [['user_1', { tags: null, email: good }, false]]],
  ])('what is right beside %s is sent', async (_, unsent) => {
    await visit({ outbox: JSON.stringify({ unsent, pause: [0, 0, 0] }) })
    expect(JSON.parse(texts[0] ?? '').email).toBe('a@example.com')
  })

  test.each([true, 1, 'yes', {}, [], -1])('a mark of force that is %j counts as one, or as none', async (force) => {
    await visit({ outbox: outbox({ email: ['"a@example.com"', now - 5, force] }) })
    expect(JSON.parse(texts[0] ?? '')).toEqual({ external_id: 'user_1', email: 'a@example.com', tags: ['new'] })
  })

  test('a thousand entries of other people stay out of the way', async () => {
    const unsent = Array.from({ length: 1_000 }, (_, n) => [`person_${n}`, { email: good }, false])
    expect(await visit({ outbox: JSON.stringify({ unsent, pause: [0, 0, 0] }) })).toEqual(asNew)
    expect(tagsSent()).toEqual(['new', 'changed'])
  })

  test('what waits longer than outboxTtlMs is removed, and the rest of its contact is sent', async () => {
    await visit({
      outbox: outbox({ email: ['"old@example.com"', now - 8 * day, 0], display_name: ['"Jane"', now - 5, 0] }),
    })
    expect(JSON.parse(texts[0] ?? '')).toEqual({ external_id: 'user_1', display_name: 'Jane', tags: ['new'] })
  })
})

describe('a storage of the page that is not as it should be never makes identify reject', () => {
  const storages: [string, object][] = [
    [
      'null where there is nothing',
      {
        get: (key: string) => world.storage.get(key) ?? null,
        set: (key: string, value?: string) => world.storage.set(key, value),
      },
    ],
    ['promises', { get: async () => undefined, set: async () => {} }],
    ['a number', { get: () => 5, set: () => {} }],
    ['an object', { get: () => ({}), set: () => {} }],
    ['nothing, ever', { get: () => undefined, set: () => {} }],
    ['always another text', { get: () => `${Math.random()}`, set: () => {} }],
  ]
  test.each(storages)('%s', async (_, storage) => {
    const { orq, posts } = world.load({ storage: storage as World['storage'] })
    const outcomes = [look(orq.identify(user))]
    await world.clock.advance(30_000)
    outcomes.push(look(orq.identify({ ...user, tags: ['changed'] })))
    await world.clock.advance(30_000)
    expect(outcomes.map((outcome) => outcome())).toEqual(['delivered', 'delivered'])
    expect(posts).toHaveLength(2)
  })

  test.each(['get', 'set'])('%s throws', async (method) => {
    const storage = {
      ...world.storage,
      [method]: () => {
        throw new Error('denied')
      },
    }
    const { orq } = world.load({ storage })
    const outcome = look(orq.identify(user))
    await expect(world.clock.advance(30_000)).resolves.toBeUndefined()
    expect(outcome()).not.toMatch(/open|rejected$/)
  })
})
