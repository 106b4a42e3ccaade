import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hash } from '../../src/core/hash.ts'
import { playSchedules, scheduled } from '../schedules.ts'
import { createBrowser } from './browser.ts'
import { type CallAnything, ledgerKey, look, outboxKey, sealed } from './look.ts'

const { navigator: navigatorBefore } = globalThis
const rejections: unknown[] = []
const onRejection = (error: unknown): void => void rejections.push(error)
beforeEach(() => {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => {})
  rejections.length = 0
  process.on('unhandledRejection', onRejection)
})
afterEach(() => {
  process.off('unhandledRejection', onRejection)
  vi.restoreAllMocks()
  Reflect.deleteProperty(globalThis, 'document')
})
afterAll(() => Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore }))

const now = 1_800_000_000_000
const anything = fc.jsonValue({ maxDepth: 3 })
const names = ['email', 'tags', 'metadata', 'external_id', 'constructor', '__proto__', 'toString', 'nope', '']
const time = fc.oneof(
  fc.constantFrom<unknown>(0, now - 5, now, now + 1e9, 9e14, 999_999_999_999_999, 1e15, 1e300, -1, 0.5, now + 0.5),
  anything,
)
/** Of our form in most parts, and of any in the others. */
const mostly = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 5, arbitrary }, { weight: 1, arbitrary: anything })
const dictionary = (keys: readonly string[], value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 4 })
    // By its text: a key `__proto__` is one of its own then.
    .map((entries) =>
      JSON.parse(
        `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item) ?? 'null'}`).join()}}`,
      ),
    )

const answer = fc.record({
  status: fc.constantFrom(200, 201, 202, 301, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503),
  retryAfter: fc.constantFrom(undefined, '1', '1e999', '-5', 'soon', '99999999999', 'Fri, 01 Jan 2100 00:00:00 GMT'),
  body: fc.oneof(
    anything,
    fc.record(
      {
        status: mostly(fc.constantFrom('delivered', 'accepted')),
        code: mostly(
          fc.constantFrom(
            'bad_json',
            'token_expired',
            'scope_mismatch',
            'field_forbidden',
            'origin_forbidden',
            'not_found',
            'superseded',
            'invalid_field',
            'rate_limited',
            'internal',
            'body_timeout',
          ),
        ),
        path: mostly(fc.constantFrom(...names)),
        number: time,
      },
      { requiredKeys: [] },
    ),
  ),
})

const ids = ['ann', 'bob', '__proto__', '']
const waiting = mostly(
  fc.tuple(
    mostly(fc.constantFrom('"a@example.com"', '["x"]', '{"a":1}', '"ann"', 'null', 'no json', '"')),
    time,
    mostly(fc.constantFrom(0, 1)),
  ),
)
const ledger = mostly(
  fc.record(
    {
      id: mostly(fc.constant('id')),
      salt: mostly(fc.constant('salt')),
      session: mostly(fc.constantFrom('', 'session')),
      last: time,
      seen: mostly(
        dictionary(
          ids.map((id) => hash('salt', id)).concat('__proto__', 'x'),
          mostly(dictionary(names, mostly(fc.tuple(mostly(fc.constant('')), time, time)))),
        ),
      ),
    },
    { requiredKeys: ['id', 'salt', 'session', 'last'] },
  ),
)
const outbox = mostly(
  fc.record({
    unsent: mostly(
      fc.array(
        mostly(fc.tuple(mostly(fc.constantFrom(...ids)), mostly(dictionary(names, waiting)), mostly(fc.boolean()))),
        {
          maxLength: 3,
        },
      ),
    ),
    pause: mostly(fc.tuple(time, time, time)),
  }),
)

const play = async (
  stored: [unknown, unknown],
  answers: { status: number; retryAfter?: string | undefined; body: unknown }[],
) => {
  let given = 0
  let requests = 0
  let isRight = false
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init)
    // More than any back-off makes: a loop, which would never end.
    if (++requests > 2_000) return new Promise(() => {})
    const id = JSON.parse(await request.text()).external_id
    if (isRight) return new Response(JSON.stringify({ external_id: id, status: 'delivered' }))
    const { status, retryAfter, body } = answers[given++ % answers.length]!
    return new Response(JSON.stringify(body), { status, headers: retryAfter ? { 'retry-after': retryAfter } : {} })
  }
  const browser = createBrowser({ fetch })
  const { clock, storage } = browser
  browser.state.session = 'ann'
  storage.values.set(ledgerKey, sealed(JSON.stringify(stored[0])))
  storage.values.set(outboxKey, sealed(JSON.stringify(stored[1])))

  const calls: (() => string)[] = []
  const { orq } = browser.open()
  const identify = orq.identify as CallAnything
  for (const call of [{ email: 'a@example.com' }, { tags: ['x'] }, { email: 'b@example.com', metadata: { a: 1 } }]) {
    calls.push(look(identify({ externalId: 'ann', ...call })))
    await clock.advance(3_000)
  }
  await clock.advance(12_000)
  for (const outcome of calls) expect(outcome()).toMatch(/^(delivered|accepted|duplicate|pending|dropped)/)
  expect(requests).toBeLessThan(60)

  // Whatever was ordered is over in an hour.
  isRight = true
  await clock.advance(3_700_000)
  const again = look(identify({ externalId: 'ann', displayName: 'Ann' }))
  await clock.advance(12_000)
  expect(again()).toBe('delivered')
  const next = look(browser.open().orq.identify({ externalId: 'ann', displayName: 'Ann B.' }))
  await clock.advance(12_000)
  expect(next()).toBe('delivered')
  const lock = vi.fn(async () => {})
  navigator.locks.request('any', { signal: new AbortController().signal }, lock)
  await clock.advance(1_000)
  expect(lock).toHaveBeenCalledOnce()
  expect(rejections.splice(0)).toEqual([])
}

test(
  'any JSON as the proxy’s answers: every call settles, none rejects, no lock is kept, and later calls are delivered',
  scheduled,
  () =>
    playSchedules(
      'Any answer',
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 4 }), (answers) => play([{}, {}], answers)),
      100,
    ),
)

test(
  'any JSON as the stored values: every call settles, none rejects, no lock is kept, and later calls are delivered',
  scheduled,
  () =>
    playSchedules(
      'Any stored value',
      fc.asyncProperty(ledger, outbox, (...stored) => play(stored, [{ status: 200, body: { status: 'delivered' } }])),
      100,
    ),
)
