import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { createLog } from '../../src/node/log.ts'
import { fakeClock } from '../clock.ts'
import { heavy } from '../is-all.ts'
import { startUpstream } from '../upstream/server.ts'
import { runProxy } from './running-proxy.ts'

const turnedAway = { status: 401 }

test('every line of its output is JSON with level, time, event and message', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url, { env: { ORQ_LOG_LEVEL: 'debug' } })
  await proxy.post({ external_id: 'user_1' })
  expect(await proxy.stop()).toBe(0)
  expect(proxy.lines().map(({ event }) => event)).toEqual(['started', 'called', 'answered', 'stopping', 'stopped'])
  for (const line of proxy.lines())
    expect(line).toMatchObject({
      level: expect.stringMatching(/^(debug|info|warn|error)$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: expect.any(String),
    })
})

test('the start tells where it listens and the settings in force, and no secret', async () => {
  const proxy = await runProxy('http://127.0.0.1:9', { flags: ['--subject-limit', '7'] })
  const [started] = proxy.lines('started')
  expect(started).toMatchObject({
    level: 'info',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    settings: { ORQ_SUBJECT_LIMIT: '7', ORQ_ADDRESS_LIMIT: '60', ORQ_STORE: 'sqlite:orq.db', ORQ_LOG_LEVEL: 'info' },
  })
  expect(Object.keys(started?.['settings'] ?? {})).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/API_KEY|SECRET/)]),
  )
  expect(proxy.output()).not.toContain('CANARY')
})

test('a store that takes updates and records no delivery is told by what it was asked, and counted', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url)
  const file = new DatabaseSync(join(proxy.folder, 'orq.db'), { timeout: 5_000 })
  file.exec(`CREATE TRIGGER refuse BEFORE UPDATE ON contacts WHEN NEW.payload IS NULL
    BEGIN SELECT RAISE(ABORT, 'user_1'); END`)
  file.close()
  expect((await proxy.post({ external_id: 'user_1' })).status).toBe(200)
  await expect.poll(() => proxy.lines('store_failed')).toHaveLength(1)
  expect(proxy.lines('store_failed')[0]).toMatchObject({ level: 'error', why: 'done', msg: expect.any(String) })
  const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text()
  expect(metrics).toContain('orq_store_failures_total{operation="done"} 1')
  expect(proxy.output() + metrics).not.toContain('user_1')
})

test('a request is no line at level info', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1' })
  await proxy.stop()
  expect(proxy.lines().map(({ event }) => event)).toEqual(['started', 'stopping', 'stopped'])
})

test('a person is named by the key of the row in the store, which says nothing without the file', async () => {
  const upstream = await startUpstream({ status: 422 }, { status: 422 }, { status: 422 }, { status: 422 })
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1', email: 'a@b.c' })
  await expect.poll(() => proxy.lines('parked')).toHaveLength(1)
  const [{ subject, fields, reason, level } = {}] = proxy.lines('parked')
  await proxy.stop()
  const database = new DatabaseSync(join(proxy.folder, 'orq.db'), { readOnly: true })
  const row = database.prepare('SELECT lower(hex(key)) AS key FROM contacts').get()
  database.close()
  expect(row).toEqual({ key: subject })
  expect([fields, reason, level]).toEqual([['email', 'external_id'], '422 refused', 'warn'])
  expect(proxy.output()).not.toContain('user_1')
})

test('a pause is one warning, and its end one line', async () => {
  const upstream = await startUpstream()
  upstream.isDown = true
  const proxy = await runProxy(upstream.url)
  for (let i = 0; i < 5; i++) await proxy.post({ external_id: `user_${i}` })
  await expect.poll(() => proxy.lines('paused')).toHaveLength(1)
  upstream.isDown = false
  await expect.poll(() => proxy.lines('resumed')).toHaveLength(1)
  expect(proxy.lines('paused')).toMatchObject([{ level: 'warn', why: 'failing', ms: expect.any(Number) }])
})

test('upstream that nobody reaches is an alarm each minute, one that is only down is none', () => {
  const lines: Record<string, unknown>[] = []
  let now = 0
  const log = createLog({
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
    clock: { monotonic: () => now },
  })
  const call = (trouble?: 'dns' | 'tls' | 'network' | 'timeout'): void =>
    log.onEvent({ type: 'call', result: 'retry', status: undefined, trouble, ms: 1, externalId: 'user_1' })
  for (const trouble of ['network', 'timeout', 'dns', 'dns', 'tls'] as const) call(trouble)
  expect(lines).toMatchObject([
    { level: 'error', event: 'unreachable', why: 'dns' },
    { level: 'error', event: 'unreachable', why: 'tls' },
  ])
  now = 60_000
  call('dns')
  expect(lines[2]).toMatchObject({ event: 'unreachable', why: 'dns', unlogged: 1 })
  expect(JSON.stringify(lines)).not.toContain('user_1')
})

