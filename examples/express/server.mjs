// Express with sessions: people sign in, the page gets a token for whoever the session says, the proxy is one route.
import { randomBytes } from 'node:crypto'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import session from 'express-session'
import { createBrowserFiles } from 'orq-identify/node'
import { createProxy, jwt, mintToken } from 'orq-identify/server'

const { ORQ_API_KEY: apiKey, ORQ_SERVER_URL: serverUrl, ORQ_TOKEN_SECRET: secret, PORT = '8080' } = process.env
// Cookies are signed with a secret of their own: whoever learns that of the tokens must not be able to sign in as anyone.
// Without one, a restart signs everybody out; several servers need the same.
const sessionSecret = process.env.SESSION_SECRET ?? randomBytes(32).toString('base64')
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

app.use(session({ secret: sessionSecret, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
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
