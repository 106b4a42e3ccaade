import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type BrowserFiles, createBrowserFiles } from '../../src/node/browser-files.ts'
import { createProxy, jwt, mintToken } from '../../src/server.ts'
import { apiKey, startUpstream } from './in-page/upstream.ts'
import { serveSite } from './site.ts'

const secret = 'a secret of the tests, 32 bytes and more'
const dist = fileURLToPath(new URL('../../dist/', import.meta.url))

/** An app as its users meet it: a page, a token route for one person, the browser files and the real proxy. */
export interface AppSite {
  url: string
  /** The page at `/`. */
  html: string
  /** Further texts, by path. */
  texts: Record<string, string>
  /** What answers below `/orq` but for updates. Another one stands for a deploy. */
  files: BrowserFiles
  /** Paths that have been asked for, with their query. */
  paths: string[]
  /** Bodies that upstream has received. */
  received(): Record<string, unknown>[]
  close(): Promise<void>
}

const toRequest = async (incoming: IncomingMessage): Promise<Request> => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const { method = 'GET', url, headers } = incoming
  return new Request(`http://app.test${url}`, {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...(method === 'POST' && { body: Buffer.concat(chunks) }),
  })
}

export const startAppSite = async (externalId: string): Promise<AppSite> => {
  const upstream = await startUpstream()
  const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl: upstream.url } })

  const answer = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url)
    app.paths.push(pathname + search)
    if (pathname === '/') return new Response(app.html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    // The second one is where a tag without options looks.
    if (pathname === '/token' || pathname === '/orq/token')
      return Response.json({ token: await mintToken({ subject: externalId }, { secret }) })
    const text = app.texts[pathname]
    if (text !== undefined) return new Response(text, { headers: { 'content-type': 'text/javascript' } })
    return (await app.files(request)) ?? proxy.fetch(request)
  }

  const site = await serveSite(async (incoming, response) => {
    const given = await answer(await toRequest(incoming))
    response.writeHead(given.status, Object.fromEntries(given.headers)).end(await given.bytes())
  })

  const app: AppSite = {
    url: site.url,
    html: '<!doctype html>',
    texts: {},
    files: createBrowserFiles({ folder: dist }),
    paths: [],
    received: () => upstream.received(externalId),
    close: async () => {
      await site.close()
      await upstream.close()
      await proxy.close()
    },
  }
  return app
}
