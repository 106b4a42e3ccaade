import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BrowserFiles, createBrowserFiles } from '../../src/node/browser-files.ts'

const script = `globalThis.orq = ${JSON.stringify('identify '.repeat(300))}\n`
let folder: string
let files: BrowserFiles
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-files-'))
  writeFileSync(join(folder, 'orq.js'), script)
  writeFileSync(join(folder, 'sri.json'), '{}')
  writeFileSync(join(folder, 'secret.txt'), 'no')
  files = createBrowserFiles({ folder })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  files(new Request(`http://localhost${path}`, { method, headers }))
const get = async (path: string, headers?: Record<string, string>, method?: string): Promise<Response> => {
  const response = await ask(path, headers, method)
  if (!response) throw new Error('not served')
  return response
}

test('a browser file is served with its type, for pages of any origin, for five minutes', async () => {
  const response = await get('/orq/orq.js')
  expect(await response.text()).toBe(script)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'access-control-allow-origin': '*',
    'cache-control': 'public, max-age=300',
    'content-type': 'text/javascript; charset=utf-8',
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'Accept-Encoding',
    'x-content-type-options': 'nosniff',
  })
})

describe('?v= names the content of a file', () => {
  const chunk = 'export const contractVersion = 1\n'
  const versionOf = (content: string): string => createHash('sha256').update(content).digest('base64url').slice(0, 16)
  const cachingOf = async (path: string) => (await get(path)).headers.get('Cache-Control')
  beforeAll(() => writeFileSync(join(folder, 'transport.js'), chunk))

  test('the file of that name is immutable', async () => {
    expect(await cachingOf(`/orq/transport.js?v=${versionOf(chunk)}`)).toBe('public, max-age=31536000, immutable')
    expect(await cachingOf(`/orq/orq.js?v=${versionOf(script)}`)).toBe('public, max-age=31536000, immutable')
  })

  test.each([
    'anything',
    '',
    versionOf(`${chunk}x`),
    versionOf(chunk).slice(0, 4),
    `${versionOf(chunk)}A`,
    versionOf(chunk).toLowerCase(),
  ])('the chunk is not served as "%s", and no cache keeps that answer', async (version) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await get(`/orq/transport.js?v=${version}`, {}, method)
      expect([response.status, response.headers.get('Cache-Control')]).toEqual([404, 'no-store'])
    }
  })

  test('a chunk that is asked for twice over is the first of both', async () => {
    expect((await get(`/orq/transport.js?v=x&v=${versionOf(chunk)}`)).status).toBe(404)
  })

  test('the chunk without ?v= is checked at each load', async () => {
    expect(await cachingOf('/orq/transport.js')).toBe('no-cache')
  })

  test('another file under a name that is not its own is the one of today, checked at each load', async () => {
    const response = await get('/orq/orq.js?v=anything')
    expect([await response.text(), response.headers.get('Cache-Control')]).toEqual([script, 'no-cache'])
  })
})

test('a file that was read while a deploy wrote it is read again', async () => {
  const half = 'export const contractVersion'
  writeFileSync(join(folder, 'orq.esm.js'), half)
  expect(await (await get('/orq/orq.esm.js')).text()).toBe(half)
  writeFileSync(join(folder, 'orq.esm.js'), `${half} = 1`)
  expect(await (await get('/orq/orq.esm.js')).text()).toBe(`${half} = 1`)
})

test('source maps are served beside their files', async () => {
  writeFileSync(join(folder, 'orq.js.map'), '{"version":3}')
  const response = await get('/orq/orq.js.map')
  expect([await response.text(), response.headers.get('Content-Type')]).toEqual([
    '{"version":3}',
    'application/json; charset=utf-8',
  ])
})

test.each(['/orq/secret.txt', '/orq/../orq.js', '/orq/%2e%2e/secret.txt', '/orq/', '/orq', '/orq.js', '/orqxorq.js'])(
  '%s is not served',
  async (path) => expect(await ask(path)).toBeUndefined(),
)

test('a file of the list that is not built is not served until it is', async () => {
  expect(await ask('/orq/orq.full.js')).toBeUndefined()
  writeFileSync(join(folder, 'orq.full.js'), '1')
  expect((await get('/orq/orq.full.js')).status).toBe(200)
})

test('a file that could not be read is read again, also when its size and time are the same', async () => {
  const own = mkdtempSync(join(folder, 'own-'))
  const served = createBrowserFiles({ folder: own })
  const path = join(own, 'orq.js')
  mkdirSync(path)
  utimesSync(path, 1_000, 1_000)
  const { size } = statSync(path)
  const request = new Request('http://localhost/orq/orq.js')
  expect(await served(request)).toBeUndefined()
  rmdirSync(path)
  writeFileSync(path, ' '.repeat(size))
  utimesSync(path, 1_000, 1_000)
  expect((await served(request))?.status).toBe(200)
})

describe('compression', () => {
  test('brotli is preferred', async () => {
    const response = await get('/orq/orq.js', { 'Accept-Encoding': 'gzip, deflate, br' })
    expect(response.headers.get('Content-Encoding')).toBe('br')
    expect(brotliDecompressSync(await response.bytes()).toString()).toBe(script)
  })

  test('gzip serves who refuses brotli', async () => {
    const response = await get('/orq/orq.js', { 'Accept-Encoding': 'br;q=0, *' })
    expect(response.headers.get('Content-Encoding')).toBe('gzip')
    expect(gunzipSync(await response.bytes()).toString()).toBe(script)
  })

  test('a file that does not get smaller is sent as it is', async () => {
    const response = await get('/orq/sri.json', { 'Accept-Encoding': 'br' })
    expect(response.headers.get('Content-Encoding')).toBeNull()
  })
})

describe('ETag', () => {
  test('who has the file gets a 304 without a body', async () => {
    const etag = (await get('/orq/orq.js')).headers.get('ETag') ?? ''
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await get('/orq/orq.js', { 'If-None-Match': known })
      expect([response.status, await response.text()]).toEqual([304, ''])
      expect(response.headers.get('Cache-Control')).toBe('public, max-age=300')
    }
  })

  test('differs per encoding, so that no cache mixes them up', async () => {
    const plain = await get('/orq/orq.js')
    const small = await get('/orq/orq.js', { 'Accept-Encoding': 'br' })
    expect(small.headers.get('ETag')).not.toBe(plain.headers.get('ETag'))
  })
})

test('HEAD answers the headers of GET and no body', async () => {
  const response = await get('/orq/orq.js', {}, 'HEAD')
  expect(response.headers.get('Content-Length')).toBe(String(script.length))
  expect(await response.text()).toBe('')
})

test('another method is refused and told what is allowed', async () => {
  const response = await get('/orq/orq.js', {}, 'POST')
  expect([response.status, response.headers.get('Allow')]).toEqual([405, 'GET, HEAD'])
})
