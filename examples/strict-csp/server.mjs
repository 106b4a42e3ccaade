// The script tag under a policy that allows nothing but scripts with this page's nonce and requests to its own origin.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const files = createBrowserFiles()
const page = await readFile(new URL('index.html', import.meta.url), 'utf8')

const app = new Hono()
app.get('/', (c) => {
  const nonce = randomBytes(16).toString('base64')
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
  ]
  return c.html(page.replaceAll('{nonce}', nonce), 200, { 'content-security-policy': policy.join('; ') })
})
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
