import { describe, expect, test } from 'vitest'
import { deploy, examine, expectWrong } from './examine.ts'
import { type Front, html, isRoute, json, withHeaders, without } from './front.ts'

const deployed = deploy()

describe('what is broken before the proxy is a line that says how to fix it, and exit status 1', () => {
  test.each<[string, Front, RegExp]>([
    [
      'a route that leads to the pages',
      { incoming: (exchange) => (isRoute(exchange) ? html : undefined) },
      /^route: .* answered 200 "text\/html", not by the proxy; lead \/orq\/ to the proxy/,
    ],
    [
      'a sign-in in front',
      { incoming: (exchange) => (isRoute(exchange) ? { status: 302, headers: { location: '/login' } } : undefined) },
      /^route: .* answered 302 without a type, .*without a redirect/,
    ],
    [
      'error pages in place of errors',
      {
        outgoing: (reply, exchange) => {
          if (isRoute(exchange) && reply.status >= 400) Object.assign(reply, html)
        },
      },
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
      /^route: .* answered 404 not_found; ORQ_BASE_PATH .* another folder than \/orq\//,
    ],
    [
      'answers that caches may keep',
      { outgoing: withHeaders(isRoute, { 'cache-control': 'max-age=60' }) },
      /^headers: Cache-Control lacks no-store; /,
    ],
    [
      'answers that are the same for all origins',
      { outgoing: withHeaders(isRoute, { vary: 'Accept-Encoding' }) },
      /^headers: Vary lacks Origin; /,
    ],
    [
      'a front that keeps Authorization to itself',
      { incoming: without('authorization') },
      /^token header: .* 401 token_missing; let the Authorization header/,
    ],
    [
      'a front that takes small bodies only',
      { incoming: ({ headers }) => (Number(headers['content-length']) > 8_000 ? { status: 413 } : undefined) },
      /^body size: 32000 bytes: answered 413 .*allow a body of that size/,
    ],
    [
      'a front without Sec-Fetch-Site',
      { incoming: without('sec-fetch-site') },
      /^route: .* 403 origin_forbidden; let Origin and Sec-Fetch-Site reach the proxy/,
    ],
    [
      'a clock that is behind',
      { outgoing: withHeaders(isRoute, { date: new Date(Date.now() - 3_600_000).toUTCString() }) },
      /^clock: the server is 3\d\d\d s behind this machine; set the one that is wrong by NTP/,
    ],
  ])('%s', async (_, front, expected) => {
    expectWrong(await deployed.examineBehind(front), expected)
  })

  test('a front that hangs up on large bodies', async () => {
    const examination = await deployed.examineBehind({
      incoming: ({ headers }) => (Number(headers['content-length']) > 8_000 ? 'hang up' : undefined),
    })
    expectWrong(examination, /^body size: 32000 bytes: no answer: the connection ended.*; allow a body of that size/)
  })

  test('a deployment without https', async () => {
    // An address of this machine that is not a loopback one to whoever reads it.
    const { status, of } = await examine([deployed.url.replace('127.0.0.1', '0.0.0.0')])
    expect(of('wrong')).toEqual([expect.stringMatching(/^https: tokens and contacts travel readable for everybody; /)])
    expect(status).toBe(1)
  })

  test('a proxy that turns everybody away for a while', async () => {
    const { of } = await deployed.examineBehind({
      incoming: (exchange) => (isRoute(exchange) ? { status: 429, ...json({ code: 'rate_limited' }) } : undefined),
    })
    expect(of('wrong')).toContainEqual(expect.stringMatching(/^route: .*rate_limited; wait a minute/))
  })
})

test('a server that tells no time is noted', async () => {
  const { status, of } = await deployed.examineBehind({ outgoing: withHeaders(isRoute, { date: undefined }) })
  expect(of('note')).toEqual(['clock: the server tells no time; let Date through, or see that its clock is set by NTP'])
  expect(status).toBe(0)
})
