// The proxy as a route of a Hono app, here on Node. `node examples/start.mjs hono` starts it with all that it needs; at / its
// page says what became of Jane's contact.
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const files = createBrowserFiles()
const page = await readFile(new URL('../script-tag/index.html', import.meta.url), 'utf8')

const app = new Hono()
app.get('/', (c) => c.html(page))
app.all(
  '/orq/*',
  async (c) => (await files(c.req.raw)) ?? proxy.fetch(c.req.raw, { address: getConnInfo(c).remote.address }),
)
// For whoever is signed in by your session; here it is always Jane.
app.post('/token', async (c) => {
  const token = await mintToken({ subject: 'user_1' }, { secret })
  return c.json({ token }, 200, { 'cache-control': 'no-store' })
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(PORT) }, ({ port }) =>
  console.log(`Open http://127.0.0.1:${port}`),
)
