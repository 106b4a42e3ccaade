import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { type Reply, startUpstream } from '../upstream/server.ts'
import { apiKey, type RunningProxy, runProxy, secret, temporaryFolder, tokenFor } from './running-proxy.ts'

/** Personal data in every field that can hold some, and an id that is a person's address. */
const contact = {
  external_id: 'id-CANARY@example.com',
  display_name: 'CANARY Lovelace',
  email: 'CANARY@example.com',
  avatar_url: 'https://example.com/CANARY.png',
  tags: ['tag-CANARY'],
  metadata: { CANARY: { plan: 'CANARY' } },
}

/** An upstream that gives back all it was given, its headers too, as careless error pages do. */
const echo =
  (status: number, headers: Record<string, string> = {}): Reply =>
  (response, { headers: given, body }) => {
    response.writeHead(status, { 'x-echo': String(given.authorization), ...headers })
    response.end(
      JSON.stringify({ message: `${body} ${given.authorization}`, _id: 'CANARY@example.com', updated: 'CANARY' }),
    )
  }

interface Seen {
  proxy: RunningProxy
  answers: string[]
  tokens: string[]
}

/** What must appear nowhere: the canaries, and every token that was used, in whole or by its signature. */
const expectNowhere = ({ proxy, answers, tokens }: Seen, where: string): void => {
  for (const text of ['CANARY', secret, apiKey, ...tokens.flatMap((token) => [token, token.split('.')[2] as string])])
    expect(
      where
        .split(text)
        .slice(1)
        .map((after) => `${text.slice(0, 12)}${after.slice(0, 80)}`),
    ).toEqual([])
  expect(answers.length + proxy.lines().length).toBeGreaterThan(0)
}

const setUp = async (replies: Reply[] = [], env: Record<string, string> = {}) => {
  const upstream = await startUpstream(...replies)
  const proxy = await runProxy(upstream.url, { env: { ORQ_LOG_LEVEL: 'debug', ...env } })
  const seen: Seen = { proxy, answers: [], tokens: [] }
  /** Sends with a token of the contact, and keeps all of the answer but what it must hold: the id that was asked for. */
  const send = async (body: unknown, headers: Record<string, string> = {}, token?: string): Promise<number> => {
    const good = token ?? (await tokenFor(contact.external_id))
    seen.tokens.push(good)
    const {
      status,
      text,
      headers: given,
    } = await proxy.post(typeof body === 'string' ? body : JSON.stringify(body), {
      authorization: `Bearer ${good}`,
      ...headers,
    })
    const named = `"external_id":"${contact.external_id}"`
    seen.answers.push(`${text.replace(named, '')}\n${[...given].join('\n')}`)
    return status
  }
  const check = async (): Promise<void> => {
    const admin = await Promise.all(
      ['/livez', '/readyz', '/metrics', '/CANARY'].map(async (path) => (await fetch(proxy.adminUrl + path)).text()),
    )
    expectNowhere(seen, seen.answers.join('\n'))
    expectNowhere(seen, admin.join('\n'))
    expect(await proxy.stop()).toBe(0)
    expectNowhere(seen, proxy.output())
  }
  return { upstream, proxy, send, check, seen }
}

test('what is delivered is in no answer, log or metric, and a moment later in no file of the store', async () => {
  const { upstream, proxy, send, check } = await setUp()
  expect(await send(contact, { 'orq-update-id': 'client-0123456789.1' })).toBe(200)
  expect(await send({ ...contact, email: 'second-CANARY@example.com' })).toBe(200)
  expect(upstream.log().join()).toContain('second-CANARY@example.com')
  await expect.poll(() => proxy.stored()).not.toContain('CANARY')
  await check()
  expect(proxy.stored()).not.toContain('CANARY')
})

test('what waits while upstream is down is in the file alone, and in no file once it is delivered', async () => {
  const { upstream, proxy, send, check } = await setUp(Array(3).fill(echo(500)))
  expect(await send(contact)).toBe(202)
  expect(proxy.stored()).toContain('CANARY@example.com')
  await expect.poll(() => upstream.received.length).toBeGreaterThan(3)
  await expect.poll(() => proxy.stored()).not.toContain('CANARY')
  await check()
})

