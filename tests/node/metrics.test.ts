import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/core/ports.ts'
import { createMetrics } from '../../src/node/metrics.ts'
import { serve, sqlite } from '../../src/node.ts'
import { startUpstream } from '../upstream/server.ts'
import { runProxy, temporaryFolder } from './running-proxy.ts'

const id = (number: number): Record<string, string> => ({ 'orq-update-id': `client-0123456789.${number}` })

test('updates are counted by what the store said, requests by their answer', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1', email: 'a@b.c' }, id(5))
  // Its delivery is recorded a little later; from then on it is known to be upstream.
  await expect.poll(() => proxy.metric('orq_pending_contacts')).toBe(0)
  await proxy.post({ external_id: 'user_1', email: 'a@b.c' }, id(6))
  await proxy.post({ external_id: 'user_1', email: 'a@b.c' }, id(1))
  await proxy.post('{')
  const count = (labels: string) => proxy.metric(`orq_answers_total{${labels}}`)
  expect(await proxy.metric('orq_updates_total{result="stored"}')).toBe(1)
  expect(await proxy.metric('orq_updates_total{result="unchanged"}')).toBe(1)
  expect(await proxy.metric('orq_updates_total{result="superseded"}')).toBe(1)
  expect(await proxy.metric('orq_updates_total{result="failed"}')).toBe(0)
  expect(await proxy.metric('orq_deliveries_total')).toBe(1)
  expect(await count('code="delivered",status="200"')).toBe(2)
  expect(await count('code="superseded",status="409"')).toBe(1)
  expect(await count('code="bad_json",status="400"')).toBe(1)
})

test('what waits is told with its number and age, until it is delivered', async () => {
  const upstream = await startUpstream()
  upstream.isDown = true
  const proxy = await runProxy(upstream.url)
  expect((await proxy.post({ external_id: 'user_1' })).status).toBe(202)
  expect(await proxy.metric('orq_answers_total{code="accepted",status="202"}')).toBe(1)
  expect(await proxy.metric('orq_pending_contacts')).toBe(1)
  expect(await proxy.metric('orq_oldest_pending_age_seconds')).toBeGreaterThan(0)
  upstream.isDown = false
  await expect.poll(() => proxy.metric('orq_pending_contacts')).toBe(0)
  expect(await proxy.metric('orq_oldest_pending_age_seconds')).toBe(0)
  expect(await proxy.metric('orq_deliveries_total')).toBe(1)
  // The first attempt was at once, the second half a second later or more.
  expect(await proxy.metric('orq_delivery_seconds_sum')).toBeGreaterThan(0.3)
})

test('what upstream refuses for good is told as parked, until a later value is taken', async () => {
  const upstream = await startUpstream(...Array(4).fill({ status: 422 }))
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1', email: 'a@b.c' })
  await expect.poll(() => proxy.metric('orq_parked_contacts')).toBe(1)
  expect(await proxy.metric('orq_parked_total')).toBe(1)
  expect(await proxy.metric('orq_upstream_calls_total{result="refused"}')).toBe(1)
  upstream.replies.length = 0
  await proxy.post({ external_id: 'user_1', email: 'b@b.c' })
  await expect.poll(() => proxy.metric('orq_parked_contacts')).toBe(0)
})

test('commits and calls to upstream are timed', async () => {
  const upstream = await startUpstream((response) => setTimeout(() => response.end('{}'), 300))
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1' })
  expect(await proxy.metric('orq_commit_seconds_count')).toBe(1)
  expect(await proxy.metric('orq_commit_seconds_sum')).toBeGreaterThan(0)
  await expect.poll(() => proxy.metric('orq_upstream_seconds_count')).toBe(1)
  expect(await proxy.metric('orq_upstream_seconds_sum')).toBeGreaterThan(0.29)
  expect(await proxy.metric('orq_upstream_seconds_bucket{le="0.25"}')).toBe(0)
})

test('refused tokens are counted by code, exceeded limits by whose', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url, { env: { ORQ_SUBJECT_LIMIT: '1', ORQ_ADDRESS_LIMIT: '2' } })
  await proxy.post('{}', { authorization: null })
  for (let i = 0; i < 3; i++) await proxy.post('{}', { authorization: 'Bearer bad' })
  for (let i = 0; i < 3; i++) await proxy.post({ external_id: 'user_1' })
  expect(await proxy.metric('orq_token_failures_total{code="token_missing"}')).toBe(1)
  expect(await proxy.metric('orq_token_failures_total{code="token_invalid"}')).toBe(3)
  expect(await proxy.metric('orq_token_failures_total{code="token_expired"}')).toBe(0)
  expect(await proxy.metric('orq_rate_limited_total{by="address"}')).toBe(2)
  expect(await proxy.metric('orq_rate_limited_total{by="subject"}')).toBe(2)
})

