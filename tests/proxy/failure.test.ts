import { describe, expect, test } from 'vitest'
import { type Answer, contact, createWorld, type Reply, reply, trusting, type World } from './harness.ts'

const email = (value: string) => ({ external_id: 'u1', email: value })
const bodies = (world: World): unknown[] => world.calls.map(({ method, body }) => `${method} ${JSON.stringify(body)}`)
const unavailable = { status: 503, body: { code: 'upstream_unavailable' } }
const pick = ({ status, body }: Answer): object => ({ status, body })

/** Refuses what the predicate says, as POST and as PATCH. */
const refuse =
  (isBad: (body: Record<string, unknown>) => boolean, status = 422): Reply =>
  ({ method, body }) => {
    if (method === 'PATCH') return reply(404)
    return isBad(body) ? reply(status) : reply(200, { _id: 'contact_1' })
  }

describe('upstream that fails', () => {
  test.each<[string, () => Reply]>([
    ['500', () => reply(500)],
    ['502 with HTML', () => reply(502, '<html>UPSTREAM-CANARY')],
    ['503', () => reply(503)],
    ['429', () => reply(429)],
    ['408', () => reply(408)],
    ['425', () => reply(425)],
    ['401', () => reply(401)],
    ['403', () => reply(403)],
    ['404', () => reply(404)],
    ['405', () => reply(405)],
    ['S20: 302', () => reply(302, 'UPSTREAM-CANARY', { location: 'https://evil.example/' })],
    ['no connection', () => new TypeError('fetch failed CANARY')],
    ['a broken answer', () => new Response(new ReadableStream({ pull: (c) => c.error(new Error('CANARY')) }))],
  ])('with %s is unavailable, with Retry-After, and nothing of the update stays', async (_, make) => {
    const world = createWorld({ replies: [make()] })
    const answer = await world.post(email('a@b.c'))
    expect(pick(answer)).toEqual(unavailable)
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(world.calls).toHaveLength(1)
    // Withdrawn: another update carries itself alone. Unknown since: the same one is no duplicate.
    await world.post({ external_id: 'u1', tags: [] })
    await world.post(email('a@b.c'))
    expect(world.calls.slice(1).map(({ body }) => body)).toEqual([{ external_id: 'u1', tags: [] }, email('a@b.c')])
  })

  test.each([
    ['7', '7'],
    ['0', '1'],
    ['-1', '1'],
    ['999999', '3600'],
    ['soon', '1'],
    [new Date(1_800_000_020_000).toUTCString(), '20'],
  ])('with Retry-After %s has the page wait %s s', async (given, expected) => {
    const world = createWorld({ replies: [reply(429, '', { 'retry-after': given })] })
    expect((await world.post()).headers.get('retry-after')).toBe(expected)
  })

  test('after a value that it has, then fails with another, takes the first one again', async () => {
    const world = createWorld()
    await world.post(email('a@b.c'))
    world.replies.push(reply(500))
    expect((await world.post(email('b@b.c'))).status).toBe(503)
    expect((await world.post(email('a@b.c'))).status).toBe(200)
    expect(world.calls).toHaveLength(3)
  })

  test('and hangs is aborted after 8 s, and what was on the wire is withdrawn', async () => {
    const world = createWorld({ ...trusting, replies: ['hang'] })
    let answer: Answer | undefined
    const posted = world.post(email('a@b.c')).then((value) => {
      answer = value
    })
    await world.clock.advance(7_999)
    expect(answer).toBeUndefined()
    await world.clock.advance(1)
    await posted
    expect(pick(answer as Answer)).toEqual(unavailable)
    expect(world.calls[0]?.signal.aborted).toBe(true)
    expect(world.clock.timers()).toBe(0)
    await world.post({ external_id: 'u1', tags: [] })
    expect(world.calls[1]?.body).toEqual({ external_id: 'u1', tags: [] })
  })

  test('and hangs with one update holds up the next of the same contact no longer than that', async () => {
    const world = createWorld({ ...trusting, replies: ['hang'] })
    const first = world.post(email('a@b.c'))
    await world.clock.advance(1_000)
    const second = world.post({ external_id: 'u1', tags: ['x'] })
    await world.clock.advance(7_000)
    expect((await first).status).toBe(503)
    expect((await second).status).toBe(200)
    expect(world.calls[1]?.body).toEqual({ external_id: 'u1', tags: ['x'] })
  })
})

