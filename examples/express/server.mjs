// Express with sessions: people sign in, the page gets a token for whoever the session says, the proxy is one route.
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import session from 'express-session'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
const proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey, serverUrl } })
const files = createBrowserFiles()

const app = express()

// Before any body parser: the proxy reads the body itself. `all`, not `use`, which would cut /orq off the URL.
app.all(
  '/orq/*path',
  getRequestListener(
    async (request, { incoming }) =>
      (await files(request)) ?? proxy.fetch(request, { address: incoming.socket.remoteAddress }),
  ),
)

app.use(session({ secret, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
app.use(express.urlencoded({ extended: false }))

// Your own sign-in. Here everybody is who they say they are.
app.post('/sign-in', (request, response, next) =>
  request.session.regenerate((error) => {
    if (error) return next(error)
    request.session.user = { id: `user_${request.body.name}`, name: request.body.name }
    response.redirect(303, '/')
  }),
)
app.post('/sign-out', (request, response, next) =>
  request.session.destroy((error) => (error ? next(error) : response.redirect(303, '/'))),
)

// Whose contact this page may write is the session's word, never the page's.
app.post('/token', async (request, response) => {
  const { user } = request.session
  if (!user) return response.status(204).end()
  const token = await mintToken({ subject: user.id }, { secret })
  response.set('Cache-Control', 'no-store').json({ token })
})

app.get('/me', (request, response) => response.json(request.session.user ?? null))
app.get('/', (_, response) => response.sendFile('index.html', { root: import.meta.dirname }))

const server = app.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`Open http://127.0.0.1:${server.address().port}`),
)
