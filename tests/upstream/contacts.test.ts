import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { APIError, createContacts, OrqError } from '../../src/server.ts'
import { startUpstream } from './server.ts'

const contact = { external_id: 'u1', display_name: 'Ada', email: 'ada@example.com', tags: ['pro'] }
const contactsAt = (serverUrl: string, options = {}) => createContacts({ apiKey: 'KEY-CANARY', serverUrl, ...options })

describe('create', () => {
  test('posts the contact and returns what the API answers', async () => {
    const upstream = await startUpstream({
      status: 200,
      body: { _id: 'contact_1', external_id: 'u1', display_name: 'Ada', created: 'c', updated: 'u', extra: { a: 1 } },
    })
    expect(await contactsAt(upstream.url).create(contact)).toMatchObject({
      _id: 'contact_1',
      external_id: 'u1',
      display_name: 'Ada',
      created: 'c',
      updated: 'u',
      extra: { a: 1 },
    })
    expect(upstream.log()).toEqual([`POST /v2/contacts ${JSON.stringify(contact)}`])
  })

  test.each(['', '<html>', '[]', 'null', '"x"', '{"_id":'])(
    'takes any 2xx as done, even with the body %j',
    async (body) => {
      const upstream = await startUpstream({ status: 201, body })
      expect(await contactsAt(upstream.url).create(contact)).toMatchObject(contact)
    },
  )

  test('sends null, [] and {} and leaves out undefined', async () => {
    const upstream = await startUpstream()
    const given = { external_id: 'u1', display_name: undefined, email: null, tags: [], metadata: {} }
    await contactsAt(upstream.url).create(given as never)
    expect(upstream.received[0]?.json).toEqual({ external_id: 'u1', email: null, tags: [], metadata: {} })
  })

  test.each([409, 400, 422])('goes on as PATCH after %i and returns its answer', async (status) => {
    const upstream = await startUpstream({ status }, { status: 200, body: { _id: 'contact_1', external_id: 'u1' } })
    expect((await contactsAt(upstream.url).create(contact))._id).toBe('contact_1')
    const { external_id, ...fields } = contact
    expect(upstream.log()[1]).toBe(`PATCH /v2/contacts/u1 ${JSON.stringify(fields)}`)
  })

  test('uses the path it is given', async () => {
    const upstream = await startUpstream({ status: 409 })
    await contactsAt(upstream.url, { path: '/v2/identities' }).create({ external_id: 'a b', tags: [] })
    expect(upstream.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v2/identities',
      'PATCH /v2/identities/a%20b',
    ])
  })
})

describe('a contact that is none', () => {
  test.each([
    [{ external_id: '..' }, 'external_id'],
    [{ external_id: 'contact_01J9ZQ3F6Y7X8W5V4T3S2R1Q0P' }, 'external_id'],
    [{ external_id: 'u1', email: 'CANARY' }, 'email'],
    [{ external_id: 'u1', role: 'CANARY' }, 'role'],
    [{ external_id: 'u1', metadata: { a: '€'.repeat(11_000) } }, '32000 bytes'],
    [[], 'external_id'],
  ])('throws INVALID_CONTACT before anything is sent: %j', async (given, text) => {
    const upstream = await startUpstream()
    const error = await contactsAt(upstream.url)
      .create(given as never)
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(OrqError)
    expect(error).toMatchObject({ code: 'INVALID_CONTACT', message: expect.stringContaining(text) })
    expect(error.message).not.toContain('CANARY')
    expect(upstream.received).toEqual([])
  })
})

describe('an answer that is not 2xx', () => {
  test.each([400, 401, 404, 409, 422, 429, 500, 302])('%i is thrown as APIError', async (status) => {
    const reply = { status, body: 'BODY-CANARY', headers: { 'x-request-id': 'r1', 'content-type': 'text/plain' } }
    const upstream = await startUpstream(reply, reply)
    const error = await contactsAt(upstream.url)
      .create(contact)
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(APIError)
    expect(error).toBeInstanceOf(OrqError)
    expect(error).toMatchObject({
      name: 'APIError',
      code: 'API_ERROR',
      statusCode: status,
      body: 'BODY-CANARY',
      message: `the contacts API answered ${status}`,
    })
    expect(error.headers.get('x-request-id')).toBe('r1')
    expect(inspect(error) + JSON.stringify(error) + error.stack).not.toContain('CANARY')
  })

  test('says what POST said where PATCH is not known', async () => {
    const upstream = await startUpstream({ status: 422, body: 'no such field' }, { status: 404, body: 'no such route' })
    await expect(contactsAt(upstream.url).create(contact)).rejects.toMatchObject({
      statusCode: 422,
      body: 'no such field',
    })
  })
})
