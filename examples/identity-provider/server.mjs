// An app that mints nothing: the page's access token of the identity provider is what the proxy takes.
import { readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwks } from 'orq-identify/server'
import { startProvider } from './provider.mjs'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, PORT = '8080', PROVIDER_PORT = '0' } = process.env
const clientId = 'app'
const audience = 'https://app.example/api'
const files = createBrowserFiles()

const app = new Hono()
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(PORT) }, async ({ port }) => {
  const appUrl = `http://127.0.0.1:${port}`
  const { issuer } = await startProvider({ port: Number(PROVIDER_PORT), clientId, appUrl, audience })
  const proxy = createProxy({
    // `sub` is the external id: a claim that people cannot edit themselves.
    verify: jwks({ url: `${issuer}/jwks`, issuer, audience, fields: ['display_name', 'email'] }),
    upstream: { apiKey, serverUrl },
  })
  const file = (path, type) => async (c) =>
    c.body(await readFile(new URL(path, import.meta.url)), 200, { 'content-type': type })
  app.get('/', file('index.html', 'text/html; charset=utf-8'))
  app.get('/sign-in.mjs', file('sign-in.mjs', 'text/javascript'))
  app.get('/settings', (c) => c.json({ issuer, clientId }))
  app.all(
    '/orq/*',
    async (c) => (await files(c.req.raw)) ?? proxy.fetch(c.req.raw, { address: getConnInfo(c).remote.address }),
  )
  console.log(`Open ${appUrl}`)
})
process.once('SIGTERM', () => server.close(() => process.exit()))
