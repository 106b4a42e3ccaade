import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createContactsApi } from '../../src/dev/contacts-api.ts'
import { createRelay, type Relay } from '../../src/dev/relay.ts'

const folder = mkdtempSync(join(tmpdir(), 'orq-relay-'))
const queueFile = join(folder, 'queue.db')
let api: ReturnType<typeof createContactsApi>
let relay: Relay

const start = (): Relay =>
  createRelay({
    queueFile,
    verify: async (token) => ({ subject: token, issuedAt: Date.now() / 1_000 }),
    upstream: { apiKey: 'key', serverUrl: 'http://localhost', fetch: (url, init) => api.fetch(new Request(url, init)) },
  })

let number = 0
/** One update of one browser. @returns the status of the answer */
const send = async (contact: { external_id: string; [field: string]: unknown }): Promise<number> => {
  const headers = {
    Authorization: `Bearer ${contact.external_id}`,
    'Content-Type': 'application/json',
    'Orq-Update-Id': `${'b'.repeat(16)}.${++number}`,
  }
  const init = { method: 'POST', headers, body: JSON.stringify(contact) }
  return (await relay.fetch(new Request('http://localhost/orq/v2/contacts', init))).status
}
const stored = (): unknown[] => api.list(new URLSearchParams())?.data ?? []

beforeEach(() => {
  api = createContactsApi({ apiKey: 'key' })
  relay = start()
})
afterEach(async () => {
  await relay.close()
  api.close()
  for (const file of readdirSync(folder)) rmSync(join(folder, file))
})

test('nothing is kept at first: a failure is told, and nothing waits', async () => {
  api.setFault('down')
  expect(await send({ external_id: 'u1', email: 'a@b.c' })).toBe(503)
  expect([relay.keeping, await relay.list(10), existsSync(queueFile)]).toEqual(['memory', [], false])
})

test('on the disk what fails is accepted and waits; made due when the API works again, it is delivered', async () => {
  expect(await relay.keep('disk')).toBe(true)
  api.setFault('down')
  expect(await send({ external_id: 'u1', email: 'a@b.c' })).toBe(202)
  await expect.poll(() => relay.list(10)).toMatchObject([{ externalId: 'u1', state: 'backoff', reason: '503 retry' }])
  const [{ id } = { id: '' }] = await relay.list(10)
  api.setFault('ok')
  expect(await relay.requeue(id)).toBe(true)
  await expect.poll(stored).toMatchObject([{ external_id: 'u1', email: 'a@b.c' }])
  await expect.poll(() => relay.list(10)).toEqual([])
  expect(await relay.requeue(id)).toBe(false)
})

test('a refused field is parked beside the others, which arrive, and can be tried again or dropped', async () => {
  await relay.keep('disk')
  api.setFault('refuse_email')
  expect(await send({ external_id: 'u1', display_name: 'U', email: 'a@b.c' })).toBe(202)
  const parked = { state: 'parked', parked: { email: { value: 'a@b.c', reason: '422 refused' } } }
  await expect.poll(() => relay.list(10)).toMatchObject([parked])
  expect(stored()).toMatchObject([{ display_name: 'U' }])
  const [{ id } = { id: '' }] = await relay.list(10)
  await relay.requeue(id)
  await expect.poll(() => relay.list(10)).toMatchObject([parked])
  expect(await relay.drop(id)).toBe(true)
  expect(await relay.list(10)).toEqual([])
  api.setFault('ok')
  expect(await relay.drop(id)).toBe(false)
  expect(stored()[0]).not.toHaveProperty('email')
})

test('the disk is not left while something waits on it, and a restart finds it there', async () => {
  await relay.keep('disk')
  api.setFault('down')
  await send({ external_id: 'u1', email: 'a@b.c' })
  expect(await relay.keep('memory')).toBe(false)
  expect(relay.keeping).toBe('disk')
  await relay.close()
  relay = start()
  expect(relay.keeping).toBe('disk')
  const [entry] = await relay.list(10)
  expect(entry).toMatchObject({ externalId: 'u1', fields: { email: 'a@b.c' } })
  await relay.drop(entry?.id ?? '')
  expect(await relay.keep('memory')).toBe(true)
  // A lock that is deleted is one that two may hold.
  expect(readdirSync(folder)).toEqual(['queue.db-lock'])
})

test('no store trusts what it knew before another one took its place', async () => {
  await relay.keep('disk')
  expect(await send({ external_id: 'u1', display_name: 'A' })).toBe(200)
  expect(await relay.keep('memory')).toBe(true)
  expect(await send({ external_id: 'u1', display_name: 'B' })).toBe(200)
  expect(await relay.keep('disk')).toBe(true)
  expect(await send({ external_id: 'u1', display_name: 'A' })).toBe(200)
  expect(stored()).toMatchObject([{ display_name: 'A' }])
})

test('requests that come while the store is exchanged are answered, none of them lost', async () => {
  const people = Array.from({ length: 40 }, (_, n) => ({ external_id: `u${n}`, display_name: `U ${n}` }))
  const answers = people.map(async (person, n) => {
    if (n % 8 === 4) void relay.keep(n % 16 === 4 ? 'disk' : 'memory')
    return [person.external_id, await send(person)] as const
  })
  const taken = (await Promise.all(answers)).filter(([, status]) => status < 300).map(([id]) => id)
  expect(taken.length).toBeGreaterThan(0)
  const ids = () => api.list(new URLSearchParams('limit=50'))?.data.map(({ external_id }) => external_id)
  await expect.poll(ids).toEqual(expect.arrayContaining(taken))
})
