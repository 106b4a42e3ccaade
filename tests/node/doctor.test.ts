import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CommandContext } from '../../src/node/commands/command.ts'
import { doctorCommand } from '../../src/node/commands/doctor.ts'
import { runProgram } from '../../src/node/commands/main.ts'
import { type Serving, serve, sqlite } from '../../src/node.ts'
import { jwt, mintToken } from '../../src/server.ts'
import { openUpstream, type Upstream } from '../upstream/server.ts'
import { type Exchange, type Front, startFront } from './doctor-front.ts'
import { runProxy, secret, tokenFor } from './running-proxy.ts'

const distFolder = fileURLToPath(new URL('../../dist', import.meta.url))
const listed = 'https://pages.example'

let upstream: Upstream
const closings: (() => void)[] = []
let proxy: Serving
const folder = mkdtempSync(join(tmpdir(), 'orq-doctor-'))
beforeAll(async () => {
  upstream = await openUpstream([], (task) => closings.push(task))
  proxy = await serve({
    verify: jwt({ secret }),
    upstream: { apiKey: 'key', serverUrl: upstream.url },
    store: sqlite({ path: join(folder, 'orq.db') }),
    allowedOrigins: [listed],
    addressLimit: 0,
    distFolder,
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
  })
})
afterAll(async () => {
  await proxy?.close()
  for (const close of closings) close()
  rmSync(folder, { recursive: true })
})

const examine = async (args: string[], environment: CommandContext['environment'] = {}) => {
  const lines: string[] = []
  const errors: string[] = []
  const context: CommandContext = {
    environment,
    version: '0.0.0',
    distFolder,
    print: (line) => lines.push(line),
    printed: async () => true,
    printsToTerminal: false,
    warn: (line) => errors.push(line),
    stopped: () => new Promise(() => {}),
    onCrash: () => {},
  }
  const program = { name: 'orq-identify', version: '0.0.0', description: '', commands: { doctor: doctorCommand } }
  const status = await runProgram({ ...program, colours: false }, ['doctor', ...args], context)
  /** The findings of a level, each as `about: text`. */
  const of = (level: string): string[] =>
    lines.filter((line) => line.startsWith(`${level.padEnd(5)}  `)).map((line) => line.slice(7))
  return { status, lines, errors, of }
}

/** Examines the proxy behind something that breaks it. */
const examineBehind = async (front: Front, args: string[] = []) => {
  const site = await startFront(proxy.url, front)
  onTestFinished(() => site.close())
  return examine([`${site.url}/orq`, ...args])
}

describe('a good deployment', () => {
  test('is told to be one, line by line, by the program itself with exit status 0', async () => {
    const running = await runProxy(upstream.url)
    const child = spawn(process.execPath, [join(distFolder, 'cli.js'), 'doctor', running.url])
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
      })
    expect([await new Promise((resolve) => child.once('close', resolve)), output]).toEqual([
      0,
      expect.stringMatching(/^All is well: \d+ good, 0 to note\.$/m),
    ])
    expect(output).toMatch(/^ok {5}route: POST \/orq\/v2\/contacts is answered by the proxy$/m)
    expect(output).toMatch(/^ok {5}orq\.js: text\/javascript; charset=utf-8, \d+ bytes by br$/m)
    expect(output).not.toMatch(/^(note|wrong)/m)
  })

  test('may have its pages on a listed origin', async () => {
    const { status, lines } = await examine([`${proxy.url}/orq`, '--origin', listed])
    expect(lines).toContain(`ok     preflight: ${listed} may write`)
    expect(lines).toContain('ok     cors: answers and Retry-After can be read')
    expect(status).toBe(0)
  })

  test('may have no browser files, which is noted', async () => {
    const { status, of } = await examineBehind({
      incoming: ({ path }) => (path.includes('.js') ? { status: 404 } : undefined),
    })
    expect(of('note')).toEqual([expect.stringMatching(/^files: there are none in \/orq\/; .*bundler/)])
    expect(status).toBe(0)
  })

  test('keeps no contact of an examination, not even with a token', async () => {
    const before = upstream.received.length
    const { status, lines } = await examine([`${proxy.url}/orq`, '--token', await tokenFor('doctor_1')])
    expect(lines).toContain('ok     token: is taken')
    expect([status, upstream.received.length]).toEqual([0, before])
  })

  test('gets the one contact that --write asks for', async () => {
    const { status, lines } = await examine([`${proxy.url}/orq`, '--write'], { ORQ_TOKEN: await tokenFor('doctor_2') })
    expect(lines).toContain('ok     write: the contacts API has taken the contact')
    expect([status, upstream.received.at(-1)?.json]).toEqual([0, { external_id: 'doctor_2' }])
  })
})