test('an upstream that echoes what it was given, in every kind of answer, is heard by nobody', async () => {
  const statuses = [200, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503]
  for (const status of statuses) {
    const headers: Record<string, string> = { location: `http://127.0.0.1:9/?CANARY=${apiKey}` }
    const { upstream, send, check } = await setUp(Array(12).fill(echo(status, headers)))
    const answered = await send(contact)
    expect([status, answered]).toEqual([status, status === 200 ? 200 : 202])
    expect(upstream.received.length).toBeGreaterThan(0)
    await check()
  }
}, 120_000)

test('what upstream refuses is kept, and gone from the file once other values have taken its place', async () => {
  const { upstream, proxy, send, check } = await setUp(Array(20).fill(echo(422)))
  expect(await send(contact)).toBe(202)
  await expect.poll(() => proxy.lines('parked')).toHaveLength(1)
  expect(proxy.stored()).toContain('CANARY@example.com')
  upstream.replies.length = 0
  expect(await send({ ...contact, metadata: {} })).toBe(200)
  await expect.poll(() => proxy.stored()).not.toContain('CANARY')
  await check()
})

test('requests that are refused say nothing of what they held', async () => {
  const { upstream, send, check } = await setUp([], { ORQ_ADDRESS_LIMIT: '0' })
  const limited = await tokenFor(contact.external_id, { fields: ['tags'], origin: 'https://app.example' })
  const { external_id } = contact
  expect(await send(`{"external_id":"${external_id}","email":"CANARY@`)).toBe(400)
  expect(await send(`\ufeff${JSON.stringify(contact)}`)).toBe(400)
  expect(await send(contact, { 'orq-update-id': 'CANARY' })).toBe(400)
  expect(await send(contact, {}, `${await tokenFor('x')}CANARY`)).toBe(401)
  expect(await send(contact, {}, 'CANARY.CANARY.CANARY')).toBe(401)
  expect(await send(contact, {}, await tokenFor('other-CANARY'))).toBe(403)
  expect(await send(contact, { origin: 'https://CANARY.example' })).toBe(403)
  expect(await send(contact, {}, limited)).toBe(403)
  expect(await send({ ...contact, display_name: 'CANARY'.repeat(10_000) })).toBe(413)
  expect(await send(contact, { 'content-type': 'text/CANARY' })).toBe(415)
  expect(await send({ external_id, email: 'CANARY' })).toBe(422)
  expect(await send({ external_id, avatar_url: 'javascript:CANARY' })).toBe(422)
  expect(await send({ external_id, tags: ['CANARY', 1] })).toBe(422)
  expect(await send({ external_id, metadata: { plan: 'CANARY\u0000' } })).toBe(422)
  expect(await send({ external_id, nickname: 'CANARY' })).toBe(422)
  expect(upstream.received).toEqual([])
  await check()
})

test('a limit that is reached names nobody', async () => {
  const { send, check } = await setUp([], { ORQ_SUBJECT_LIMIT: '1' })
  await send(contact)
  expect(await send(contact)).toBe(429)
  await check()
})

test('a file that is held, and a start that fails, print no data and no secret', async () => {
  const { proxy, send, check } = await setUp()
  const other = new DatabaseSync(`${proxy.folder}/orq.db`, { timeout: 5_000 })
  other.exec('BEGIN IMMEDIATE')
  expect(await send(contact)).toBe(503)
  other.exec('ROLLBACK')
  other.close()
  await check()
  const flags = ['--server-url', `http://user:${apiKey}@api.example/?CANARY`]
  const failure = await runProxy('', { flags }).catch((error: Error) => error.message)
  expect(failure).toMatch(/ended with 2: ORQ_SERVER_URL: /)
  expect(String(failure)).not.toContain('CANARY')
})

test('a defect that nobody caught ends the process with status 1, told by name and place', async () => {
  const folder = temporaryFolder()
  const bomb = join(folder, 'bomb.mjs')
  writeFileSync(
    bomb,
    `import { existsSync } from 'node:fs'
    const timer = setInterval(() => {
      if (!existsSync('explode')) return
      clearInterval(timer)
      Promise.reject(new RangeError('CANARY\\n    at CANARY'))
    }, 20)`,
  )
  const proxy = await runProxy('http://127.0.0.1:9', { folder, env: { NODE_OPTIONS: `--import=${bomb}` } })
  writeFileSync(join(folder, 'explode'), '')
  expect(await proxy.ended).toBe(1)
  expect(proxy.lines('crashed')).toMatchObject([
    { level: 'error', where: expect.stringMatching(/^RangeError at .*bomb/) },
  ])
  expect(proxy.output()).not.toContain('CANARY')
})
