import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { delivered, refused, reply, tokenFor } from './harness.ts'
import { createSite, redirected, type Site, watchConsole } from './site.ts'

/** Nothing of a token, and nothing of a person. */
const personal = /eyJ|jane|hush|user_1/
const user = { externalId: 'user_1', email: 'jane@example.com' }

/** One call, and ten minutes of whatever follows from it by itself. */
const callAndWait = async (site: Site, options: ClientOptions = {}) => {
  const console = watchConsole()
  const orq = site.open(options)
  const outcome = await site.outcomeOf(orq.identify(user), 15_000)
  await site.clock.advance(600_000)
  for (const line of console.all()) expect(line).not.toMatch(personal)
  return { outcome, ...console }
}

const jsonToken = (body: unknown) => (): Response => reply(200, body, { 'content-type': 'application/json' })
const textToken =
  (text: string, type = 'text/html') =>
  (): Response =>
    reply(200, text, { 'content-type': type })

describe('a token route that is wrong: pending: token_source, one console error with what to do, and no request to the proxy', () => {
  test.each<[string, () => Response | Error, RegExp]>([
    ["404 of an app's own", () => reply(404, '<!doctype html>Not found'), /token route is not there \(404\).*tokenUrl/],
    [
      '404 of a proxy that makes no tokens',
      () => refused(404, 'not_found'),
      /token route is not there \(404\).*let the proxy make tokens/,
    ],
    ['405', () => reply(405, ''), /token route answers 405.*"token".*204/],
    ['403 of a filter against forged requests', () => reply(403, 'CSRF token missing'), /token route answers 403/],
    ['400', () => reply(400, { error: 'bad' }), /token route answers 400/],
    ['419 of Laravel', () => reply(419, 'Page expired'), /token route answers 419/],
    ['500 with the stack of an error', () => reply(500, 'Error: hush of jane@example.com'), /token route answers 500/],
    ['502 of a gateway', () => reply(502, '<html>Bad gateway'), /token route answers 502/],
    ['a redirect', redirected, /token route redirects.*tokenUrl.*204/],
    ['the HTML of the app with 200', textToken('<!doctype html><title>App</title>'), /token route answers without/],
    ['no body with 200', textToken(''), /token route answers without/],
    ['the bare token as text', textToken(tokenFor('user_1'), 'text/plain'), /token route answers without/],
    ['the bare token as JSON', jsonToken(JSON.stringify(tokenFor('user_1'))), /token route answers without/],
    ['{ access_token }', jsonToken({ access_token: tokenFor('user_1') }), /token route answers without/],
    ['{ Token }', jsonToken({ Token: tokenFor('user_1') }), /token route answers without/],
    ['{ data: { token } }', jsonToken({ data: { token: tokenFor('user_1') } }), /token route answers without/],
    ['{}', jsonToken({}), /token route answers without/],
    ['a JSON array', jsonToken([tokenFor('user_1')]), /token route answers without/],
    ['a JSON number', jsonToken('5'), /token route answers without/],
    ['{ token: 123 }', jsonToken({ token: 123 }), /token route answers without/],
    ['{ token: true }', jsonToken({ token: true }), /token route answers without/],
    ['{ token: false }', jsonToken({ token: false }), /token route answers without/],
    ['{ token: { token } }', jsonToken({ token: { token: tokenFor('user_1') } }), /token route answers without/],
    ['{ token: [token] }', jsonToken({ token: [tokenFor('user_1')] }), /token route answers without/],
    ['JSON that breaks off', textToken('{"token":"eyJ', 'application/json'), /token route answers without/],
    ['a network failure', () => new TypeError('Failed to fetch'), /token route cannot be reached/],
  ])('%s', async (_, answer, words) => {
    const site = createSite()
    site.token = answer
    const { outcome, errors, warnings } = await callAndWait(site)
    expect(outcome).toBe('pending: token_source')
    expect(errors).toEqual([expect.stringMatching(words)])
    expect(warnings).toEqual([])
    expect(site.posts).toEqual([])
    // It is asked again by itself, with pauses.
    expect(site.tokens.length).toBeGreaterThan(1)
    // Twice each time where it redirects: with a slash at its end, too.
    expect(site.tokens.length).toBeLessThan(80)
  })

  test('and once it is right, what waits is delivered without another call', async () => {
    watchConsole()
    const site = createSite()
    site.token = () => reply(500, '')
    site.open().identify(user)
    await site.clock.advance(60_000)
    site.token = jsonToken({ token: tokenFor('user_1') })
    await site.clock.advance(120_000)
    expect(site.posts.map(({ body }) => body.email)).toEqual(['jane@example.com'])
  })
})

