import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jwt } from '../../src/server.ts'
import { findPython } from '../examples/languages.mjs'
import { heavy, isAll } from '../is-all.ts'
import { apiKey, secret, tokenFor } from '../node/running-proxy.ts'
import { startUpstream, type Upstream } from '../upstream/server.ts'
import { createApp, runInNode } from './app-folder.ts'
import { snippet } from './snippets.ts'

const environment = { ORQ_API_KEY: apiKey, ORQ_TOKEN_SECRET: secret }
const withApi = ({ url }: Upstream) => ({ ...environment, CONTACTS_API: url })
const jane = { external_id: 'user_1', email: 'jane@example.com' }

/** What a token says, where it is verified as the proxy verifies it. */
const claimsOf = async (token: string) =>
  jwt({ secret })(token, new Request('https://app.example/orq/v2/contacts', { method: 'POST' }))

const expectOneJane = ({ received, log }: Upstream): void => {
  expect(log()).toEqual([`POST /v2/contacts ${JSON.stringify(jane)}`])
  expect(received[0]?.headers.authorization).toBe(`Bearer ${apiKey}`)
}

test('the proxy delivers what a page posts, for the person of its token alone', async () => {
  const upstream = await startUpstream()
  const listen = `import { serve } from '@hono/node-server'
    import app from './proxy.js'
    serve({ ...app, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log('http://127.0.0.1:' + port))`
  const app = createApp({ 'proxy.js': snippet('proxy'), 'listen.js': listen }, ['node_modules/@hono/node-server'])
  const url = await runInNode(app, 'listen.js', withApi(upstream)).url
  const post = async (subject: string) => {
    const headers = { authorization: `Bearer ${await tokenFor(subject)}`, 'content-type': 'application/json' }
    return (await fetch(`${url}/orq/v2/contacts`, { method: 'POST', headers, body: JSON.stringify(jane) })).status
  }
  expect([await post('user_2'), await post('user_1')]).toEqual([403, 200])
  expectOneJane(upstream)
})

test('a server writes a contact without a page, and once more when the first call fails', async () => {
  const upstream = await startUpstream({ status: 503 })
  await runInNode(createApp({ 'contacts.js': snippet('contacts') }), 'contacts.js', withApi(upstream)).ended
  expect(upstream.log()).toHaveLength(2)
  upstream.received.shift()
  expectOneJane(upstream)
})

const express = ['express', 'express-session'].map((name) => `tests/node_modules/${name}`)
const hasExpress = express.every((path) => existsSync(join(import.meta.dirname, '../..', path)))

test.runIf(hasExpress)('in Express the token route knows whoever is signed in, and nobody else', heavy, async () => {
  const around = `import express from 'express'
    import session from 'express-session'
    const app = express()
    app.use(session({ secret: 'of the session', resave: false, saveUninitialized: false }))
    app.post('/sign-in', (request, response) => {
      request.session.userId = 'user_1'
      response.end()
    })
    const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))\n`
  const program = runInNode(createApp({ 'app.js': around + snippet('token route') }, express), 'app.js', environment)
  const ask = async (path: string, cookie = '') =>
    fetch(`${await program.url}${path}`, { method: 'POST', headers: { cookie } })
  expect((await ask('/token')).status).toBe(204)
  const cookie = (await ask('/sign-in')).headers.get('set-cookie')?.split(';')[0]
  const answer = await ask('/token', cookie)
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const { token } = (await answer.json()) as { token: string }
  expect(await claimsOf(token)).toMatchObject({ subject: 'user_1' })
})

const python = isAll ? findPython() : undefined

describe('in Python', heavy, () => {
  test.skipIf(!python)('the function mints a token for its subject alone (needs python3 with PyJWT)', async () => {
    const program = `${snippet('python')}\nimport sys\nprint(orq_token(sys.argv[1]))`
    const env = { ...process.env, ORQ_TOKEN_SECRET: secret, PYTHONIOENCODING: 'utf-8' }
    const token = execFileSync(python as string, ['-c', program, 'user_Łódź'], { env, encoding: 'utf8' }).trim()
    expect(await claimsOf(token)).toMatchObject({ subject: 'user_Łódź' })
  })
})
