import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createOrq, type Orq } from '../../src/index.ts'
import { createContacts } from '../../src/server.ts'
import { createContactsApi, createTestBackend, type TestBackend } from '../../src/testing.ts'

let backend: TestBackend
let orq: Orq
beforeEach(() => {
  backend = createTestBackend('jane')
  orq = createOrq(backend.options)
})

describe('the backend for tests', () => {
  test('moves only with its clock', async () => {
    void orq.identify('jane', { name: 'Jane' })
    await backend.clock.advance(249)
    expect(backend.requests).toEqual([])
    await backend.clock.advance(100)
    expect(backend.requests).toEqual([{ external_id: 'jane', display_name: 'Jane' }])
    expect(backend.contacts()).toMatchObject([{ display_name: 'Jane', created: '2027-01-15T08:00:00.250Z' }])
  })

  test('has one browser for all clients of its options, and another one for itself', async () => {
    void orq.identify('jane', { name: 'Jane' })
    await backend.clock.advance(1_000)
    const nextPage = createOrq(backend.options)
    expect(await nextPage.identify('jane', { name: 'Jane' })).toEqual({ status: 'duplicate' })
    expect(createTestBackend('jane').contacts()).toEqual([])
  })

  test('gives no token while nobody is signed in, and takes what waited for the sign-in', async () => {
    backend.signIn(null)
    const outcome = orq.identify('jane', { name: 'Jane' })
    await backend.clock.advance(1_000)
    expect(await outcome).toEqual({ status: 'pending', reason: 'no_token' })
    backend.signIn('jane')
    void orq.identify('jane', { email: 'jane@example.com' })
    await backend.clock.advance(1_000)
    expect(backend.contacts()).toMatchObject([{ display_name: 'Jane', email: 'jane@example.com' }])
  })

  test('lets a token write its own person alone', async () => {
    const token = backend.options.token()
    const answer = await backend.options.fetch('https://app.invalid/orq/v2/contacts', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"external_id":"omar"}',
    })
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'scope_mismatch' }])
    expect(backend.contacts()).toEqual([])
  })

  test('ends a token after five minutes', async () => {
    const token = vi.fn(backend.options.token)
    const page = createOrq({ ...backend.options, token, dedupeTtlMs: 0 })
    for (const name of ['Jane', 'J.', 'Jane Doe']) {
      void page.identify('jane', { name })
      await backend.clock.advance(150_000)
      expect(backend.contacts()).toMatchObject([{ display_name: name }])
    }
    expect(token).toHaveBeenCalledTimes(2)
  })

  test('keeps a slow answer until its clock has come to it', async () => {
    backend.setFault('slow')
    const outcome = orq.identify('jane', { name: 'Jane' })
    await backend.clock.advance(5_000)
    expect([backend.requests.length, backend.contacts()]).toEqual([1, []])
    await backend.clock.advance(500)
    expect(await outcome).toEqual({ status: 'delivered' })
  })

  test('lets a back-off end when its time has come', async () => {
    backend.setFault('rate_limited')
    const outcome = orq.identify('jane', { name: 'Jane' })
    await backend.clock.advance(12_000)
    expect(await outcome).toMatchObject({ status: 'pending' })
    backend.setFault('ok')
    await backend.clock.advance(60_000)
    expect(backend.contacts()).toMatchObject([{ display_name: 'Jane' }])
  })
})

test('the contacts API serves a backend of one’s own by its fetch', async () => {
  const api = createContactsApi({ apiKey: 'key' })
  const contacts = createContacts({
    apiKey: 'key',
    serverUrl: 'https://api.invalid',
    fetch: (url, init) => api.fetch(new Request(url, init)),
  })
  await contacts.create({ external_id: 'jane', email: 'jane@example.com' })
  expect(api.list(new URLSearchParams())?.data).toMatchObject([{ external_id: 'jane', email: 'jane@example.com' }])
})

describe('the door', () => {
  /** Which of Node's own modules have been loaded with it. */
  const loadedWith = async (door: string): Promise<string> => {
    const file = fileURLToPath(new URL(`../../dist/${door}.js`, import.meta.url))
    const code = `import(${JSON.stringify(file)}).then(() => console.log(process.moduleLoadList.join('\\n')))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--eval', code])
    return stdout
  }

  test('needs no SQLite, which some runtimes lack', async () => {
    expect(await loadedWith('testing')).not.toContain('NativeModule sqlite')
    expect(await loadedWith('node')).toContain('NativeModule sqlite')
  })
})
