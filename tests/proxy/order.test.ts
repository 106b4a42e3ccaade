import { describe, expect, test } from 'vitest'
import type { statusOf } from '../../src/core/wire.ts'
import { client, createWorld, expectRefused, listed, requestFor, sign, url } from './harness.ts'

type Flaw = { headers?: Record<string, string | null>; body?: unknown; url?: string; method?: string }
type Code = keyof typeof statusOf

/** One flaw for each check, in the order of the checks. */
const flaws: [Code, Flaw][] = [
  ['not_found', { url: 'https://proxy.example/orq/v2/other' }],
  ['method_not_allowed', { method: 'PUT' }],
  ['origin_forbidden', { headers: { origin: 'https://other.example' } }],
  ['unsupported_media_type', { headers: { 'content-type': 'text/plain' } }],
  ['too_large', { headers: { 'content-length': '32001' } }],
  ['token_missing', { headers: { authorization: null } }],
  ['bad_request', { headers: { 'orq-update-id': 'x' } }],
  ['bad_utf8', { body: new Uint8Array([0x7b, 0xff]) }],
  ['bad_json', { body: '{' }],
  ['invalid_field', { body: '{"external_id":"u2","email":1}' }],
  ['scope_mismatch', { body: { external_id: 'u2', email: 'a@b.c' } }],
  ['field_forbidden', { headers: { authorization: `Bearer ${sign({ fields: ['tags'] })}` } }],
]

const requestWith = (list: Flaw[]): Request => {
  // Of two flaws in one place the earlier stands: it is the one that must be found.
  const all: Flaw = Object.assign({}, ...[...list].reverse())
  const headers = Object.assign({}, ...[...list].reverse().map((flaw) => flaw.headers))
  const request = requestFor(all.body ?? { external_id: 'u1', email: 'a@b.c' }, headers)
  return new Request(all.url ?? url, new Request(request, { method: all.method ?? 'POST' }))
}

test.each(flaws)('%s alone stops the request before anything is written', async (code, flaw) => {
  const world = createWorld()
  expectRefused(world, await world.send(requestWith([flaw])), code)
})

test.each(flaws.map(([code], i): [Code, number] => [code, i]))(
  '%s goes before every check that costs more',
  async (code, i) => {
    const world = createWorld()
    expectRefused(world, await world.send(requestWith(flaws.slice(i).map(([, flaw]) => flaw))), code)
  },
)

test('the update with no flaw is written', async () => {
  const world = createWorld()
  expect((await world.send(requestWith([]))).status).toBe(200)
  expect(world.puts).toHaveLength(1)
})

describe('the route', () => {
  const at = (target: string, basePath?: string) =>
    createWorld({ basePath }).send(new Request(target, requestFor({ external_id: 'u1' })))

  test.each([
    'https://proxy.example/',
    'https://proxy.example/v2/contacts',
    'https://proxy.example/orq/v2/contacts/',
    'https://proxy.example/orq/v2/contacts/u1',
    'https://proxy.example/orq//v2/contacts',
    'https://proxy.example/ORQ/v2/contacts',
    'https://proxy.example/orq/v2/%63ontacts',
    'https://proxy.example/orq/v2/contacts%2f',
    'https://proxy.example/x?/orq/v2/contacts',
  ])('%s is not found', async (target) => {
    const { status, body } = await at(target)
    expect({ status, body }).toEqual({ status: 404, body: { code: 'not_found' } })
  })

  test.each(['http://127.0.0.1:1/orq/v2/contacts', 'https://evil.example/orq/v2/contacts?x=1#y'])(
    '%s is found: the host decides nothing',
    async (target) => expect((await at(target)).status).toBe(200),
  )

  test.each([
    ['/', '/v2/contacts'],
    ['', '/v2/contacts'],
    ['/a/b/', '/a/b/v2/contacts'],
    ['orq', '/orq/v2/contacts'],
  ])('of the folder %j is %s', async (basePath, path) =>
    expect((await at(`https://proxy.example${path}`, basePath)).status).toBe(200),
  )

  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'FOO'])('takes no %s and says what it takes', async (method) => {
    const world = createWorld()
    const answer = await world.send(new Request(url, { method, headers: { origin: listed } }))
    expectRefused(world, answer, 'method_not_allowed')
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS')
  })
})

describe('Orq-Update-Id', () => {
  test.each([
    '',
    'x',
    client,
    `${client}.`,
    `${client}.1.2`,
    `${client}.1e3`,
    `${client}.-1`,
    `${client}.1.force.x`,
    `${client}.1, ${client}.2`,
  ])('%j is bad_request', async (id) => {
    const world = createWorld()
    expectRefused(world, await world.post(undefined, { 'orq-update-id': id }), 'bad_request')
  })
})