test('three contacts turned away are one alarm that names what to look at', async () => {
  const upstream = await startUpstream(...Array(9).fill(turnedAway))
  const proxy = await runProxy(upstream.url)
  for (let i = 0; i < 5; i++) await proxy.post({ external_id: `user_${i}` })
  await expect
    .poll(() => proxy.lines('paused'))
    .toMatchObject([
      {
        level: 'error',
        why: 'blocked',
        msg: expect.stringMatching(/ORQ_API_KEY, ORQ_SERVER_URL and ORQ_UPSTREAM_PATH/),
      },
    ])
})

test('of tokens that are refused the first of each kind is a line', async () => {
  const proxy = await runProxy('http://127.0.0.1:9')
  for (let i = 0; i < 4; i++) await proxy.post('{}', { authorization: 'Bearer bad' })
  for (let i = 0; i < 4; i++) await proxy.post('{}', { authorization: null })
  await proxy.stop()
  expect(proxy.lines('token_refused').map(({ code }) => code)).toEqual(['token_invalid', 'token_missing'])
})

test('a reader that is stuck holds up no request, and not the end', heavy, async () => {
  const proxy = await runProxy('http://127.0.0.1:9', { env: { ORQ_LOG_LEVEL: 'debug' } })
  proxy.stopReading()
  // A line each, of 120 bytes: more than a pipe and what waits before it can hold.
  for (let i = 0; i < 14_000; i += 50)
    await Promise.all(Array.from({ length: 50 }, async () => (await fetch(`${proxy.url}/x`)).text()))
  expect(await proxy.metric('orq_answers_total{code="not_found",status="404"}')).toBe(14_000)
  void proxy.stop()
  expect(await proxy.exited).toBe(0)
})

test('a level that does not exist stops the start', async () => {
  await expect(runProxy('http://127.0.0.1:9', { env: { ORQ_LOG_LEVEL: 'loud' } })).rejects.toThrow(
    /ended with 2: ORQ_LOG_LEVEL: "loud" is no level; give one of debug, info, warn, error, silent\n$/,
  )
})

describe('a log', () => {
  const setUp = (options: Parameters<typeof createLog>[0] = {}) => {
    const lines: Record<string, unknown>[] = []
    const clock = fakeClock()
    const log = createLog({ clock, destination: { write: (line) => void lines.push(JSON.parse(line)) }, ...options })
    return { log, lines, clock }
  }

  test('says a minute later how many of a kind it left out', async () => {
    const { log, lines, clock } = setUp()
    for (let i = 0; i < 5; i++) log.onEvent({ type: 'refused', code: 'token_expired' })
    await clock.advance(60_000)
    for (let i = 0; i < 5; i++) log.onEvent({ type: 'refused', code: 'token_expired' })
    expect(lines.map(({ unlogged }) => unlogged)).toEqual([undefined, 4])
  })

  test('without a store’s key hashes a person with a key of its own, the same all the time', () => {
    const of = (externalId: string, { log, lines } = setUp({ level: 'debug' })): unknown => {
      log.onEvent({ type: 'call', result: 'done', status: 200, ms: 1, externalId })
      return lines.at(-1)?.['subject']
    }
    const one = setUp({ level: 'debug' })
    expect(of('user_1', one)).toMatch(/^[0-9a-f]{32}$/)
    expect(of('user_1', one)).toBe(of('user_1', one))
    expect(of('user_1', one)).not.toBe(of('user_2', one))
    expect(of('user_1')).not.toBe(of('user_1'))
    expect(of('user_1')).not.toBe(createHmac('sha256', '').update('user_1').digest('hex').slice(0, 32))
  })

  test('names nobody while the store cannot tell its key', () => {
    const { log, lines } = setUp({ pseudonym: () => undefined })
    log.onEvent({ type: 'parked', externalId: 'user_1', fields: ['email'], reason: '422 refused' })
    expect(lines).toMatchObject([{ event: 'parked', fields: ['email'] }])
    expect(JSON.stringify(lines)).not.toContain('user_1')
  })
})