const json = (value: object, headers = {}) => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(value)),
})
const html = { headers: { 'content-type': 'text/html' }, body: Buffer.from('<!doctype html>') }
const isRoute = ({ path }: Exchange): boolean => path.endsWith('/v2/contacts')

/** Takes a header away before the proxy sees it. */
const without =
  (...names: string[]): Front['incoming'] =>
  ({ headers }) => {
    for (const name of names) delete headers[name]
    return undefined
  }

/** Changes headers of the answers to some requests. */
const withHeaders =
  (isMeant: (exchange: Exchange) => boolean, headers: Record<string, string | undefined>): Front['outgoing'] =>
  (reply, exchange) => {
    if (isMeant(exchange)) Object.assign(reply.headers, headers)
  }

const isFile =
  (name: string) =>
  ({ path }: Exchange): boolean =>
    path.split('?')[0] === `/orq/${name}`

describe('what is broken is a line that says how to mend it, and exit status 1', () => {
  test.each<[string, Front, string[], RegExp]>([
    [
      'a route that leads to the pages',
      { incoming: (exchange) => (isRoute(exchange) ? html : undefined) },
      [],
      /^route: .* answered 200 "text\/html", not by the proxy; lead \/orq\/ to the proxy/,
    ],
    [
      'a sign-in in front',
      { incoming: (exchange) => (isRoute(exchange) ? { status: 302, headers: { location: '/login' } } : undefined) },
      [],
      /^route: .* answered 302 without a type, .*without a redirect/,
    ],
    [
      'error pages in place of errors',
      {
        outgoing: (reply, exchange) => {
          if (isRoute(exchange) && reply.status >= 400) Object.assign(reply, html)
        },
      },
      [],
      /^route: .* answered 401 "text\/html", .*errors too/,
    ],
    [
      'another folder',
      {
        incoming: (exchange) => {
          exchange.path = exchange.path.replace('/orq/v2', '/v2')
          return undefined
        },
      },
      [],
      /^route: .* answered 404 not_found; ORQ_BASE_PATH .* another folder than \/orq\//,
    ],
    [
      'answers that caches may keep',
      { outgoing: withHeaders(isRoute, { 'cache-control': 'max-age=60' }) },
      [],
      /^headers: Cache-Control lacks no-store; /,
    ],
    [
      'answers that are the same for all origins',
      { outgoing: withHeaders(isRoute, { vary: 'Accept-Encoding' }) },
      [],
      /^headers: Vary lacks Origin; /,
    ],
    [
      'a front that keeps Authorization to itself',
      { incoming: without('authorization') },
      [],
      /^token header: .* 401 token_missing; let the Authorization header/,
    ],
    [
      'a front that takes small bodies only',
      { incoming: ({ headers }) => (Number(headers['content-length']) > 8_000 ? { status: 413 } : undefined) },
      [],
      /^body size: 32000 bytes: answered 413 .*allow a body of that size/,
    ],
    [
      'a front without Sec-Fetch-Site',
      { incoming: without('sec-fetch-site') },
      [],
      /^route: .* 403 origin_forbidden; let Origin and Sec-Fetch-Site reach the proxy/,
    ],
    [
      'a front that drops both headers of the table',
      { incoming: without('origin', 'sec-fetch-site') },
      [],
      /^origin table: a page of another site should be refused: answered 401 token_missing; let Origin/,
    ],
    [
      'CORS for everybody',
      { outgoing: withHeaders(isRoute, { 'access-control-allow-origin': '*' }) },
      [],
      /^cors: a stranger’s page may read answers; leave CORS headers to the proxy/,
    ],
    [
      'preflights that a front answers',
      { incoming: ({ method }) => (method === 'OPTIONS' ? { status: 204 } : undefined) },
      [],
      /^preflight: of a stranger: answered 204 .*leave CORS headers/,
    ],
    [
      'an origin that is not listed',
      {},
      ['--origin', 'https://other.example'],
      /^route: .* 403 origin_forbidden; add https:\/\/other\.example to ORQ_ALLOWED_ORIGINS/,
    ],
    [
      'a preflight without our header',
      {
        outgoing: withHeaders(({ method }) => method === 'OPTIONS', {
          'access-control-allow-headers': 'authorization',
        }),
      },
      ['--origin', listed],
      /^preflight: of https:\/\/pages\.example: answered 204, without content-type, orq-update-id; /,
    ],
    [
      'a Retry-After that pages cannot read',
      { outgoing: withHeaders(isRoute, { 'access-control-expose-headers': undefined }) },
      ['--origin', listed],
      /^cors: Retry-After is not exposed/,
    ],
    [
      'answers that pages of a listed origin cannot read',
      { outgoing: withHeaders(({ method }) => method === 'POST', { 'access-control-allow-origin': undefined }) },
      ['--origin', listed],
      /^cors: https:\/\/pages\.example may not read an answer/,
    ],
    [
      'a clock that is behind',
      { outgoing: withHeaders(isRoute, { date: new Date(Date.now() - 3_600_000).toUTCString() }) },
      [],
      /^clock: the server is 3\d\d\d s behind this machine; set the one that is wrong by NTP/,
    ],
    [
      'a page in place of a file',
      { incoming: (exchange) => (isFile('orq.js')(exchange) ? html : undefined) },
      [],
      /^orq\.js: is served as "text\/html"; /,
    ],
    [
      'a file that is not there, beside one that loads it',
      { incoming: (exchange) => (isFile('transport.js')(exchange) ? { status: 404 } : undefined) },
      [],
      /^transport\.js: answered 404; serve the files of this package’s dist folder/,
    ],
    [
      'a redirect in place of a file',
      { incoming: (exchange) => (isFile('orq.js')(exchange) ? { status: 301 } : undefined) },
      [],
      /^orq\.js: answered 301; /,
    ],
    [
      'a file that is said to be packed otherwise than it is',
      { outgoing: withHeaders(isFile('orq.js'), { 'content-encoding': 'gzip' }) },
      [],
      /^orq\.js: cannot be unpacked; /,
    ],
    [
      'a script that is kept for ever',
      { outgoing: withHeaders(isFile('orq.js'), { 'cache-control': 'max-age=31536000' }) },
      [],
      /^orq\.js: browsers keep it for longer than a day/,
    ],
    [
      'files of two builds',
      {
        outgoing: (reply, exchange) => {
          if (!isFile('transport.js')(exchange)) return
          reply.headers['content-encoding'] = undefined
          reply.body = Buffer.concat([brotliDecompressSync(reply.body), Buffer.from('\n')])
        },
      },
      [],
      /^transport\.js: is of another build than orq\.js; /,
    ],
    [
      'a file that a front has changed',
      {
        outgoing: (reply, exchange) => {
          if (!isFile('orq.full.js')(exchange)) return
          reply.headers['content-encoding'] = undefined
          reply.body = Buffer.concat([brotliDecompressSync(reply.body), Buffer.from('/* injected */')])
        },
      },
      [],
      /^orq\.full\.js: is not what sri\.json says; /,
    ],
    [
      'a file that other origins may not read',
      { outgoing: withHeaders(isFile('orq.full.js'), { 'access-control-allow-origin': undefined }) },
      ['--origin', listed],
      /^orq\.full\.js: https:\/\/pages\.example may not read it; send Access-Control-Allow-Origin/,
    ],
    [
      'a file that other sites may not load',
      { outgoing: withHeaders(isFile('orq.full.js'), { 'cross-origin-resource-policy': 'same-origin' }) },
      ['--origin', listed],
      /^orq\.full\.js: other sites may not load it; /,
    ],
  ])('%s', async (_, front, args, expected) => {
    const { status, of, errors } = await examineBehind(front, args)
    expect(of('wrong')).toContainEqual(expect.stringMatching(expected))
    expect(status).toBe(1)
    expect(errors).toEqual([expect.stringMatching(/^orq-identify doctor: \d+ wrong, \d+ to note, \d+ good$/)])
  })

  test('a server that is not there', async () => {
    const site = await startFront(proxy.url, {})
    await site.close()
    const { status, of } = await examine([site.url])
    expect(of('wrong')).toContain('route: no answer: ECONNREFUSED; check the address, its certificate and that it runs')
    expect(status).toBe(1)
  })

  test('a deployment without https', async () => {
    // An address of this machine that is not a loopback one to whoever reads it.
    const { status, of } = await examine([proxy.url.replace('127.0.0.1', '0.0.0.0')])
    expect(of('wrong')).toEqual([expect.stringMatching(/^https: tokens and contacts travel readable for everybody; /)])
    expect(status).toBe(1)
  })

  test('a proxy that turns everybody away for a while', async () => {
    const { of } = await examineBehind({
      incoming: (exchange) => (isRoute(exchange) ? { status: 429, ...json({ code: 'rate_limited' }) } : undefined),
    })
    expect(of('wrong')).toContainEqual(expect.stringMatching(/^route: .*rate_limited; wait a minute/))
  })

  test('a key that the contacts API does not take', async () => {
    const broken = await openUpstream(
      Array.from({ length: 3 }, () => ({ status: 401 })),
      onTestFinished,
    )
    const running = await runProxy(broken.url)
    const { status, of } = await examine([running.url, '--token', await tokenFor('doctor_3'), '--write'])
    expect(of('note')).toContainEqual(
      expect.stringMatching(/^write: accepted, not delivered yet; see orq-identify queue/),
    )
    expect(status).toBe(0)
  })
})

