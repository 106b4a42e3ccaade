import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDevApp } from '../../src/dev/app.ts'
import { listen } from '../../src/node/listen.ts'

export interface Reply {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

export interface RunningApp {
  url: string
  /** A request with any header, `Host` and `Sec-Fetch-Site` too, which `fetch` does not let a program set. */
  ask(method: string, path: string, options?: { headers?: Record<string, string>; body?: unknown }): Promise<Reply>
  /** The cookie header of somebody who has just signed in. */
  signIn(externalId: string): Promise<string>
  /** @param graceMs what is open after that time is cut */
  close(graceMs?: number): Promise<void>
}

/** The development app over real HTTP, with stand-ins for the built files. */
export const startDevApp = async (host = '127.0.0.1'): Promise<RunningApp> => {
  const distFolder = mkdtempSync(join(tmpdir(), 'orq-dev-'))
  mkdirSync(join(distFolder, 'page'))
  writeFileSync(join(distFolder, 'orq.js'), 'globalThis.orq = {}')
  writeFileSync(join(distFolder, 'page', 'index.html'), '<!doctype html><title>dev</title>')
  writeFileSync(join(distFolder, 'page', 'page.css'), 'body{}')
  writeFileSync(join(distFolder, 'page', 'page.js'), '1')
  const secret = 's'.repeat(32)
  const app = createDevApp({
    database: ':memory:',
    queueFile: join(distFolder, 'queue.db'),
    apiKey: 'the-api-key',
    tokenKeys: { signing: { keyId: 'default', secret }, secrets: { default: secret } },
    host,
    distFolder,
    slowMs: 50,
  })
  const server = await listen({ fetch: app.fetch, host: '127.0.0.1', port: 0 })

  const ask: RunningApp['ask'] = (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const json = text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': text.length }
      const outgoing = request(
        `${server.url}${path}`,
        { method, headers: { ...json, ...headers }, agent: false },
        (answer) => {
          let received = ''
          answer.on('data', (chunk) => {
            received += chunk
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: received }))
          answer.on('error', reject)
        },
      )
      outgoing.on('error', reject)
      outgoing.end(text)
    })

  return {
    url: server.url,
    ask,
    signIn: async (externalId) => {
      const { headers } = await ask('POST', '/session', { body: { external_id: externalId } })
      return String(headers['set-cookie']).split(';')[0] ?? ''
    },
    close: async (graceMs = 500) => {
      await Promise.all([app.close(), server.close(graceMs)])
      rmSync(distFolder, { recursive: true, force: true })
    },
  }
}
