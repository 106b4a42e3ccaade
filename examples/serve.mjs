// Serves one of the pages that are a single file, script-tag or esm, with everything that it needs.
// `node examples/start.mjs script-tag` starts it without any setting; at / the page says what became of Jane's contact.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, PORT = '8080' } = process.env
const example = process.argv[2]
if (!apiKey || !['script-tag', 'esm'].includes(example)) {
  console.error('Usage: ORQ_API_KEY=… node examples/serve.mjs script-tag|esm')
  console.error('Without a key: node examples/start.mjs script-tag|esm')
  process.exit(2)
}

const secret = randomBytes(32).toString('base64')
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const files = createBrowserFiles()
const page = await readFile(new URL(`./${example}/index.html`, import.meta.url))

const server = serve(
  {
    hostname: '127.0.0.1',
    port: Number(PORT),
    fetch: async (request, { incoming }) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } })
      // Your own route: mint for whoever is signed in by your session. Here it is always Jane.
      if (pathname === '/token' && request.method === 'POST')
        return Response.json(
          { token: await mintToken({ subject: 'user_1' }, { secret }) },
          { headers: { 'cache-control': 'no-store' } },
        )
      return (await files(request)) ?? proxy.fetch(request, { address: incoming.socket.remoteAddress })
    },
  },
  ({ port }) => console.log(`Open http://127.0.0.1:${port}`),
)
process.once('SIGTERM', () => server.close())