describe('nobody is signed in: pending: no_token, and not a word', () => {
  test.each<[string, () => Response]>([
    ['204', () => new Response(null, { status: 204 })],
    ['401', () => reply(401, 'Unauthorized')],
    ['401 with JSON', () => reply(401, { code: 'token_missing' })],
    ['{ token: null }', jsonToken({ token: null })],
  ])('the token route answers %s', async (_, answer) => {
    const site = createSite()
    site.token = answer
    const { outcome, all } = await callAndWait(site)
    expect(outcome).toBe('pending: no_token')
    expect(all()).toEqual([])
    expect(site.tokens).toHaveLength(1)
  })

  test.each<[string, ClientOptions['token']]>([
    ['null', () => null],
    ['undefined, as of a session without a user', async () => undefined],
    ["''", () => ''],
    ['a promise of null', async () => null],
  ])('the token function gives %s', async (_, token) => {
    const { outcome, all } = await callAndWait(createSite(), { token })
    expect(outcome).toBe('pending: no_token')
    expect(all()).toEqual([])
  })
})

describe('a token function that is wrong: pending: token_source, and one console error that names it', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['gives an object', () => ({ token: tokenFor('user_1') }), /token function failed.*text, or null/],
    ['gives a promise of an object', async () => ({ token: tokenFor('user_1') }), /token function failed/],
    ['gives a Response', async () => reply(200, { token: tokenFor('user_1') }), /token function failed/],
    ['gives a number', () => 5, /token function failed/],
    ['gives false', () => false, /token function failed/],
    ['gives a list', async () => [tokenFor('user_1')], /token function failed/],
    ['gives a function', () => () => tokenFor('user_1'), /token function failed/],
    ['gives a symbol', () => Symbol('token'), /token function failed/],
    [
      'throws',
      () => {
        throw new Error('no session of jane@example.com')
      },
      /token function failed/,
    ],
    ['rejects with an error', () => Promise.reject(new Error('hush')), /token function failed/],
    ['rejects with a text', () => Promise.reject('jane@example.com'), /token function failed/],
    ['rejects with a status', () => Promise.reject(404), /token function failed/],
    ['rejects with nothing', () => Promise.reject(), /token function failed/],
    ['never settles', () => new Promise(() => {}), /token did not come within timeoutMs/],
    ['gives a regular expression', () => /eyJ/, /token function failed/],
  ])('%s', async (_, token, words) => {
    const site = createSite()
    const { outcome, errors, warnings } = await callAndWait(site, { token: token as ClientOptions['token'] })
    expect(outcome).toBe('pending: token_source')
    expect(errors).toEqual([expect.stringMatching(words)])
    expect(warnings).toEqual([])
    expect(site.posts).toEqual([])
  })
})