describe('what could be better is noted, and is no failure', () => {
  test.each<[string, Front, RegExp]>([
    [
      'a file that is not compressed',
      { incoming: without('accept-encoding') },
      /^orq\.js: \d+ bytes, not compressed; compress it with br or gzip/,
    ],
    [
      'a file that is fetched each time',
      { outgoing: withHeaders(isFile('orq.js'), { 'cache-control': 'no-store' }) },
      /^orq\.js: each page load fetches it again; send Cache-Control/,
    ],
  ])('%s', async (_, front, expected) => {
    const { status, of } = await examineBehind(front)
    expect(of('note')).toContainEqual(expect.stringMatching(expected))
    expect(status).toBe(0)
  })
})

describe('the token route', () => {
  const behind = (reply: object | undefined, args: string[] = []) =>
    examineBehind({ incoming: ({ path }) => (path === '/token' ? reply : undefined) }, [
      '--token-url',
      '/token',
      ...args,
    ])
  const noStore = { 'cache-control': 'no-store' }

  test('is good when it gives a token that no cache keeps and the proxy takes', async () => {
    const { status, lines } = await behind(json({ token: await tokenFor('doctor_4') }, noStore))
    expect(lines).toContain('ok     token route: answers a token that no cache keeps')
    expect(lines).toContain('ok     token: is taken')
    expect(status).toBe(0)
  })

  test('is good when nobody is signed in', async () => {
    const { status, lines } = await behind({ status: 204 })
    expect(lines).toContain('ok     token route: answered 204, as nobody is signed in')
    expect(status).toBe(0)
  })

  test('is asked by a POST with the cookie, and neither cookie nor token is printed', async () => {
    const asked: Exchange[] = []
    const token = await tokenFor('doctor_5')
    const { lines, errors } = await examineBehind(
      {
        incoming: (exchange) => {
          if (exchange.path !== '/token') return undefined
          asked.push(exchange)
          return json({ token }, noStore)
        },
      },
      ['--token-url', '/token', '--cookie', 'session=CANARY-1'],
    )
    expect(asked).toMatchObject([{ method: 'POST', headers: { cookie: 'session=CANARY-1' } }])
    expect([...lines, ...errors].filter((line) => line.includes('CANARY') || line.includes(token))).toEqual([])
  })

  test.each<[string, object | undefined, RegExp]>([
    [
      'a cache may keep',
      json({ token: 'a.b.c' }),
      /^token route: its answer may be kept by a cache; send Cache-Control: no/,
    ],
    ['redirects', { status: 302, headers: { location: '/login' } }, /^token route: answered 302 .*; answer 204/],
    ['is a page', html, /^token route: answered 200 "text\/html"; answer a POST with { "token"/],
    ['is not there', undefined, /^token route: answered 404 not_found; answer a POST/],
  ])('is wrong when it %s', async (_, reply, expected) => {
    const { status, of } = await behind(reply)
    expect(of('wrong')).toContainEqual(expect.stringMatching(expected))
    expect(status).toBe(1)
  })

  test('is wrong on another origin than the pages, where no cookie goes', async () => {
    const { status, of } = await examine([`${proxy.url}/orq`, '--token-url', 'https://tokens.example/token'])
    expect(of('wrong')).toContainEqual(expect.stringMatching(/^token route: pages of http:.* send no cookie to https:/))
    expect(status).toBe(1)
  })
})

describe('a token that is refused comes with the likely reason', () => {
  const now = (): number => Math.floor(Date.now() / 1_000)
  const good = { sub: 'u', aud: 'orq-identify', iat: now(), exp: now() + 300 }
  const head = { alg: 'HS256', typ: 'orq-identify+jwt', kid: 'default' }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forge = (claims: object, header: object = head): string => `${part(header)}.${part(claims)}.AAAA`

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['no JWT', () => 'opaque', /it is no JWT/],
    ['no times', () => forge({ sub: 'u' }), /iat and exp are missing/],
    ['milliseconds', () => forge({ ...good, exp: Date.now() }), /exp is in milliseconds/],
    ['a clock ahead', () => forge({ ...good, iat: now() + 90, exp: now() + 300 }), /iat lies in the future/],
    ['an old one', () => forge({ ...good, iat: now() - 900, exp: now() - 600 }), /it has expired/],
    ['a number as sub', () => forge({ ...good, sub: 7 }), /sub is no text/],
    ['another typ', () => forge(good, { ...head, typ: 'JWT' }), /typ is not orq-identify\+jwt/],
    ['a long life', () => forge({ ...good, exp: now() + 3_600 }), /more than 15 minutes/],
    ['another aud', () => forge({ ...good, aud: 'me' }), /aud is not orq-identify/],
    ['no kid', () => forge(good, { alg: 'HS256', typ: 'orq-identify+jwt' }), /kid is missing/],
    ['another secret', () => mintToken({ subject: 'u' }, { secret: 'x'.repeat(32) }), /use the same ORQ_TOKEN_SECRET/],
  ])('%s', async (_, make, expected) => {
    const { status, of } = await examine([`${proxy.url}/orq`, '--token', await make()])
    expect(of('wrong')).toEqual([expect.stringMatching(expected)])
    expect(status).toBe(1)
  })

  test('one that is for another origin', async () => {
    const token = await tokenFor('u', { origin: 'https://elsewhere.example' })
    const { of } = await examine([`${proxy.url}/orq`, '--token', token])
    expect(of('wrong')).toEqual([
      expect.stringMatching(/^token: its origin: answered 403 origin_forbidden; mint it for http:/),
    ])
  })

  test('one whose update ids do not arrive', async () => {
    const { of } = await examineBehind({ incoming: without('orq-update-id') }, ['--token', await tokenFor('u')])
    expect(of('wrong')).toEqual([expect.stringMatching(/^token: is taken, but Orq-Update-Id does not arrive; /)])
  })
})

