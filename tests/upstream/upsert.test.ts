import { describe, expect, test } from 'vitest'
import type { Contact } from '../../src/core/contact.ts'
import { createUpstreamRequest } from '../../src/upstream/request.ts'
import { upsert } from '../../src/upstream/upsert.ts'
import { type Reply, startUpstream } from './server.ts'

const contact: Contact = { external_id: 'u 1/é', email: 'ada@example.com' }
const postLine = 'POST /v2/contacts {"external_id":"u 1/é","email":"ada@example.com"}'
const patchLine = 'PATCH /v2/contacts/u%201%2F%C3%A9 {"email":"ada@example.com"}'

const run = async (...replies: Reply[]) => {
  const upstream = await startUpstream(...replies)
  const request = createUpstreamRequest({ apiKey: 'key', serverUrl: upstream.url })
  const { kind, answer } = await upsert(request, contact)
  return { kind, status: answer.status, log: upstream.log() }
}

describe('POST alone decides', () => {
  test.each([
    [200, 'done'],
    [201, 'done'],
    [204, 'done'],
    [408, 'retry'],
    [425, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [599, 'retry'],
    [401, 'blocked'],
    [402, 'blocked'],
    [403, 'blocked'],
    [404, 'blocked'],
    [405, 'blocked'],
    [301, 'blocked'],
    [307, 'blocked'],
    [413, 'refused'],
  ])('%i is %s', async (status, kind) => {
    expect(await run({ status })).toEqual({ kind, status, log: [postLine] })
  })

  test('HTML with 200 is done: the status decides', async () => {
    const html = { status: 200, body: '<html>', headers: { 'content-type': 'text/html' } }
    expect(await run(html)).toMatchObject({ kind: 'done', log: [postLine] })
  })
})

describe('POST that says no goes on as PATCH without the id in the body', () => {
  test.each([400, 409, 422])('%i, then 200 is done', async (status) => {
    expect(await run({ status }, { status: 200 })).toEqual({ kind: 'done', status: 200, log: [postLine, patchLine] })
  })

  test.each([
    [422, 404, 'refused', 422],
    [422, 405, 'refused', 422],
    [422, 422, 'refused', 422],
    [400, 400, 'refused', 400],
    [400, 413, 'refused', 400],
    [409, 404, 'retry', 404],
    [409, 405, 'retry', 405],
    [409, 429, 'retry', 429],
    [422, 503, 'retry', 503],
    [400, 408, 'retry', 408],
    [422, 401, 'blocked', 401],
    [409, 403, 'blocked', 403],
    [422, 302, 'blocked', 302],
    [409, 307, 'blocked', 307],
  ])('%i, then %i is %s with the answer %i', async (first, second, kind, status) => {
    expect(await run({ status: first }, { status: second })).toEqual({ kind, status, log: [postLine, patchLine] })
  })

  test('at another path too', async () => {
    const upstream = await startUpstream({ status: 409 })
    const request = createUpstreamRequest({ apiKey: 'key', serverUrl: upstream.url })
    await upsert(request, { external_id: 'u1', tags: [] }, { path: '/v2/identities' })
    expect(upstream.log()).toEqual([
      'POST /v2/identities {"external_id":"u1","tags":[]}',
      'PATCH /v2/identities/u1 {"tags":[]}',
    ])
  })
})

describe('between POST and PATCH it is asked whether to go on', () => {
  const runAsking = async (status: number, goesOn: () => Promise<boolean>) => {
    const upstream = await startUpstream({ status })
    const request = createUpstreamRequest({ apiKey: 'key', serverUrl: upstream.url })
    const result = await upsert(request, contact, { goesOn }).catch((error: Error) => error.message)
    return [typeof result === 'string' ? result : `${result.answer.status} ${result.kind}`, upstream.log()]
  }

  test.each([
    [409, '409 retry'],
    [422, '422 refused'],
    [400, '400 refused'],
  ])('a no leaves it at what POST said: %i', async (status, said) => {
    expect(await runAsking(status, async () => false)).toEqual([said, [postLine]])
  })

  test('a yes goes on', async () => {
    expect(await runAsking(409, async () => true)).toEqual(['200 done', [postLine, patchLine]])
  })

  test('who cannot be asked is thrown, and nothing more is sent', async () => {
    const goesOn = () => Promise.reject(new Error('the disk'))
    expect(await runAsking(409, goesOn)).toEqual(['the disk', [postLine]])
  })

  test.each([200, 413, 500, 403])('a POST that decides, %i, asks nobody', async (status) => {
    expect(await runAsking(status, () => Promise.reject(new Error('asked')))).toEqual([
      expect.stringMatching(`^${status} `),
      [postLine],
    ])
  })
})

test('no answer at all is thrown, for the caller to judge', async () => {
  const upstream = await startUpstream((response) => response.destroy())
  const request = createUpstreamRequest({ apiKey: 'key', serverUrl: upstream.url })
  await expect(upsert(request, contact)).rejects.toThrow()
})
