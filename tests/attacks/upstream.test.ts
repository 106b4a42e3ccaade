import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { apiKey } from '../faults/machine.ts'
import { contact } from '../proxy/harness.ts'
import { type Reply, startUpstream } from '../upstream/server.ts'
import { statusesIn } from './socket.ts'
import { body, good, head, startTarget, tokenWith } from './target.ts'

const as = (who: string): [string, Record<string, string>] => [
  JSON.stringify({ ...contact, external_id: who }),
  { authorization: `Bearer ${tokenWith({ sub: who })}` },
]

test('S19 the contacts API gets our six headers, whatever the client sends', async () => {
  const target = await startTarget()
  const answer = await target.send(
    good([
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil.example',
      'Forwarded: for=6.6.6.6',
      'Connection: x-secret',
      'X-Secret: CANARY',
      'Proxy-Authorization: Basic CANARY',
      'X-Api-Key: CANARY',
      'Cookie: session=CANARY',
      'Accept: text/CANARY',
      'Accept-Encoding: gzip',
      'User-Agent: CANARY',
      'TE: trailers',
      'Idempotency-Key: CANARY',
    ]),
  )
  expect(statusesIn(answer)).toEqual([200])
  expect(target.upstream.received.map(({ headers }) => headers)).toEqual([
    {
      accept: 'application/json',
      authorization: `Bearer ${apiKey}`,
      connection: 'keep-alive',
      'content-length': String(body.length),
      'content-type': 'application/json',
      host: new URL(target.upstream.url).host,
    },
  ])
})

test('S20 a redirect is not followed: its target gets no key, and three of them count as being turned away', async () => {
  const evil = await startUpstream()
  const target = await startTarget()
  for (const [i, status] of [301, 302, 307].entries()) {
    target.upstream.replies.push({ status, headers: { location: `${evil.url}/v2/contacts` } })
    expect((await target.post(...as(`u${i}`))).status).toBe(202)
  }
  await expect.poll(target.proxy.output).toMatch(/turns updates away.*ORQ_API_KEY/)
  expect(evil.received).toEqual([])
  expect(target.upstream.received).toHaveLength(3)
})

describe('S21 of an answer without sense the status decides', () => {
  const delivered = { status: 200, text: '{"external_id":"u1","status":"delivered"}' }

  test.each<[string, string]>([
    ['HTML', '<!doctype html><script>alert(1)</script>'],
    ['JSON that is none', '{"_id":'],
    ['nothing', ''],
    ['a list', '[]'],
    ['an id of another kind', '{"_id":{"a":1},"updated":5}'],
  ])('%s', async (_, text) => {
    const target = await startTarget()
    target.upstream.replies.push({ status: 200, body: text })
    expect(await target.post()).toMatchObject(delivered)
  })

  test('of 1 GB 64 kB are read, and the rest is cut off', async () => {
    const target = await startTarget()
    let closed: Promise<unknown> | undefined
    let poured = 0
    target.upstream.replies.push((response: ServerResponse) => {
      closed = once(response, 'close')
      response.writeHead(200, { 'content-length': 1e9 })
      const pour = (): void => {
        do poured += 65_536
        while (poured < 1e9 && !response.destroyed && response.write(Buffer.alloc(65_536, 120)))
      }
      response.on('drain', pour)
      pour()
    })
    expect(await target.post()).toMatchObject(delivered)
    await closed
    // What the buffers of two sockets hold.
    expect(poured).toBeLessThan(50e6)
  })
})

describe('S22 neither key nor token secret, a word of upstream or a field is in any answer or line', () => {
  const leak = { error: 'UPSTREAM-CANARY', key: apiKey, message: `Bearer ${apiKey}` }
  const headers = { 'x-leak': 'UPSTREAM-CANARY', 'retry-after': 'UPSTREAM-CANARY', 'www-authenticate': apiKey }

  test.each<[string, Reply]>([
    ...[200, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503].map((status): [string, Reply] => [
      String(status),
      { status, body: leak, headers },
    ]),
    ['200 of text', { status: 200, body: `UPSTREAM-CANARY ${apiKey}` }],
    ['a lost connection', (response) => response.destroy()],
  ])('when upstream answers %s', async (_, reply) => {
    const target = await startTarget()
    target.upstream.replies.push(...Array(20).fill(reply))
    const answers = [await target.post(...as('u1')), await target.post(...as('u1')), await target.post(...as('u2'))]
    for (const { status } of answers) expect([200, 202]).toContain(status)
    expect(target.upstream.received.length).toBeGreaterThan(0)
    expect(JSON.stringify(answers.map((answer) => [answer.text, ...answer.headers]))).not.toContain('CANARY')
    for (const page of ['livez', 'readyz', 'metrics'])
      expect(await (await fetch(`${target.proxy.adminUrl}/${page}`)).text()).not.toContain('CANARY')
    expect(target.proxy.output()).not.toContain('CANARY')
  })

  test('when the request is wrong', async () => {
    const target = await startTarget()
    const wrong = [
      '{"external_id":"CANARY"}',
      '{"external_id":"u1","email":"CANARY"}',
      '{"external_id":"u1","CANARY',
      '{"external_id":"u1","metadata":{"CANARY":"\\u0000"}}',
    ]
    for (const text of wrong) {
      const answer = await target.post(text)
      expect([400, 403, 422]).toContain(answer.status)
      expect(answer.text).not.toContain('CANARY')
    }
    const parsers = [good(['X-CANARY : 1']), `${head(['Content-Length: CANARY'])}`, 'CANARY\r\n\r\n']
    for (const bytes of parsers) expect(await target.send(bytes)).not.toContain('CANARY')
    expect(target.proxy.output()).not.toContain('CANARY')
    target.expectUntouched()
  })
})
