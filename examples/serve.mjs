// Serves one of the example pages with everything it needs: `node examples/serve.mjs script-tag`.
// ORQ_API_KEY is your workspace's key; with `npm start` running elsewhere, the embedded API does as well:
//   ORQ_SERVER_URL=http://127.0.0.1:8787 ORQ_API_KEY=$(cat .orq/api-key) node examples/serve.mjs script-tag
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, PORT = '8080' } = process.env
const example = process.argv[2] ?? 'script-tag'
if (!apiKey || !/^[a-z-]+$/.test(example)) {
  console.error('Usage: ORQ_API_KEY=… node examples/serve.mjs script-tag|esm')
  process.exit(2)
}

const secret = randomBytes(32).toString('base64')
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const file = async (path, type) => {
  const body = await readFile(new URL(path, import.meta.url))
  return new Response(body, { headers: { 'content-type': type } })
}

const server = serve(
  {
    hostname: '127.0.0.1',
    port: Number(PORT),
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/') return file(`./${example}/index.html`, 'text/html; charset=utf-8')
      if (/^\/orq\/[a-z.]+\.js$/.test(pathname)) return file(`../dist/${pathname.slice(5)}`, 'text/javascript')
      // Your own route: mint for whoever is signed in by your session. Here it is always Jane.
      if (pathname === '/token' && request.method === 'POST')
        return Response.json(
          { token: await mintToken({ subject: 'user_1' }, { secret }) },
          { headers: { 'cache-control': 'no-store' } },
        )
      return proxy.fetch(request)
    },
  },
  ({ port }) => console.log(`Open http://127.0.0.1:${port}`),
)
process.once('SIGTERM', () => server.close())