describe('a policy', () => {
  const examineWith = async (policy: string, args: string[] = []) =>
    (await examine([`${proxy.url}/orq`, '--csp', policy, ...args])).lines.filter((line) => line.includes('csp '))

  test.each([
    ["default-src 'self'"],
    ["default-src 'none'; script-src 'nonce-x'; connect-src 'self'; require-trusted-types-for 'script'"],
    ["script-src 'nonce-x' 'strict-dynamic'; connect-src 'self'"],
    ['img-src *'],
    ['default-src http://127.0.0.1:*'],
    ['script-src http://127.0.0.1:*/orq/; connect-src *'],
  ])('that lets all of it through: %s', async (policy) => {
    expect(await examineWith(policy)).toEqual([expect.stringMatching(/^ok/), expect.stringMatching(/^ok/)])
  })

  test.each([
    ["default-src 'none'", /scripts: default-src refuses .*orq\.js; add 'self' to it, or a nonce/],
    ["default-src 'none'", /requests: default-src refuses .*\/orq\/v2\/contacts; add connect-src 'self'/],
    ["default-src 'self'; connect-src https://api.example", /requests: connect-src refuses/],
    ["script-src 'strict-dynamic' https:", /scripts: script-src trusts by 'strict-dynamic' alone; add a nonce/],
    ["default-src 'self', script-src https://cdn.example", /scripts: script-src refuses/],
    ['script-src http://127.0.0.1', /scripts: script-src refuses/],
    ["script-src 'self'; script-src-elem https://*.example", /scripts: script-src-elem refuses/],
    ['script-src https://127.0.0.1:*', /scripts: script-src refuses/],
    ['script-src http://127.0.0.1:*/orq/orq.js', /scripts: script-src refuses .*transport\.js/],
  ])('that does not: %s', async (policy, expected) => {
    const wrong = (await examineWith(policy)).filter((line) => line.startsWith('wrong'))
    expect(wrong).toContainEqual(expect.stringMatching(expected))
  })

  test('of pages on another origin is read as theirs', async () => {
    const lines = await examineWith("default-src 'self'", ['--origin', listed])
    expect(lines).toEqual([
      expect.stringMatching(/^wrong {2}csp scripts: .*orq\.full\.js; add http:.*\/orq\/ to it/),
      expect.stringMatching(/^wrong {2}csp requests: .*; add connect-src http:\/\/127/),
    ])
  })
})

test.each<[string, string[], RegExp]>([
  ['no URL', ['no url'], /^URL: "no url" is no URL; give one such as/],
  ['an origin that is none', ['http://127.0.0.1:1', '--origin', 'https://a/b'], /^--origin: .* is no origin/],
  ['--write without a token', ['http://127.0.0.1:1', '--write'], /^--write: needs a token/],
  ['a flag that is none', ['http://127.0.0.1:1', '--tokn', 'x'], /^--tokn: is no flag/],
])('%s is one line that says so, and exit status 2', async (_, args, expected) => {
  const { status, lines, errors } = await examine(args)
  expect([status, lines, errors]).toEqual([2, [], [expect.stringMatching(expected)]])
})

test('help names every flag', async () => {
  const { status, lines } = await examine(['--help'])
  for (const flag of ['--token-url', '--origin', '--csp', '--token', '--cookie', '--write', '--env-file'])
    expect(lines.join('\n')).toContain(flag)
  expect(status).toBe(0)
})
