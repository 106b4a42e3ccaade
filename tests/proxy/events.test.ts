import { expect, test } from 'vitest'
import { memory, OrqError, type ProxyEvent } from '../../src/server.ts'
import { contact, createWorld, expectRefused, reply, sign } from './harness.ts'

const setUp = (options: Parameters<typeof createWorld>[0] = {}) => {
  const events: ProxyEvent[] = []
  const world = createWorld({ onEvent: (event) => events.push(event), ...options })
  const of = (...types: ProxyEvent['type'][]) => events.filter(({ type }) => types.includes(type))
  return { world, of, events }
}

test('an update is told as stored, called and delivered, and its request as answered', async () => {
  const { world, events } = setUp()
  await world.post()
  expect(events).toEqual([
    { type: 'put', result: 'stored', ms: 0 },
    { type: 'call', result: 'done', status: 200, ms: 0, externalId: 'u1' },
    { type: 'delivered', externalId: 'u1', ms: 0 },
    { type: 'answered', status: 200, code: 'delivered', ms: 0, externalId: 'u1' },
  ])
})

test('a refused request is told by its code, and names a person only once the token was good', async () => {
  const { world, of } = setUp()
  await world.post('{', {})
  await world.post({}, { authorization: `Bearer ${sign({}, {}, 'x'.repeat(32))}` })
  await world.post({}, { authorization: null })
  expect(of('answered')).toMatchObject([
    { status: 400, code: 'bad_json', externalId: 'u1' },
    { status: 401, code: 'token_invalid', externalId: undefined },
    { status: 401, code: 'token_missing', externalId: undefined },
  ])
  expect(of('refused')).toMatchObject([{ code: 'token_invalid' }, { code: 'token_missing' }])
})

test.each([
  [
    'that a person has to fix is told with the hint',
    new OrqError('STORE_UNUSABLE', 'orq.db is gone'),
    'orq.db is gone',
  ],
  ['of the database is told without its text', new Error('UNIQUE constraint failed: jane@example.com'), undefined],
])('a failure of the store %s', async (_, error, problem) => {
  const store = { ...memory(), put: () => Promise.reject(error) }
  const { world, of } = setUp({ store })
  expect(await world.post()).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
  expect(of('put')).toEqual([{ type: 'put', result: 'failed', ms: 0, problem }])
})

test('what came of a call and could not be recorded is told by what was asked', async () => {
  const store = memory()
  const { world, of } = setUp({ store: { ...store, done: () => Promise.reject(new Error('disk')) } })
  await world.post()
  expect(of('store_failed')).toEqual([{ type: 'store_failed', operation: 'done', problem: undefined }])
})

test('what a store failed to do of itself is told, without its text', async () => {
  let fail = (_error: Error): void => {}
  const onUpkeepFailure = (listener: (error: unknown) => void): void => {
    fail = listener
  }
  const { of } = setUp({ store: { ...memory(), onUpkeepFailure } })
  fail(new Error('permission denied for jane@example.com'))
  expect(of('store_failed')).toEqual([{ type: 'store_failed', operation: 'upkeep', problem: undefined }])
})

test('a limit that is exceeded says whose', async () => {
  const { world, of } = setUp({ subjectLimit: 1 })
  await world.post()
  await world.post()
  expect(of('limited')).toEqual([{ type: 'limited', by: 'subject' }])
})

test('what fails unexpectedly is told by name and place, without its message', async () => {
  const { world, of } = setUp({
    verify: () => {
      throw new TypeError('CANARY')
    },
  })
  expect((await world.post()).status).toBe(500)
  expect(of('failed')).toEqual([{ type: 'failed', where: expect.stringMatching(/^TypeError at .*events\.test\.ts/) }])
  expect(JSON.stringify(of('failed'))).not.toContain('CANARY')
})

test('a pause that upstream asked for is told once, and ends with the first call that passes after it', async () => {
  const { world, of } = setUp()
  world.replies.push(reply(429, '', { 'retry-after': '30' }))
  await world.post()
  await world.post({ external_id: 'u1', tags: ['a'] })
  await world.clock.advance(30_000)
  expect(of('paused', 'resumed')).toEqual([{ type: 'paused', why: 'retry_after', ms: 30_000 }])
  await world.post({ external_id: 'u1', tags: ['b'] })
  expect(of('paused', 'resumed').at(-1)).toEqual({ type: 'resumed' })
})

test('no event holds a field value, a token or the key', async () => {
  const { world, events } = setUp({ replies: [reply(422), reply(422)] })
  await world.post({ ...contact, email: 'CANARY' })
  await world.post(contact)
  await world.post(contact, { authorization: 'Bearer CANARY' })
  expect(events.length).toBeGreaterThan(5)
  expect(JSON.stringify(events)).not.toContain('CANARY')
})

test('a listener that throws loses nothing', async () => {
  const world = createWorld({
    onEvent: () => {
      throw new Error('CANARY')
    },
  })
  expect((await world.post()).status).toBe(200)
  expect(world.calls).toHaveLength(1)
  const refused = createWorld({ onEvent: () => JSON.parse('{') })
  expectRefused(refused, await refused.post('{'), 'bad_json')
})
