import { describe, expect, test } from 'vitest'
import { contact, createWorld, expectRefused, requestFor, trusting } from './harness.ts'

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(text, encoding))
const withField = (field: string): string => `{"external_id":"u1",${field}}`
const nested = (levels: number): string => '{"a":'.repeat(levels) + 1 + '}'.repeat(levels)
const bodyOf = (size: number): string => {
  const empty = JSON.stringify({ external_id: 'u1', metadata: { a: '' } })
  return empty.replace('""', `"${'x'.repeat(size - empty.length)}"`)
}

describe('S13: the content type', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'APPLICATION/JSON; Charset="utf-8"',
  ])('%s is taken', async (type) => {
    expect((await createWorld().post(undefined, { 'content-type': type })).status).toBe(200)
  })

  test.each([
    '',
    'text/plain',
    'text/plain;charset=UTF-8',
    'text/json',
    'application/jsonx',
    'application/ld+json',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json, text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ])('%j is refused', async (type) => {
    const world = createWorld()
    expectRefused(world, await world.post(undefined, { 'content-type': type }), 'unsupported_media_type')
  })

  test.each(['gzip', 'br', 'deflate', 'identity, gzip', 'x'])('the encoding %s is refused', async (encoding) => {
    const world = createWorld()
    expectRefused(world, await world.post(undefined, { 'content-encoding': encoding }), 'unsupported_media_type')
  })
})

describe('S11: the characters', () => {
  test.each<[string, Uint8Array, string]>([
    ['invalid UTF-8', bytes('7b22ff227d', 'hex'), 'bad_utf8'],
    ['a cut character', bytes(`${withField('"display_name":"').slice(0, -1)}\u20ac`).slice(0, -1), 'bad_utf8'],
    ['an encoded surrogate', bytes('22eda08022', 'hex'), 'bad_utf8'],
    ['UTF-16 with a BOM', bytes(`\ufeff${withField('"tags":[]')}`, 'utf16le'), 'bad_utf8'],
    ['UTF-16 without one', bytes(withField('"tags":[]'), 'utf16le'), 'bad_json'],
    ['a BOM', bytes(`\ufeff${withField('"tags":[]')}`), 'bad_utf8'],
  ])('%s is refused', async (_, body, code) => {
    const world = createWorld()
    expectRefused(world, await world.post(body), code as 'bad_utf8')
  })
})

describe('S12: what is no JSON', () => {
  test.each([
    '',
    ' ',
    '{',
    '{}x',
    '{"external_id":"u1"}{}',
    '{"a":NaN}',
    '{/**/}',
    "{'a':1}",
    '[1,]',
    'undefined',
    '\0',
  ])('%j is bad_json', async (body) => {
    const world = createWorld()
    expectRefused(world, await world.post(body), 'bad_json')
  })

  test.each(['null', '[]', '"x"', '1', 'true'])('%s is no object', async (body) => {
    const world = createWorld()
    expectRefused(world, await world.post(body), 'invalid_field', { path: '' })
  })
})

