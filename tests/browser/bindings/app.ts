import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createProxy, jwt, mintToken } from '../../../src/server.ts'
import { createContactsApi, type StoredContact } from '../../../src/testing.ts'
import { serveSite } from '../site.ts'

/** An app with a page, a token route and a proxy, as somebody who uses a binding has them. */
export interface App {
  url: string
  /** How often the page has asked for a token. */
  tokenCalls: number
  /** Bodies that other libraries have posted to servers of their own. */
  readonly others: string[]
  signIn(id: string | null): void
  contact(id: string): StoredContact | undefined
  /** Makes the proxy answer 503 to everything, or no longer. */
  setDown(isDown: boolean): void
  close(): Promise<void>
}

const secret = 'a secret of the tests, 32 bytes and more'
const dist = (file: string): Buffer => readFileSync(new URL(`../../../dist/${file}`, import.meta.url))

const readBody = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/**
 * @param script the page's module
 * @param markup what a server has rendered into `#root`
 */
export const startApp = async (script: string, markup = ''): Promise<App> => {
  const api = createContactsApi({ apiKey: 'key' })
  const proxy = createProxy({
    verify: jwt({ secret }),
    upstream: {
      apiKey: 'key',
      serverUrl: 'https://api.invalid',
      fetch: (url, init) => api.fetch(new Request(url, init)),
    },
  })
  let person: string | null = null
  const imports = JSON.stringify({ imports: { 'orq-identify': '/orq/orq.esm.js' } })
  const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
    <script type="importmap">${imports}</script>
    <div id="root">${markup}</div><script type="module" src="/page.js"></script>`

  const others: string[] = []
  const site = await serveSite(async (incoming, response) => {
    const { url = '', method = 'GET', headers } = incoming
    const send = (type: string, body: string | Buffer) => response.setHeader('content-type', type).end(body)
    if (url === '/') return void send('text/html', html)
    if (url === '/page.js') return void send('text/javascript', script)
    if (/^\/orq\/[\w.]+\.js/.test(url)) return void send('text/javascript', dist(url.slice(5).split('?')[0] as string))
    if (url === '/token') {
      app.tokenCalls++
      if (person === null) return void response.writeHead(204).end()
      return void send('application/json', JSON.stringify({ token: await mintToken({ subject: person }, { secret }) }))
    }
    const body = await readBody(incoming)
    if (url !== '/orq/v2/contacts') {
      others.push(String(body))
      return void send('application/json', '{"success":true}')
    }
    const request = new Request(`${app.url}${url}`, {
      method,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: new Uint8Array(body),
    })
    const answer = await proxy.fetch(request)
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  })

  const app: App = {
    url: site.url,
    tokenCalls: 0,
    others,
    signIn: (id) => {
      person = id
    },
    contact: (id) => api.list(new URLSearchParams({ limit: '50' }))?.data.find((one) => one.external_id === id),
    setDown: (isDown) => api.setFault(isDown ? 'down' : 'ok'),
    close: async () => {
      await site.close()
      await proxy.close()
      api.close()
    },
  }
  return app
}