describe('a proxy on another origin', () => {
  const proxyUrl = 'https://proxy.example/orq'

  test('without token or tokenUrl: pending: token_source, one error that names both, and nothing is asked', async () => {
    const site = createSite()
    const { outcome, errors } = await callAndWait(site, { proxyUrl })
    expect(outcome).toBe('pending: token_source')
    expect(errors).toEqual([expect.stringMatching(/set tokenUrl or token.*another origin/)])
    expect([site.tokens, site.posts]).toEqual([[], []])
  })

  test.each([
    'https://app.example:8443/orq',
    'http://app.example/orq',
    'https://www.app.example/orq',
    '//app.example.evil.example/orq',
  ])('%s is another origin', async (other) => {
    const site = createSite()
    const { outcome } = await callAndWait(site, { proxyUrl: other })
    expect(outcome).toBe('pending: token_source')
    expect(site.tokens).toEqual([])
  })

  test('that a page may not call for want of CORS: pending: unreachable, one line that names allowedOrigins', async () => {
    const site = createSite()
    site.proxy = () => new TypeError('Failed to fetch')
    const { outcome, all } = await callAndWait(site, { proxyUrl, token: tokenFor('user_1') })
    expect(outcome).toBe('pending: unreachable')
    expect(all()).toEqual([
      expect.stringMatching(/nobody answers at proxyUrl https:\/\/proxy\.example\/orq.*allowedOrigins/),
    ])
  })

  test('that refuses the origin of the page: pending: unreachable, one error that names allowedOrigins', async () => {
    const site = createSite()
    site.proxy = () => refused(403, 'origin_forbidden')
    const { outcome, errors, all } = await callAndWait(site, { proxyUrl, token: tokenFor('user_1') })
    expect(outcome).toBe('pending: unreachable')
    expect(errors).toEqual([expect.stringMatching(/refuses this page's origin.*allowedOrigins/)])
    expect(all()).toHaveLength(1)
  })
})

describe('a proxyUrl that is not the folder of the proxy: pending: unreachable, and one error that names it', () => {
  test.each<[string, string, () => Response, RegExp]>([
    [
      "our proxy's own 404",
      '/',
      () => refused(404, 'not_found'),
      /proxyUrl https:\/\/app\.example is not the folder.*basePath/,
    ],
    [
      'the path of the contacts too',
      '/orq/v2/contacts',
      () => refused(404, 'not_found'),
      /proxyUrl \S+\/v2\/contacts is not the folder.*basePath/,
    ],
    [
      "404 of the app's own",
      '/orc',
      () => reply(404, '<!doctype html>'),
      /no proxy of ours answers at proxyUrl https:\/\/app\.example\/orc \(status 404\)/,
    ],
    ['405 of a file server', '/public', () => reply(405, 'Method not allowed'), /no proxy of ours answers.*status 405/],
    ["the app's page with 200", '/app', () => reply(200, '<!doctype html>'), /no proxy of ours answers.*status 200/],
    ['JSON null with 200', '/api', () => reply(200, 'null'), /no proxy of ours answers.*status 200/],
    ['a JSON list with 200', '/api', () => reply(200, '[]'), /no proxy of ours answers.*status 200/],
    [
      'the contacts API, which wants an API key',
      '/',
      () => reply(401, { error: 'Unauthorized' }),
      /no proxy of ours answers.*status 401/,
    ],
  ])('%s', async (_, proxyUrl, answer, words) => {
    const site = createSite()
    site.proxy = answer
    const { outcome, errors, warnings } = await callAndWait(site, { proxyUrl, token: tokenFor('user_1') })
    expect(outcome).toBe('pending: unreachable')
    expect(errors).toEqual([expect.stringMatching(words)])
    expect(warnings).toEqual([])
  })
})

describe('a token that the proxy refuses: pending: token_refused, and one error that names the code', () => {
  test.each(['token_invalid', 'token_missing'])('%s, of a token route', async (code) => {
    const site = createSite()
    site.proxy = () => refused(401, code)
    const { outcome, errors, warnings } = await callAndWait(site)
    expect(outcome).toBe('pending: token_refused')
    expect(errors).toEqual([expect.stringMatching(new RegExp(`refuses the token \\(${code}\\).*same secret or keys`))])
    expect(warnings).toEqual([])
    expect([site.posts.length, site.tokens.length]).toEqual([2, 2])
  })
})

describe('a token for somebody else: pending: other_person, and one error that says so', () => {
  test.each<[string, unknown]>([
    ['an id of another form', 'u_1'],
    ['another case', 'User_1'],
    ['a blank behind it', 'user_1 '],
    ['an e-mail address', 'jane@example.com'],
    ['a number', 7],
    ['null', null],
    ['an object', { id: 'user_1' }],
    ['no text', ''],
    ['true', true],
  ])('sub is %s', async (_, sub) => {
    const site = createSite()
    site.token = jsonToken({ token: tokenFor(sub as string) })
    const { outcome, errors, warnings } = await callAndWait(site)
    expect(outcome).toBe('pending: other_person')
    expect(errors).toEqual([expect.stringMatching(/token names another person than identify/)])
    expect(warnings).toEqual([])
    expect(site.posts).toEqual([])
  })

  test('the proxy says so: one error too', async () => {
    const site = createSite()
    site.token = jsonToken({ token: 'opaque' })
    site.proxy = () => refused(403, 'scope_mismatch')
    const { outcome, errors } = await callAndWait(site)
    expect(outcome).toBe('pending: other_person')
    expect(errors).toEqual([expect.stringMatching(/names another person/)])
  })
})

test('two mistakes in a row are two errors, one each, however often each comes', async () => {
  const { errors } = watchConsole()
  const site = createSite()
  const orq = site.open()
  for (let n = 0; n < 5; n++) {
    site.token = () => reply(500, '')
    orq.identify({ ...user, metadata: { n } })
    await site.clock.advance(20_000)
    site.token = jsonToken({ token: tokenFor('u_1') })
    orq.identify({ ...user, metadata: { n: -n } })
    await site.clock.advance(200_000)
  }
  site.token = jsonToken({ token: tokenFor('user_1') })
  site.proxy = delivered
  orq.identify({ ...user, metadata: {} })
  await site.clock.advance(200_000)
  expect(site.posts).toHaveLength(1)
  expect(errors).toHaveLength(2)
})
