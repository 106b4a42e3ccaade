import { afterEach, expect, test } from 'vitest'
import { createEventStream, type EventStream } from '../../src/dev/event-stream.ts'
import { type Listening, listen } from '../../src/node/listen.ts'

let server: Listening
let events: EventStream
const start = async (maxStreams: number): Promise<void> => {
  events = createEventStream({ maxStreams })
  const handler = () => events.open('hello', {}) ?? new Response(null, { status: 503 })
  server = await listen({ fetch: handler, host: '127.0.0.1', port: 0 })
}
afterEach(async () => {
  events.close()
  await server.close(0)
})

test('no more than the given number of streams is open, and one that its peer left makes room', async () => {
  await start(1)
  const leaving = new AbortController()
  expect((await fetch(server.url, { signal: leaving.signal })).status).toBe(200)
  expect((await fetch(server.url)).status).toBe(503)
  leaving.abort()
  await expect.poll(async () => (await fetch(server.url)).status).toBe(200)
})

test('a stream whose peer does not read is ended instead of collecting events', async () => {
  await start(2)
  const body = events.open('hello', {})?.body
  for (let n = 0; n < 1_000; n++) events.send('n', n)
  let chunks = 0
  for await (const _ of body ?? []) chunks++
  expect(chunks).toBeLessThan(200)
})

test('after closing no stream opens', async () => {
  await start(1)
  events.close()
  expect(events.open('hello', {})).toBeUndefined()
})
