import { describe, expect, test } from 'vitest'
import { APIError, createContacts, type RetryConfig } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { type Reply, startUpstream } from './server.ts'

const contact = { external_id: 'u1', email: 'ada@example.com' }
const lost: Reply = (response) => void response.destroy()
const backoff = { strategy: 'backoff' } as const

/** Creates against a server with these answers, with time passing as fast as it is waited for. */
const run = async (replies: Reply[], retries?: RetryConfig, perCall?: RetryConfig) => {
  const upstream = await startUpstream(...replies)
  const clock = fakeClock()
  const instant = {
    ...clock,
    after: (ms: number, task: () => void) => {
      const cancel = clock.after(ms, task)
      queueMicrotask(() => clock.advance(ms))
      return cancel
    },
  }
  const contacts = createContacts({ apiKey: 'key', serverUrl: upstream.url, retries, clock: instant })
  const result = await contacts.create(contact, perCall && { retries: perCall }).then(
    () => 'done',
    (error) => (error instanceof APIError ? error.statusCode : 'lost'),
  )
  return { result, calls: upstream.received.length, waits: clock.waits }
}

describe('retries', () => {
  test('are none where nobody asked for them', async () => {
    expect(await run([{ status: 503 }])).toMatchObject({ result: 503, calls: 1, waits: [] })
    expect(await run([lost])).toMatchObject({ result: 'lost', calls: 1 })
  })

  test.each([429, 500, 502, 503, 504])('repeat %i with growing waits until it passes', async (status) => {
    const { result, calls, waits } = await run([{ status }, { status }], backoff)
    expect({ result, calls, waits: waits.length }).toEqual({ result: 'done', calls: 3, waits: 2 })
    expect(waits[0]).toBeGreaterThanOrEqual(400)
    expect(waits[0]).toBeLessThanOrEqual(600)
    expect(waits[1]).toBeGreaterThanOrEqual(600)
    expect(waits[1]).toBeLessThanOrEqual(900)
  })

  test.each([401, 403, 404, 408, 413, 501, 302])('do not repeat %i', async (status) => {
    expect(await run([{ status }], backoff)).toMatchObject({ result: status, calls: 1 })
  })

  test('do not repeat what is refused', async () =>
    expect(await run([{ status: 422 }, { status: 422 }], backoff)).toMatchObject({ result: 422, calls: 2 }))

  test('repeat a lost connection, at which upstream may have taken the contact: an upsert bears it', async () =>
    expect(await run([lost, lost], backoff)).toMatchObject({ result: 'done', calls: 3 }))

  test('leave a lost connection alone where retryConnectionErrors is false, and nothing else', async () => {
    const config = { ...backoff, retryConnectionErrors: false }
    expect(await run([lost], config)).toMatchObject({ result: 'lost', calls: 1 })
    expect(await run([{ status: 503 }], config)).toMatchObject({ result: 'done', calls: 2 })
  })

  test('use the numbers of backoff', async () => {
    const { waits } = await run(
      [500, 500, 500, 500].map((status) => ({ status })),
      { backoff: { initialInterval: 10, maxInterval: 30, exponent: 2 } },
    )
    for (const [i, ms] of [10, 20, 30, 30].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(0.8 * ms)
      expect(waits[i]).toBeLessThanOrEqual(1.2 * ms)
    }
  })

  test('end with the last answer when maxElapsedTime has passed', async () => {
    const { result, calls } = await run(Array(9).fill({ status: 500 }), {
      backoff: { initialInterval: 1_000, exponent: 1, maxElapsedTime: 2_500 },
    })
    expect(result).toBe(500)
    expect(calls).toBeGreaterThanOrEqual(4)
    expect(calls).toBeLessThanOrEqual(5)
  })

  test.each([
    ['seconds', '7', 7_000],
    ['an HTTP date', new Date(1_800_000_009_000).toUTCString(), 9_000],
    ['more than an hour', '999999', 3_600_000],
  ])('wait as long as Retry-After says: %s', async (_, header, ms) => {
    expect((await run([{ status: 429, headers: { 'retry-after': header } }], backoff)).waits).toEqual([ms])
  })

  test('of a call go before those of the whole', async () => {
    expect(await run([{ status: 500 }], backoff, { strategy: 'none' })).toMatchObject({ result: 500, calls: 1 })
    expect(await run([{ status: 500 }], { strategy: 'none' }, backoff)).toMatchObject({ result: 'done', calls: 2 })
  })
})

describe('the abort signal', () => {
  test('ends a request', async () => {
    const aborter = new AbortController()
    const upstream = await startUpstream(() => aborter.abort(new Error('enough')))
    const contacts = createContacts({ apiKey: 'key', serverUrl: upstream.url, retries: backoff })
    await expect(contacts.create(contact, { signal: aborter.signal })).rejects.toThrow('enough')
    expect(upstream.received).toHaveLength(1)
  })

  test('ends a wait and leaves no timer', async () => {
    const aborter = new AbortController()
    const clock = fakeClock()
    const upstream = await startUpstream({ status: 503, headers: { 'retry-after': '60' } })
    const contacts = createContacts({ apiKey: 'key', serverUrl: upstream.url, retries: backoff, clock })
    const created = contacts.create(contact, { signal: aborter.signal })
    await expect.poll(() => clock.timers()).toBe(1)
    aborter.abort(new Error('enough'))
    await expect(created).rejects.toThrow('enough')
    expect(clock.timers()).toBe(0)
    expect(upstream.received).toHaveLength(1)
  })

  test('that came before the call sends nothing', async () => {
    const upstream = await startUpstream()
    const contacts = createContacts({ apiKey: 'key', serverUrl: upstream.url, retries: backoff })
    await expect(contacts.create(contact, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    expect(upstream.received).toEqual([])
  })

  test('that comes with the answer is not slept over', async () => {
    const aborter = new AbortController()
    const clock = fakeClock()
    const fetch = async (): Promise<Response> => {
      queueMicrotask(() => aborter.abort(new Error('enough')))
      return new Response('', { status: 503 })
    }
    const contacts = createContacts({ apiKey: 'key', fetch, retries: backoff, clock })
    await expect(contacts.create(contact, { signal: aborter.signal })).rejects.toThrow('enough')
    expect(clock.timers()).toBe(0)
  })
})
