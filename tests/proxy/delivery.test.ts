import { describe, expect, test } from 'vitest'
import type { Store } from '../../src/server.ts'
import { memory } from '../../src/server.ts'
import { client, contact, createWorld, reply, requestFor, trusting, type World } from './harness.ts'

const email = (value: string) => ({ external_id: 'u1', email: value })
const update = (world: World, number: number, body: object, suffix = '') =>
  world.post(body, { 'orq-update-id': `${client}.${number}${suffix}` })
const bodies = (world: World): unknown[] => world.calls.map(({ body }) => body)

describe('an update', () => {
  test('reaches upstream as it is, and the answer gives what upstream gave', async () => {
    const world = createWorld()
    const { status, body } = await world.post(contact)
    expect({ status, body }).toEqual({
      status: 200,
      body: { external_id: 'u1', status: 'delivered', _id: 'contact_1', updated: '2026-10-21' },
    })
    expect(bodies(world)).toEqual([contact])
  })

  test.each([
    '',
    '<html>UPSTREAM-CANARY',
    '[]',
    'null',
    '{"_id":1,"updated":{"a":"CANARY"}}',
    { _id: `CANARY${'x'.repeat(200)}`, updated: 'CANARY'.repeat(20) },
    { email: 'CANARY', error: 'CANARY' },
  ])('is delivered whatever the body of a 200 says, and none of it comes back: %j', async (text) => {
    const { status, body } = await createWorld({ replies: [reply(200, text)] }).post()
    expect({ status, body }).toEqual({ status: 200, body: { external_id: 'u1', status: 'delivered' } })
  })

  test('that changes nothing is delivered without a call', async () => {
    const world = createWorld()
    await world.post(contact)
    const { status, body } = await world.post(Object.fromEntries(Object.entries(contact).reverse()))
    expect({ status, body }).toEqual({ status: 200, body: { external_id: 'u1', status: 'delivered' } })
    expect(world.calls).toHaveLength(1)
  })

  test('of the id alone creates the contact once', async () => {
    const world = createWorld()
    await world.post({ external_id: 'u1' })
    await world.post({ external_id: 'u1' })
    expect(bodies(world)).toEqual([{ external_id: 'u1' }])
  })

  test('A, then B, then A again ends at A', async () => {
    const world = createWorld()
    for (const value of ['a@b.c', 'b@b.c', 'a@b.c']) await world.post(email(value))
    expect(bodies(world)).toEqual([email('a@b.c'), email('b@b.c'), email('a@b.c')])
  })
})

describe('the number', () => {
  test('lower than the stored one is superseded, with that number, and writes nothing', async () => {
    const world = createWorld()
    await update(world, 7, email('a@b.c'))
    const { status, body } = await update(world, 6, email('b@b.c'))
    expect({ status, body }).toEqual({ status: 409, body: { code: 'superseded', number: 7 } })
    await update(world, 7, email('a@b.c'))
    expect(bodies(world)).toEqual([email('a@b.c')])
  })

  test('that is equal is a retry and passes', async () => {
    const world = createWorld({ replies: [reply(503)] })
    expect((await update(world, 7, email('a@b.c'))).status).toBe(503)
    expect((await update(world, 7, email('a@b.c'))).status).toBe(200)
    expect(world.calls).toHaveLength(2)
  })

  test('of another client or another contact does not count', async () => {
    const world = createWorld({ verify: (token) => ({ subject: token.slice(6) }) })
    const post = (external_id: string, id: string) =>
      world.post({ external_id, tags: [id] }, { authorization: `Bearer token-${external_id}`, 'orq-update-id': id })
    expect((await post('u1', `${client}.7`)).status).toBe(200)
    expect((await post('u1', 'other-client-0123.1')).status).toBe(200)
    expect((await post('u2', `${client}.1`)).status).toBe(200)
    expect((await post('u1', `${client}.1`)).status).toBe(409)
  })

  test('of an update that changed nothing is remembered too', async () => {
    const world = createWorld()
    await update(world, 1, email('a@b.c'))
    await update(world, 5, email('a@b.c'))
    expect((await update(world, 4, email('b@b.c'))).status).toBe(409)
  })

  test('is not asked for where there is none', async () => {
    const world = createWorld()
    await update(world, 7, email('a@b.c'))
    expect((await world.post(email('b@b.c'))).status).toBe(200)
  })
})

describe('force', () => {
  test('writes what is known, and is never superseded', async () => {
    const world = createWorld()
    await update(world, 7, email('a@b.c'))
    expect((await update(world, 8, email('a@b.c'), '.force')).status).toBe(200)
    expect((await update(world, 3, email('a@b.c'), '.force')).status).toBe(200)
    expect(bodies(world)).toEqual([email('a@b.c'), email('a@b.c'), email('a@b.c')])
    expect((await update(world, 7, email('b@b.c'))).body).toMatchObject({ code: 'superseded', number: 8 })
  })
})

describe('the store', () => {
  test('that fails is store_unavailable, with Retry-After', async () => {
    const store: Store = {
      ...memory(),
      put: async () => {
        throw new Error('disk full at /var/CANARY')
      },
    }
    const world = createWorld({ store })
    const { status, body, headers } = await world.post()
    expect({ status, body }).toEqual({ status: 503, body: { code: 'store_unavailable' } })
    expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(world.calls).toEqual([])
  })

  test('that keeps its promise over a power cut lets the answer be accepted after 2 s', async () => {
    const durable = createWorld({ ...trusting, store: { ...memory(), isDurable: true }, replies: ['hang'] })
    let answer: Awaited<ReturnType<typeof durable.post>> | undefined
    const posted = durable.post().then((value) => {
      answer = value
    })
    await durable.clock.advance(1_999)
    expect(answer).toBeUndefined()
    await durable.clock.advance(1)
    await posted
    expect(answer).toMatchObject({ status: 202, body: { external_id: 'u1', status: 'accepted' } })
    await durable.proxy.close()
  })
})

test('waitUntil lasts until the call has ended, and so has the one for what came meanwhile', async () => {
  let answerFirst = (_: Response): void => {}
  const first = new Promise<Response>((resolve) => {
    answerFirst = resolve
  })
  const world = createWorld({ ...trusting, replies: [() => first] })
  const work: Promise<unknown>[] = []
  const send = (body: object, waitUntil?: (one: Promise<unknown>) => void) =>
    world.proxy.fetch(requestFor(body), { waitUntil })
  const answered = send(email('a@b.c'), (one) => work.push(one))
  await expect.poll(() => world.calls.length).toBe(1)
  const joined = send({ external_id: 'u1', tags: ['b'] })
  await expect.poll(() => world.puts.length).toBe(2)
  answerFirst(reply(200, '{}'))
  expect((await answered).status).toBe(200)
  // What ends may have begun more: it has told so by then.
  for (let n = 0; n < work.length; n++) await work[n]
  expect(bodies(world)).toEqual([email('a@b.c'), expect.objectContaining({ tags: ['b'] })])
  expect(work.length).toBeGreaterThan(1)
  expect((await joined).status).toBe(200)
})
