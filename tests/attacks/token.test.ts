import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { secret } from '../faults/machine.ts'
import { goodClaims, goodHeader, signRaw } from '../proxy/harness.ts'
import { pipeline, statusesIn } from './socket.ts'
import { body, good, head, path, startTarget, type Target, tokenWith } from './target.ts'

const expectInvalid = async (target: Target, token: string): Promise<void> => {
  const { status, text, headers } = await target.post(body, { authorization: `Bearer ${token}` })
  expect({ status, text, challenge: headers.get('www-authenticate') }).toEqual({
    status: 401,
    text: '{"code":"token_invalid"}',
    challenge: 'Bearer',
  })
}

/** A port that counts who connects. */
const setTrap = async (): Promise<{ url: string; count(): number }> => {
  let count = 0
  const server = createServer((socket) => {
    count++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, count: () => count }
}

test('J10 a token of 1 MB is refused with the head that holds it', async () => {
  const target = await startTarget()
  const bytes = good().replace(/Bearer .*\r\n/, `Bearer ${tokenWith({ pad: 'x'.repeat(750_000) })}\r\n`)
  expect(statusesIn(await target.send(bytes))).toEqual([431])
  target.expectUntouched()
})

test('J15 a kid that is a path, a query, a prototype or 10 kB long is refused and nowhere printed', async () => {
  const target = await startTarget()
  for (const kid of [
    '../../etc/passwd',
    "' OR 1=1",
    '__proto__',
    'constructor',
    'x\r\ny\u001b[31m',
    'k'.repeat(10_000),
  ])
    await expectInvalid(target, tokenWith({}, { kid }))
  await expect.poll(() => target.proxy.output()).toContain('"code":"token_invalid"')
  expect(target.proxy.output()).not.toMatch(/passwd|1=1|__proto__|constructor|\[31m|kkk/)
  target.expectUntouched()
})

test('J16 a header that names a key elsewhere or an extension is refused, and nobody is asked for a key', async () => {
  const target = await startTarget()
  const trap = await setTrap()
  const now = Math.floor(Date.now() / 1000)
  const payload = JSON.stringify({ ...goodClaims, iat: now, exp: now + 60 })
  const others = {
    jku: `${trap.url}/keys`,
    x5u: `${trap.url}/cert`,
    iss: trap.url,
    jwk: { kty: 'oct', k: Buffer.from('another-secret-0123456789-0123456789').toString('base64url') },
    x5c: ['AAAA'],
    crit: ['b64'],
    b64: false,
    zip: 'DEF',
    p2c: 1e9,
  }
  for (const [name, value] of Object.entries(others)) {
    const header = JSON.stringify({ ...goodHeader, [name]: value })
    await expectInvalid(target, signRaw(header, payload, secret))
    await expectInvalid(target, signRaw(header, payload, 'another-secret-0123456789-0123456789'))
  }
  // The same payload under a plain header is good: it was the header that was refused.
  const plain = signRaw(JSON.stringify(goodHeader), payload, secret)
  expect((await target.post(body, { authorization: `Bearer ${plain}` })).status).toBe(200)
  expect(trap.count()).toBe(0)
})

describe('J21 a token that stands elsewhere counts as missing and is not printed', () => {
  const token = tokenWith()
  const bare = (lines: string[], text = body, requestLine?: string): string =>
    head([...lines, `Content-Length: ${text.length}`, 'Connection: close'], requestLine).replace(
      /Authorization: .*\r\n/,
      '',
    ) + text

  test.each([
    ['in the query', bare([], body, `POST ${path}?token=${token}&access_token=${token} HTTP/1.1`)],
    ['in a cookie', bare([`Cookie: token=${token}; authorization=Bearer ${token}`])],
    ['in the body', bare([], JSON.stringify({ external_id: 'u1', token, access_token: token }))],
    ['in another header', bare([`X-Authorization: Bearer ${token}`, `Proxy-Authorization: Bearer ${token}`])],
  ])('%s', async (_, bytes) => {
    const target = await startTarget()
    const answer = await target.send(bytes)
    expect(statusesIn(answer)).toEqual([401])
    expect(answer).toContain('{"code":"token_missing"}')
    expect(answer + target.proxy.output()).not.toContain(token)
    target.expectUntouched()
  })
})

test('J22 of two Authorization headers none counts', async () => {
  const target = await startTarget()
  const answer = await target.send(good([`Authorization: Bearer ${tokenWith({ sub: 'u2' })}`]))
  expect(statusesIn(answer)).toEqual([401])
  target.expectUntouched()
})

test('J24 a token that is replayed a thousand times is taken up to the limit, and changes nothing after the first', async () => {
  const target = await startTarget({ env: { ORQ_SUBJECT_LIMIT: '60' } })
  const begin = performance.now()
  expect((await target.post()).status).toBe(200)
  const request = head([`Content-Length: ${body.length}`]) + body
  const statuses = await pipeline(target.port, Array(999).fill(request))
  const taken = statuses.filter((status) => status === 200).length
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  // One more each second.
  expect(taken).toBeLessThanOrEqual(60 + (performance.now() - begin) / 1_000)
  expect(taken).toBeGreaterThanOrEqual(59)
  expect(target.upstream.log()).toEqual([`POST /v2/contacts ${body}`])
  expect(target.rows()).toBe(1)
})
