import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RunningApp, startDevApp } from './dev-app.ts'

let app: RunningApp
beforeEach(async () => {
  app = await startDevApp()
})
afterEach(() => app.close())

const identify = async (cookie: string, contact: Record<string, unknown>): Promise<number> => {
  const { token } = JSON.parse((await app.ask('POST', '/token', { headers: { Cookie: cookie } })).text)
  const headers = { Authorization: `Bearer ${token}`, 'Sec-Fetch-Site': 'same-origin' }
  return (await app.ask('POST', '/orq/v2/contacts', { headers, body: contact })).status
}
const listed = async (): Promise<Record<string, unknown>[]> => JSON.parse((await app.ask('GET', '/contacts')).text).data

describe('a session', () => {
  test('remembers who signed in, until signing out', async () => {
    expect((await app.ask('GET', '/session')).status).toBe(204)
    const cookie = await app.signIn('u1')
    const headers = { Cookie: cookie }
    expect(JSON.parse((await app.ask('GET', '/session', { headers })).text)).toEqual({ external_id: 'u1' })
    expect((await app.ask('DELETE', '/session', { headers })).status).toBe(204)
    expect((await app.ask('GET', '/session', { headers })).status).toBe(204)
  })

  test('of another person has another id, and the former id is worth nothing', async () => {
    const first = await app.signIn('u1')
    const { headers } = await app.ask('POST', '/session', { headers: { Cookie: first }, body: { external_id: 'u2' } })
    expect(String(headers['set-cookie'])).not.toContain(first)
    expect((await app.ask('POST', '/token', { headers: { Cookie: first } })).status).toBe(204)
  })

  test.each([[{}], [{ external_id: '' }], [{ external_id: 'u', email: 'x' }], [null]])(
    'needs a contact: %j is 422',
    async (body) => {
      expect((await app.ask('POST', '/session', { body })).status).toBe(422)
    },
  )
})

test('nobody signed in means no token: 204', async () => {
  expect((await app.ask('POST', '/token')).status).toBe(204)
})

test('who is signed in gets a token for that contact, and the proxy delivers it', async () => {
  const cookie = await app.signIn('u1')
  expect(await identify(cookie, { external_id: 'u1', display_name: 'U' })).toBe(200)
  expect(await listed()).toEqual([expect.objectContaining({ external_id: 'u1', display_name: 'U' })])
})

test('the browser files and the contacts API are on the same port', async () => {
  expect((await app.ask('GET', '/orq/orq.js')).text).toBe('globalThis.orq = {}')
  expect((await app.ask('GET', '/v2/contacts')).status).toBe(401)
  expect((await app.ask('GET', '/v2/contacts', { headers: { Authorization: 'Bearer the-api-key' } })).status).toBe(200)
})

test('the page and its files are served', async () => {
  const types = await Promise.all(
    ['/', '/page.css', '/page.js'].map(async (path) => (await app.ask('GET', path)).headers['content-type']),
  )
  expect(types).toEqual(['text/html; charset=utf-8', 'text/css; charset=utf-8', 'text/javascript; charset=utf-8'])
})

describe('a fault', () => {
  test('reaches the proxy, and leaves the list of the page alone', async () => {
    const cookie = await app.signIn('u1')
    await identify(cookie, { external_id: 'u1' })
    expect((await app.ask('POST', '/faults', { body: { mode: 'down' } })).text).toBe('{"mode":"down"}')
    expect(JSON.parse((await app.ask('GET', '/faults')).text)).toEqual({ mode: 'down' })
    expect((await app.ask('GET', '/v2/contacts', { headers: { Authorization: 'Bearer the-api-key' } })).status).toBe(
      503,
    )
    expect(await listed()).toHaveLength(1)
  })

  test.each([[{ mode: 'broken' }], [{}], [null], ['x']])('of an unknown kind is refused: %j', async (body) => {
    expect(
      (
        await app.ask('POST', '/faults', {
          body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' },
        })
      ).status,
    ).toBe(422)
  })
})

describe('the live stream', () => {
  const open = async () => {
    const leaving = new AbortController()
    const response = await fetch(`${app.url}/events`, { signal: leaving.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ''
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(seen)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`ended after ${seen}`)
        seen += value
      }
    }
    return { response, reader, until, leave: () => leaving.abort() }
  }

  test('begins with the fault mode, then tells every change', async () => {
    const { response, until, leave } = await open()
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    await until(/event: fault\ndata: \{"mode":"ok"\}\n\n/)
    await identify(await app.signIn('u1'), { external_id: 'u1', display_name: 'a\nb' })
    await until(/event: contact\ndata: \{"_id":"contact_.*"display_name":"a\\nb".*\}\n\n/)
    await app.ask('POST', '/faults', { body: { mode: 'slow' } })
    await until(/event: fault\ndata: \{"mode":"slow"\}\n\n/)
    leave()
  })

  test('ends when the app closes, so that a page held open delays no shutdown', async () => {
    const { reader, until } = await open()
    await until(/event: fault/)
    const ended = (async () => {
      while (!(await reader.read()).done);
    })()
    // Whatever is open is not cut before the test itself ends.
    await app.close(600_000)
    await ended
    app = await startDevApp()
  })
})
