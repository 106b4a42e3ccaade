// @module-tag heavy
import { readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Fields } from '../../src/core/contact.ts'
import { mintToken } from '../../src/server.ts'
import { listQueue, runQueue } from '../node/run-queue.ts'
import { startUpstream } from '../upstream/server.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

const secret = 'secret-of-the-queue-tests-0123456789'
const tokenFor = (who: string): Promise<string> => mintToken({ subject: who, expiresIn: '5m' }, { secret })

/** A running proxy whose upstream answers as told. */
const setUp = async () => {
  const upstream = await startUpstream()
  const machine = createMachine(await startRecorder())
  const proxy = await machine.start({ env: { ORQ_SERVER_URL: upstream.url, ORQ_TOKEN_SECRET: secret } })
  const send = async (who: string, fields: Fields, token?: string): Promise<[status: number, code: unknown]> => {
    const answer = await fetch(`${proxy.url}/orq/v2/contacts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token ?? (await tokenFor(who))}`, 'content-type': 'application/json' },
      body: JSON.stringify({ external_id: who, ...fields }),
    })
    const { code } = (await answer.json()) as { code?: string }
    return [answer.status, code]
  }
  const { folder } = machine
  const queue = (...args: string[]) => runQueue(folder, args)
  /** Sends an update and waits until upstream holds its request open. */
  const sendAndHold = async (who: string, fields: Fields): Promise<ServerResponse> => {
    const held = new Promise<ServerResponse>((resolve) => upstream.replies.push(resolve))
    void send(who, fields)
    return held
  }
  const onDisk = (): string =>
    readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'latin1'))
      .join()
  return { upstream, folder, send, sendAndHold, queue, onDisk }
}

/** Everything that was put off by less has been tried by then, and the store polled again. */
const afterBackOffs = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2_500))

test('retry sends at once what waits for an hour, while the proxy runs', async () => {
  const { upstream, folder, send, queue } = await setUp()
  upstream.replies.push({ status: 500, headers: { 'retry-after': '3600' } })
  expect(await send('u1', { email: 'a@b.c' })).toEqual([202, undefined])
  const waiting = { state: 'backoff', attempts: 1, reason: '500 retry', fields: ['email'] }
  // The answer comes before that is recorded.
  await expect.poll(() => listQueue(folder)).toMatchObject([waiting])
  const [entry] = await listQueue(folder)
  expect(await queue('retry', entry?.id ?? '')).toMatchObject({ status: 0, out: /is due now/ })
  await expect.poll(() => upstream.received.length).toBe(2)
  await expect.poll(() => listQueue(folder)).toEqual([])
})

test('retry sends what upstream refused, once upstream takes it', async () => {
  const { upstream, folder, send, queue } = await setUp()
  upstream.replies.push({ status: 422 }, { status: 404 }) // POST, then PATCH of nobody
  expect(await send('u1', { email: 'a@b.c' })).toEqual([202, undefined])
  await expect.poll(() => listQueue(folder)).toMatchObject([{ state: 'parked', parked: { email: '422 refused' } }])
  const [entry] = await listQueue(folder)
  await queue('retry', entry?.id.slice(0, 8) ?? '')
  await expect.poll(() => upstream.log().at(-1)).toBe('POST /v2/contacts {"external_id":"u1","email":"a@b.c"}')
  await expect.poll(() => listQueue(folder)).toEqual([])
})

test('F34: purged while its update is in flight: nothing further is sent, and its tokens of before are refused', async () => {
  const { upstream, folder, send, sendAndHold, queue } = await setUp()
  const old = await tokenFor('u1')
  const held = await sendAndHold('u1', { email: 'a@b.c' })
  // Joined to the one in flight: it would follow.
  const late = send('u1', { tags: ['x'] })
  await expect.poll(() => listQueue(folder)).toMatchObject([{ state: 'leased', fields: ['email', 'tags'] }])
  expect(await queue('purge', 'u1')).toMatchObject({ status: 0, err: '' })
  held.writeHead(500).end()
  await late
  expect(await send('u1', { email: 'a@b.c' }, old)).toEqual([403, 'token_revoked'])
  // Of this moment, and still older than 30 s from the purge.
  expect(await send('u1', { email: 'a@b.c' })).toEqual([403, 'token_revoked'])
  expect(await send('u2', {})).toEqual([200, undefined])
  await afterBackOffs()
  expect(upstream.received.map(({ json }) => json['external_id'])).toEqual(['u1', 'u2'])
  expect(await listQueue(folder)).toEqual([])
})

test.each(['purge', 'drop'])(
  'F34: a %s between a POST that was answered 409 and its PATCH: the PATCH is not sent',
  async (command) => {
    const { upstream, folder, send, sendAndHold, queue } = await setUp()
    const held = await sendAndHold('u1', { email: 'a@b.c' })
    const [entry] = await listQueue(folder)
    const args = command === 'purge' ? ['u1'] : [entry?.id ?? '', '--yes']
    expect(await queue(command, ...args)).toMatchObject({ status: 0, err: '' })
    held.writeHead(409).end()
    expect(await send('u2', {})).toEqual([200, undefined])
    await afterBackOffs()
    expect(upstream.log()).toEqual([
      'POST /v2/contacts {"external_id":"u1","email":"a@b.c"}',
      'POST /v2/contacts {"external_id":"u2"}',
    ])
    expect(await listQueue(folder)).toEqual([])
  },
)

test('dropped while its update is in flight: nothing further is sent until the next update, which has all of its own', async () => {
  const { upstream, folder, send, sendAndHold, queue } = await setUp()
  const held = await sendAndHold('u1', { email: 'a@b.c' })
  const [entry] = await listQueue(folder)
  expect(await queue('drop', entry?.id ?? '', '--yes')).toMatchObject({ status: 0 })
  held.writeHead(500).end()
  await afterBackOffs()
  expect(upstream.received).toHaveLength(1)
  expect(await send('u1', { email: 'a@b.c' })).toEqual([200, undefined])
  expect(upstream.received).toHaveLength(2)
})

test.each(['drop', 'purge'])(
  '%s leaves no value in the files of a proxy that has nothing to write',
  async (command) => {
    const { upstream, folder, send, queue, onDisk } = await setUp()
    upstream.replies.push({ status: 422 }, { status: 404 }) // POST, then PATCH of nobody
    await send('id-CANARY', { email: 'CANARY@b.c' })
    await expect.poll(() => listQueue(folder)).toMatchObject([{ state: 'parked' }])
    // The proxy has emptied its log: it writes no more by itself.
    await expect.poll(() => readFileSync(join(folder, 'orq.db-wal')).length).toBe(0)
    expect(onDisk()).toContain('CANARY')
    const [entry] = await listQueue(folder)
    const args = command === 'drop' ? ['drop', entry?.id ?? '', '--yes'] : ['purge', 'id-CANARY']
    const { status, out } = await queue(...args)
    expect(status).toBe(0)
    expect(out).not.toContain('CANARY')
    expect(onDisk()).not.toContain('CANARY')
  },
)