test('a pause is told with its reason, and no more once a call has passed', async () => {
  const upstream = await startUpstream({ status: 429, headers: { 'retry-after': '1' } })
  upstream.isDown = true
  const proxy = await runProxy(upstream.url)
  const paused = (why: string) => proxy.metric(`orq_dispatcher_paused{why="${why}"}`)
  await proxy.post({ external_id: 'user_1' })
  expect(await paused('retry_after')).toBe(1)
  expect(await paused('blocked')).toBe(0)
  upstream.isDown = false
  await expect.poll(() => paused('retry_after')).toBe(0)
  upstream.replies.push(...Array(3).fill({ status: 403 }))
  for (let i = 0; i < 3; i++) await proxy.post({ external_id: `user_${i}`, email: 'a@b.c' })
  expect([await paused('retry_after'), await paused('failing'), await paused('blocked')]).toEqual([0, 0, 1])
})

test('the size of the file and of its log is told, and what waits while another process holds the file', async () => {
  const upstream = await startUpstream()
  const proxy = await runProxy(upstream.url)
  await proxy.post({ external_id: 'user_1' })
  const path = join(proxy.folder, 'orq.db')
  await expect.poll(() => proxy.metric('orq_pending_contacts')).toBe(0)
  await expect.poll(() => proxy.metric('orq_store_bytes{file="log"}')).toBe(0)
  expect(await proxy.metric('orq_store_bytes{file="database"}')).toBe(statSync(path).size)
  expect(await proxy.metric('orq_store_up')).toBe(1)
  const other = new DatabaseSync(path, { timeout: 5_000 })
  other.exec('BEGIN IMMEDIATE')
  // Counting reads, and waits for nobody who writes.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  expect(await proxy.metric('orq_pending_contacts')).toBe(0)
  other.exec('COMMIT')
  other.close()
})

test('while the store cannot be asked that is told, and no old count', async () => {
  const store = sqlite({ path: join(temporaryFolder(), 'orq.db') })
  const metrics = createMetrics({ store, clock: systemClock })
  expect((await metrics.render()).text).toMatch(/^orq_store_up 1$/m)
  await store.close()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const { text } = await metrics.render()
  expect(text).toMatch(/^orq_store_up 0$/m)
  expect(text).not.toMatch(/^orq_pending_contacts /m)
  expect(text).toMatch(/^orq_updates_total\{result="stored"\} 0$/m)
})

test('the process itself is measured, and everything has a help line in the format of Prometheus', async () => {
  const proxy = await runProxy('http://127.0.0.1:9')
  const answer = await fetch(`${proxy.adminUrl}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
  const named = [...text.matchAll(/^(orq_\w+?)(_bucket|_sum|_count)?(\{.*\})? /gm)].map(([, name]) => name)
  const helped = [...text.matchAll(/^# HELP (\w+) .{10,}$/gm)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !helped.includes(name as string))).toEqual([])
})

test('metrics are no part of the public port', async () => {
  const proxy = await runProxy('http://127.0.0.1:9')
  expect((await fetch(`${proxy.url}/metrics`)).status).toBe(404)
  expect((await fetch(`${proxy.url}/orq/metrics`)).status).toBe(404)
})

test('two servers of one process count for themselves', async () => {
  const upstream = await startUpstream()
  const start = async () => {
    const server = await serve({
      verify: (token) => ({ subject: token }),
      upstream: { apiKey: 'key', serverUrl: upstream.url },
      store: sqlite({ path: join(temporaryFolder(), 'orq.db') }),
      host: '127.0.0.1',
      port: 0,
      adminPort: 0,
    })
    return server
  }
  const [one, two] = [await start(), await start()]
  try {
    await fetch(`${one.url}/orq/v2/contacts`, {
      method: 'POST',
      headers: { authorization: 'Bearer u1', 'content-type': 'application/json' },
      body: '{"external_id":"u1"}',
    })
    const text = async ({ adminUrl }: { adminUrl: string }) => (await fetch(`${adminUrl}/metrics`)).text()
    expect(await text(one)).toContain('orq_updates_total{result="stored"} 1')
    expect(await text(two)).toContain('orq_updates_total{result="stored"} 0')
  } finally {
    await Promise.all([one.close(), two.close()])
  }
})
