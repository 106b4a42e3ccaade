import { equal, ok } from './expect.js'
import { refused } from './tools.js'

const foreign = [
  ['an HTML page with 200', { status: 200, body: '<!doctype html><title>Sign in</title>' }],
  ['an empty 204', { status: 204 }],
  ['a 200 with somebody else’s JSON', { status: 200, body: { status: 'ok' } }],
  ['an ingress’s 404', { status: 404, body: 'default backend - 404' }],
  ['our 404', refused(404, 'not_found')],
  ['our 405', refused(405, 'method_not_allowed')],
  ['a firewall’s 403', { status: 403, body: '<h1>Blocked</h1>' }],
  ['a 401 of somebody else', { status: 401, body: 'who are you' }],
  ['origin_forbidden', refused(403, 'origin_forbidden')],
  ['a 500 of somebody else', { status: 500, body: 'oops' }],
]

const final = [
  refused(400, 'bad_request'),
  refused(403, 'token_revoked'),
  refused(413, 'too_large'),
  refused(415, 'unsupported_media_type'),
  refused(422, 'invalid_field', { path: 'external_id' }),
]

export const cases = [
  ...foreign.map(([what, answer], n) => ({
    name: `E40.${n} ${what} is pending: unreachable, kept, with one error that names proxyUrl`,
    run: async ({ open, script, log, printed, stored, id }) => {
      await script({ answers: [answer] })
      const page = await open()
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'pending: unreachable')
      equal((await log({ idle: 1 })).posts.length, 1, 'posts')
      ok(stored().includes('a@example.com'), 'not kept')
      const lines = printed('error', 'warn')
      // A redirect is a network failure to a page: a warning, as for any other.
      equal(lines.length, 1, `lines ${lines}`)
      ok(/proxyUrl|allowedOrigins/.test(lines[0]), lines[0])
      page.remove()
      const next = await open()
      const { received } = await log({ posts: 2, idle: 1 })
      equal(received[id]?.at(-1)?.email, 'a@example.com', 'upstream')
      ok(/delivered|duplicate/.test(await next.identify({ externalId: id, email: 'a@example.com' })), 'outcome')
    },
  })),
  {
    name: 'E40c a redirect to a login page is pending: unreachable, with one line that names proxyUrl',
    run: async ({ open, script, log, printed, stored, id }) => {
      await script({ answers: Array(20).fill({ status: 302, headers: { location: '/cases.html' } }) })
      const page = await open({ settleMs: 5_000 })
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'pending: unreachable')
      ok(stored().includes('a@example.com'), 'not kept')
      const lines = printed('error', 'warn')
      equal(lines.length, 1, `lines ${lines}`)
      ok(lines[0].includes('proxyUrl'), lines[0])
      equal((await log()).received[id], [], 'upstream')
    },
  },
  ...final.map((answer, n) => ({
    name: `E34.${n} ${answer.status} ${answer.body.code} drops the call for good`,
    run: async ({ open, script, log, stored, id }) => {
      await script({ answers: [answer] })
      const page = await open()
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'dropped: rejected')
      ok(!stored().includes('a@example.com'), 'still stored')
      page.remove()
      const next = await open()
      equal(await next.identify({ externalId: id, email: 'a@example.com' }), 'delivered')
      equal((await log()).posts.length, 2, 'posts')
    },
  })),
  {
    name: 'E34b a field that the token forbids is dropped alone, the rest goes again at once',
    run: async ({ open, script, log, stored, id }) => {
      await script({ tokens: [{ fields: ['tags'] }] })
      const page = await open()
      equal(await page.identify({ externalId: id, email: 'a@example.com', tags: ['x'] }), 'delivered')
      const { posts, received } = await log()
      equal(
        posts.map(({ body }) => Object.keys(body).sort()),
        [
          ['email', 'external_id', 'tags'],
          ['external_id', 'tags'],
        ],
      )
      equal(received[id], [{ external_id: id, tags: ['x'] }], 'upstream')
      ok(!stored().includes('a@example.com'), 'still stored')
    },
  },
  {
    name: 'E34c a field that the contacts API refuses is dropped alone',
    run: async ({ open, script, log, id }) => {
      // Whole, then as a PATCH, then field by field: e-mail is the one that is refused.
      await script({ answers: [refused(422, 'invalid_field', { path: 'metadata.deep' })] })
      const page = await open()
      equal(await page.identify({ externalId: id, tags: ['x'], metadata: { deep: 1 } }), 'delivered')
      equal((await log()).received[id], [{ external_id: id, tags: ['x'] }], 'upstream')
    },
  },
]
