import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ContactChange, type ContactTable, openContactTable } from '../../src/dev/contact-table.ts'
import { type ContactsApi, createContactsApi } from '../../src/dev/contacts-api.ts'
import { type Listening, listen } from '../../src/node/listen.ts'

interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what the test says it is
  body: any
}

const tables: [string, () => ContactTable | undefined][] = [
  ['SQLite', () => openContactTable(':memory:')],
  ['memory', () => undefined],
]

describe.each(tables)('on %s', (_, openTable) => {
  let api: ContactsApi
  let server: Listening
  beforeEach(async () => {
    api = createContactsApi({ table: openTable(), apiKey: 'key', slowMs: 50 })
    server = await listen({ fetch: api.fetch, host: '127.0.0.1', port: 0 })
  })
  afterEach(async () => {
    await server.close(0)
    api.close()
  })

  const send = async (method: string, path: string, body?: unknown, key = 'key'): Promise<Answer> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  describe('an update', () => {
    test('creates a contact with an id and two times', async () => {
      const { status, body } = await send('POST', '/v2/contacts', { external_id: 'u1', email: 'u1@example.com' })
      expect(status).toBe(200)
      expect(body).toEqual({
        _id: expect.stringMatching(/^contact_[0-9A-HJKMNP-TV-Z]{26}$/),
        external_id: 'u1',
        email: 'u1@example.com',
        created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        updated: body.created,
      })
    })

    test('keeps what is absent, replaces what is given, clears with null, [] and {}', async () => {
      const full = {
        external_id: 'u1',
        display_name: 'U',
        email: 'u@e.org',
        tags: ['a'],
        metadata: { plan: 'pro', n: 1 },
      }
      const { body: first } = await send('POST', '/v2/contacts', full)
      const { body: kept } = await send('POST', '/v2/contacts', { external_id: 'u1', metadata: { plan: 'free' } })
      expect(kept).toEqual({ ...first, metadata: { plan: 'free' }, updated: kept.updated })
      const clearing = { external_id: 'u1', display_name: null, email: null, tags: [], metadata: {} }
      const { body: cleared } = await send('POST', '/v2/contacts', clearing)
      expect(cleared).toEqual({ ...clearing, _id: first._id, created: first.created, updated: cleared.updated })
    })

    test.each([
      ['no id', { email: 'a@b.c' }, 'external_id'],
      ['an id that would name another path', { external_id: '..' }, 'external_id'],
      ['a wrong e-mail', { external_id: 'u', email: 'nobody' }, 'email'],
      ['an unknown field', { external_id: 'u', phone: '1' }, 'phone'],
      ['a list', [1], 'body'],
    ])('with %s is refused with 422 and the path, never the value', async (_, contact, path) => {
      const { status, body } = await send('POST', '/v2/contacts', contact)
      expect([status, body.path]).toEqual([422, path])
      expect(JSON.stringify(body)).not.toContain('nobody')
    })

    test('of more than 32 000 bytes is refused with 413, chunked or not', async () => {
      const big = JSON.stringify({ external_id: 'u', metadata: { text: 'x'.repeat(32_000) } })
      expect((await send('POST', '/v2/contacts', big)).status).toBe(413)
      const chunked = await fetch(`${server.url}/v2/contacts`, {
        method: 'POST',
        headers: { Authorization: 'Bearer key' },
        body: new Blob([big]).stream(),
        duplex: 'half',
      } as RequestInit)
      expect(chunked.status).toBe(413)
    })

    test('that is no JSON is refused with 400', async () => {
      expect((await send('POST', '/v2/contacts', '{')).status).toBe(400)
    })

    test('is heard by listeners', async () => {
      const heard: ContactChange[] = []
      const end = api.onChange((change) => heard.push(change))
      await send('POST', '/v2/contacts', { external_id: 'u1' })
      await send('PATCH', '/v2/contacts/u1', { email: 'a@b.c' })
      end()
      await send('POST', '/v2/contacts', { external_id: 'u1' })
      expect(heard.map(({ created, contact }) => [created, contact.email])).toEqual([
        [true, undefined],
        [false, 'a@b.c'],
      ])
    })
  })

  test.each(['', 'Key', 'key '.repeat(2)])('the key %j is refused with 401', async (key) => {
    expect((await send('GET', '/v2/contacts', undefined, key)).status).toBe(401)
  })

  describe('one contact', () => {
    test.each(['u1', 'jane@example.com', 'a/b?c#d', 'a%2Fb', '100%', 'ü 😀', 'contacts', '...'])(
      'is found by its id %s and by its _id',
      async (id) => {
        const { body } = await send('POST', '/v2/contacts', { external_id: id })
        for (const reference of [id, body._id])
          expect((await send('GET', `/v2/contacts/${encodeURIComponent(reference)}`)).body).toEqual(body)
      },
    )

    test('is patched by either id, without the id in the body', async () => {
      const { body } = await send('POST', '/v2/contacts', { external_id: 'a/b', tags: ['x'] })
      for (const reference of ['a/b', body._id]) {
        const patched = await send('PATCH', `/v2/contacts/${encodeURIComponent(reference)}`, {
          display_name: reference,
        })
        expect(patched.body).toMatchObject({ _id: body._id, display_name: reference, tags: ['x'] })
      }
    })

    test('keeps its id: a body with another one is refused', async () => {
      await send('POST', '/v2/contacts', { external_id: 'u1' })
      expect((await send('PATCH', '/v2/contacts/u1', { external_id: 'u2' })).status).toBe(422)
      expect((await send('GET', '/v2/contacts/u2')).status).toBe(404)
    })

    test('that is unknown is 404, to read and to patch', async () => {
      expect((await send('GET', '/v2/contacts/none')).status).toBe(404)
      expect((await send('PATCH', '/v2/contacts/none', {})).status).toBe(404)
    })
  })

  describe('the list', () => {
    const ids = (answer: Answer): string[] =>
      answer.body.data.map((contact: { external_id: string }) => contact.external_id)
    beforeEach(async () => {
      for (let n = 1; n <= 12; n++) await send('POST', '/v2/contacts', { external_id: `u${n}` })
    })

    test('shows the newest ten and says that there are more', async () => {
      const answer = await send('GET', '/v2/contacts')
      expect([ids(answer), answer.body.has_more]).toEqual([
        ['u12', 'u11', 'u10', 'u9', 'u8', 'u7', 'u6', 'u5', 'u4', 'u3'],
        true,
      ])
    })

    test('pages forward to the end and back to the start', async () => {
      const first = await send('GET', '/v2/contacts?limit=5')
      const second = await send('GET', `/v2/contacts?limit=5&starting_after=${first.body.data[4]._id}`)
      const third = await send('GET', `/v2/contacts?limit=5&starting_after=${second.body.data[4]._id}`)
      expect([ids(second), second.body.has_more]).toEqual([['u7', 'u6', 'u5', 'u4', 'u3'], true])
      expect([ids(third), third.body.has_more]).toEqual([['u2', 'u1'], false])
      const back = await send('GET', `/v2/contacts?limit=5&ending_before=${third.body.data[0]._id}`)
      expect([ids(back), back.body.has_more]).toEqual([ids(second), true])
      const start = await send('GET', `/v2/contacts?limit=5&ending_before=${second.body.data[0]._id}`)
      expect([ids(start), start.body.has_more]).toEqual([ids(first), false])
    })

    test.each(['limit=0', 'limit=51', 'limit=x', 'starting_after=none', 'starting_after=u1&ending_before=u2'])(
      'refuses ?%s with 400',
      async (query) => expect((await send('GET', `/v2/contacts?${query}`)).status).toBe(400),
    )
  })

  describe('identities', () => {
    test('are created once: the second time is 409', async () => {
      expect((await send('POST', '/v2/identities', { external_id: 'u1' })).status).toBe(201)
      expect((await send('POST', '/v2/identities', { external_id: 'u1', email: 'a@b.c' })).status).toBe(409)
    })

    test('are the contacts under another path', async () => {
      await send('POST', '/v2/contacts', { external_id: 'u1', tags: ['a'] })
      await send('PATCH', '/v2/identities/u1', { display_name: 'U' })
      expect((await send('GET', '/v2/contacts/u1')).body).toMatchObject({ display_name: 'U', tags: ['a'] })
    })
  })

  describe('faults', () => {
    test('down is 503, rate_limited is 429 with a time to wait, and nothing is written', async () => {
      api.setFault('down')
      expect((await send('POST', '/v2/contacts', { external_id: 'u1' })).status).toBe(503)
      api.setFault('rate_limited')
      const limited = await send('POST', '/v2/contacts', { external_id: 'u1' })
      expect([limited.status, limited.headers.get('Retry-After')]).toEqual([429, '2'])
      expect(api.list(new URLSearchParams())).toEqual({ data: [], has_more: false })
    })

    test('refuse_email is 422 for a body with an e-mail, created or changed, and takes any other', async () => {
      await send('POST', '/v2/contacts', { external_id: 'u1' })
      api.setFault('refuse_email')
      const refused = { status: 422, body: { code: 'invalid_contact', path: 'email' } }
      expect(await send('POST', '/v2/contacts', { external_id: 'u1', email: 'a@b.c' })).toMatchObject(refused)
      expect(await send('PATCH', '/v2/contacts/u1', { email: null })).toMatchObject(refused)
      expect(await send('PATCH', '/v2/contacts/u1', { display_name: 'email' })).toMatchObject({ status: 200 })
      expect((await send('GET', '/v2/contacts/u1')).body).not.toHaveProperty('email')
    })

    test.each(['', '[]', 'null', '"email"', '{', '{"external_id":"u1"}'])(
      'refuse_email leaves the body %j to the API',
      async (body) => {
        const init = { method: 'POST', headers: { Authorization: 'Bearer key' }, body }
        const ask = () => api.fetch(new Request('http://localhost/v2/contacts', init))
        const without = (await ask()).status
        api.setFault('refuse_email')
        expect((await ask()).status).toBe(without)
      },
    )

    test('slow answers, late', async () => {
      api.setFault('slow')
      const start = performance.now()
      expect((await send('POST', '/v2/contacts', { external_id: 'u1' })).status).toBe(200)
      expect(performance.now() - start).toBeGreaterThan(40)
    })

    test('a slow request that is aborted rejects and writes nothing', async () => {
      api.setFault('slow')
      const init = { method: 'POST', headers: { Authorization: 'Bearer key' }, body: '{"external_id":"u1"}' }
      await expect(
        api.fetch(new Request('http://localhost/v2/contacts', { ...init, signal: AbortSignal.timeout(5) })),
      ).rejects.toThrow()
      expect(api.list(new URLSearchParams())?.data).toEqual([])
    })
  })
})

test('contacts survive in their file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-contacts-'))
  try {
    const database = join(folder, 'contacts.db')
    const init = { method: 'POST', headers: { Authorization: 'Bearer key' }, body: '{"external_id":"u1"}' }
    const first = createContactsApi({ table: openContactTable(database), apiKey: 'key' })
    await first.fetch(new Request('http://localhost/v2/contacts', init))
    first.close()
    const second = createContactsApi({ table: openContactTable(database), apiKey: 'key' })
    expect(second.list(new URLSearchParams())?.data.map((contact) => contact.external_id)).toEqual(['u1'])
    second.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