describe('a field that is wrong is named, and its value is not', () => {
  test.each([
    ['S2', '{"email":"a@b.c"}', 'external_id'],
    ['S3', '{"external_id":1}', 'external_id'],
    ['S3', '{"external_id":["u1"]}', 'external_id'],
    ['S3', '{"external_id":null}', 'external_id'],
    ['S3', '{"external_id":{"a":"u1"}}', 'external_id'],
    ['S6', withField('"id":"CANARY"'), 'id'],
    ['S6', withField('"created":"CANARY"'), 'created'],
    ['S6', withField('"workspace_id":"CANARY"'), 'workspace_id'],
    ['S6', withField('"role":"CANARY"'), 'role'],
    ['S7', withField('"__proto__":{"polluted":1}'), '__proto__'],
    ['S7', withField('"constructor":{"prototype":{"polluted":1}}'), 'constructor'],
    ['S7', withField('"metadata":{"__proto__":{"polluted":1}}'), 'metadata'],
    ['S7', withField('"metadata":{"a":[{"prototype":1}]}'), 'metadata'],
    ['S8', withField(`"metadata":${nested(17)}`), 'metadata'],
    ['S8', withField(`"metadata":${nested(5_000)}`), 'metadata'],
    ['S8', withField(`"metadata":{"${'k'.repeat(129)}":1}`), 'metadata'],
    ['S8', withField(`"metadata":${JSON.stringify({ ...Array(101).fill('CANARY') })}`), 'metadata'],
    ['S9', withField(`"tags":${JSON.stringify(Array(51).fill('CANARY'))}`), 'tags'],
    ['S9', withField(`"tags":["${'x'.repeat(65)}"]`), 'tags'],
    ['S9', withField('"tags":["CANARY",1]'), 'tags'],
    ['S10', withField('"display_name":"CANARY\\u0000"'), 'display_name'],
    ['S10', withField('"display_name":"CANARY\\ud800"'), 'display_name'],
    ['S10', withField('"metadata":{"\\udc00":"CANARY"}'), 'metadata'],
    ['S14', withField('"email":"CANARY@b\\r\\nBcc:x"'), 'email'],
    ['S14', withField(`"email":"${'x'.repeat(249)}@a.com"`), 'email'],
    ['S15', withField('"avatar_url":"javascript:CANARY"'), 'avatar_url'],
    ['S15', withField('"avatar_url":"data:CANARY"'), 'avatar_url'],
    ['S16', withField('"metadata":{"a":1e999}'), 'metadata'],
    ['S16', withField('"metadata":{"a":12345678901234567890}'), 'metadata'],
    ['S17', `{"external_id":"${'x'.repeat(121)}"}`, 'external_id'],
    ['S17', `{"external_id":"${'😀'.repeat(61)}"}`, 'external_id'],
    ['S17', '{"external_id":"."}', 'external_id'],
    ['S17', '{"external_id":".."}', 'external_id'],
  ])('%s: %s', async (_, body, path) => {
    const world = createWorld()
    expectRefused(world, await world.post(body), 'invalid_field', { path })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('S9: duplicate tags are removed on the way', async () => {
    const world = createWorld()
    expect((await world.post({ external_id: 'u1', tags: ['b', 'a', 'b'] })).status).toBe(200)
    expect(world.calls[0]?.body).toEqual({ external_id: 'u1', tags: ['b', 'a'] })
  })

  test.each<[string, string, object]>([
    ['S15', 'an avatar of the local network', { avatar_url: 'http://169.254.169.254/CANARY' }],
    ['S18', 'mark-up', { display_name: `CANARY<script>'; DROP TABLE {{7*7}}` }],
  ])('%s: %s passes as it is, is not fetched and does not come back', async (_, __, fields) => {
    const world = createWorld()
    const given = { ...contact, ...fields }
    expect((await world.post(given)).status).toBe(200)
    expect(world.calls.map(({ path, body }) => ({ path, body }))).toEqual([{ path: '/v2/contacts', body: given }])
  })

  test.each(['x'.repeat(120), '😀'.repeat(60)])('S17: an id of 120 UTF-16 units is taken', async (external_id) => {
    const world = createWorld({ verify: () => ({ subject: external_id }) })
    expect((await world.post({ external_id })).status).toBe(200)
    expect(world.calls[0]?.body).toEqual({ external_id })
  })
})

describe('S8: the size of the body', () => {
  const stream = (chunks: number, onCancel?: () => void): ReadableStream<Uint8Array> => {
    let sent = 0
    return new ReadableStream(
      {
        pull: (controller) => {
          if (sent++ < chunks) controller.enqueue(new Uint8Array(1_000).fill(32))
          else controller.close()
        },
        ...(onCancel && { cancel: onCancel }),
      },
      { highWaterMark: 0 },
    )
  }

  test('of 32 000 bytes is taken', async () => expect((await createWorld().post(bodyOf(32_000))).status).toBe(200))

  test.each([
    ['one byte more', bodyOf(32_001)],
    ['fewer characters but more bytes', withField(`"metadata":{"a":"${'€'.repeat(10_700)}"}`)],
  ])('%s is too large', async (_, body) => {
    const world = createWorld()
    expectRefused(world, await world.post(body), 'too_large')
  })

  test('that is only announced is refused before a byte is read', async () => {
    const world = createWorld()
    const request = requestFor('{}', { 'content-length': '32001' })
    expectRefused(world, await world.send(request), 'too_large')
    expect(request.bodyUsed).toBe(false)
  })

  test.each(['0', '5', 'abc'])('is counted, whatever Content-Length says: %s', async (length) => {
    const world = createWorld()
    expectRefused(world, await world.post(bodyOf(32_001), { 'content-length': length }), 'too_large')
  })

  test('T14: of a stream is counted while it is read, and the stream is cancelled at the limit', async () => {
    const world = createWorld()
    let isCancelled = false
    const answer = await world.post(
      stream(10_000, () => {
        isCancelled = true
      }),
    )
    expectRefused(world, answer, 'too_large')
    expect(isCancelled).toBe(true)
    expect(answer.headers.get('connection')).toBe('close')
  })

  test('T16: of a stream that does not go on for 10 s is body_timeout, and the stream is cancelled', async () => {
    const world = createWorld(trusting)
    let isCancelled = false
    const slow = new ReadableStream({
      start: (controller) => controller.enqueue(bytes('{"external')),
      cancel: () => {
        isCancelled = true
      },
    })
    let answer: Awaited<ReturnType<typeof world.post>> | undefined
    const posted = world.post(slow).then((value) => {
      answer = value
    })
    await world.clock.advance(9_999)
    expect(answer).toBeUndefined()
    await world.clock.advance(1)
    await posted
    expectRefused(world, answer as never, 'body_timeout')
    expect(isCancelled).toBe(true)
    expect(world.clock.timers()).toBe(0)
  })

  test('T12: of a stream that breaks off is bad_request', async () => {
    const world = createWorld()
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('CANARY')) })
    expectRefused(world, await world.post(broken), 'bad_request')
    expect(world.clock.timers()).toBe(0)
  })
})