describe('upstream that refuses a field', () => {
  test.each([400, 422])('with %i: the other fields are delivered, and the answer names that one', async (status) => {
    const rule = refuse((body) => 'email' in body, status)
    const world = createWorld({ replies: Array(20).fill(rule) })
    const answer = await world.post(contact)
    expect(pick(answer)).toEqual({
      status: 422,
      body: expect.objectContaining({ code: 'invalid_field', path: 'email' }),
    })
    const posts = world.calls.filter(({ method }) => method === 'POST').map(({ body }) => body)
    expect(posts).toHaveLength(6)
    for (const field of ['display_name', 'avatar_url', 'tags', 'metadata'] as const)
      expect(posts).toContainEqual({ external_id: 'u1', [field]: contact[field] })
    const { email: _, ...rest } = contact
    const count = world.calls.length
    expect((await world.post(rest)).status).toBe(200)
    expect(world.calls).toHaveLength(count)
    expect((await world.post(email('a@b.c'))).status).toBe(422)
  })

  test('as too large for it, 413: the same', async () => {
    const world = createWorld({ replies: Array(20).fill(refuse((body) => 'metadata' in body, 413)) })
    expect(pick(await world.post(contact))).toMatchObject({ status: 422, body: { path: 'metadata' } })
  })

  test('only together with another one: each alone is delivered', async () => {
    const rule = refuse((body) => 'email' in body && 'tags' in body)
    const world = createWorld({ replies: Array(20).fill(rule) })
    expect(pick(await world.post(contact))).toEqual({ status: 200, body: { external_id: 'u1', status: 'delivered' } })
  })

  test('and there is no other one: nothing is known to be upstream then, not even the id', async () => {
    const world = createWorld({ replies: Array(4).fill(refuse((body) => 'email' in body)) })
    expect(pick(await world.post(email('a@b.c')))).toMatchObject({ status: 422, body: { path: 'email' } })
    world.calls.length = world.replies.length = 0
    expect((await world.post({ external_id: 'u1' })).status).toBe(200)
    expect(bodies(world)).toEqual(['POST {"external_id":"u1"}'])
  })

  test('and it is the id: the answer names it, and it is asked again each time', async () => {
    const world = createWorld({ replies: Array(20).fill(refuse(() => true)) })
    for (const _ of [1, 2])
      expect(pick(await world.post({ external_id: 'u1' }))).toMatchObject({
        status: 422,
        body: { code: 'invalid_field', path: 'external_id' },
      })
    expect(world.calls.length).toBeGreaterThan(2)
  })

  test('and then fails: nothing is accepted, and its Retry-After is told', async () => {
    const world = createWorld({
      replies: [reply(422), reply(404), reply(200, {}), reply(429, '', { 'retry-after': '9' })],
    })
    const answer = await world.post({ external_id: 'u1', email: 'a@b.c', tags: ['x'] })
    expect(pick(answer)).toEqual(unavailable)
    expect(answer.headers.get('retry-after')).toBe('9')
    // It asked everybody to wait, so the next one is not even tried until then.
    await world.clock.advance(9_000)
    await world.post(email('a@b.c'))
    expect(world.calls.at(-1)?.body).toEqual(email('a@b.c'))
  })
})

describe('PATCH', () => {
  test('delivers what POST says it cannot, without the id in the body', async () => {
    const world = createWorld({ replies: [reply(409)] })
    expect((await world.post(email('a@b.c'))).status).toBe(200)
    expect(bodies(world)).toEqual(['POST {"external_id":"u1","email":"a@b.c"}', 'PATCH {"email":"a@b.c"}'])
  })

  test('that finds nobody after a conflict is tried again by the page', async () => {
    const world = createWorld({ replies: [reply(409), reply(404)] })
    expect(pick(await world.post(email('a@b.c')))).toEqual(unavailable)
  })
})
