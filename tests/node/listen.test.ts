import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Handler, type Listening, listen } from '../../src/node/listen.ts'
import { SettingError } from '../../src/node/setting-error.ts'

const running: Listening[] = []
const start = async (fetch: Handler, onError?: (error: unknown) => void): Promise<Listening> => {
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, onError })
  running.push(server)
  return server
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close(0)))
})

/** Sends raw bytes and collects everything until the server closes. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })

test('T17: connections beyond the limit are refused, and taken again when one of the others is over', async () => {
  const server = await listen({ fetch: () => new Response('ok'), host: '127.0.0.1', port: 0, maxConnections: 3 })
  running.push(server)
  const open = () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    const ended = new Promise<string>((resolve) => socket.once('close', () => resolve('refused')))
    const answered = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString('latin1'))))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    return { socket, answer: Promise.race([answered, ended]) }
  }
  const first = [open(), open(), open()]
  for (const { answer } of first) expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(await open().answer).toBe('refused')
  first[0]?.socket.destroy()
  await expect.poll(() => open().answer).toMatch(/^HTTP\/1\.1 200 /)
})

test('the handler gets the request and the address of the peer', async () => {
  const server = await start(async (request, { address }) => new Response(`${await request.text()} from ${address}`))
  const response = await fetch(server.url, { method: 'POST', body: 'hello' })
  expect(await response.text()).toBe('hello from 127.0.0.1')
})

test('the global Request and Response stay the ones of the platform', async () => {
  const before = [globalThis.Request, globalThis.Response]
  await start(() => new Response())
  expect([globalThis.Request, globalThis.Response]).toEqual(before)
})

test('a handler that throws becomes a bare 500 and is reported', async () => {
  const errors: unknown[] = []
  const server = await start(
    () => {
      throw new Error('jane@example.com')
    },
    (error) => errors.push(error),
  )
  const response = await fetch(server.url)
  expect([response.status, await response.text()]).toEqual([500, '{"code":"internal"}'])
  expect(errors).toHaveLength(1)
})

describe('a broken request is refused and closed', () => {
  test.each([
    ['a request line that is none', 'HELO\r\n\r\n', 400],
    ['a Host that makes no URL', 'GET / HTTP/1.1\r\nHost: a/b?c@d\r\nConnection: close\r\n\r\n', 400],
    ['a missing Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['headers that are too long', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s', async (_, text, status) => {
    const server = await start(() => new Response('ok'))
    expect(await raw(server.port, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })
})

describe('closing', () => {
  test('lets a running request end', async () => {
    let finish: (() => void) | undefined
    const server = await start(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(new Response('done'))
        }),
    )
    const response = fetch(server.url)
    await expect.poll(() => finish).toBeDefined()
    const closed = server.close(5_000)
    finish?.()
    expect(await (await response).text()).toBe('done')
    await closed
  })

  test('cuts a request that outlasts the grace', async () => {
    let asked = false
    const server = await start(() => {
      asked = true
      return new Promise(() => {})
    })
    const outcome = fetch(server.url).then(
      () => 'answered',
      () => 'cut',
    )
    await expect.poll(() => asked).toBe(true)
    await server.close(20)
    expect(await outcome).toBe('cut')
  })
})

describe('what cannot be listened on names the setting', () => {
  const failure = (host: string, port: number): Promise<unknown> =>
    listen({ fetch: () => new Response(), host, port }).then(
      (server) => server.close(0),
      (error) => error,
    )

  test('a port in use', async () => {
    const { port } = await start(() => new Response())
    const error = await failure('127.0.0.1', port)
    expect(error).toBeInstanceOf(SettingError)
    expect((error as SettingError).message).toMatch(new RegExp(`^PORT: ${port} is in use; `))
  })

  test('an address that is not of this machine', async () => {
    const error = await failure('192.0.2.1', 0)
    expect((error as SettingError).message).toMatch(/^HOST: "192.0.2.1" is no address of this machine; /)
  })
})
