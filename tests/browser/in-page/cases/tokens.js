import { equal, ok } from './expect.js'
import { quiet, refused } from './tools.js'

const signedOut = [
  ['401', { status: 401 }],
  ['204', { status: 204 }],
  ['null', { status: 200, body: { token: null } }],
]

export const cases = [
  {
    name: 'E35 a 401 asks for the token once more and sends once more',
    run: async ({ open, script, log, id }) => {
      await script({ tokens: [{ isForged: true }] })
      const page = await open()
      equal(await page.identify(id), 'delivered')
      const { posts, tokenCalls } = await log()
      equal([posts.length, tokenCalls], [2, 2], 'posts, tokens')
    },
  },
  {
    name: 'E35b a second 401 is pending: token_refused, with one error, and kept until there is a new token',
    run: async ({ open, script, log, printed, id }) => {
      await script({ tokens: [{ isForged: true }, { isForged: true }] })
      const page = await open()
      equal(await page.identify(id, { plan: 'pro' }), 'pending: token_refused')
      equal((await log()).posts.length, 2, 'posts')
      const lines = printed('error', 'warn')
      equal(lines.length, 1, `lines ${lines}`)
      ok(/secret or keys/.test(lines[0]), lines[0])
      equal(await page.identify(id, { plan: 'pro' }), 'delivered')
    },
  },
  ...signedOut.map(([what, token]) => ({
    name: `E35c no token (${what}) is pending: no_token, quiet, without a loop`,
    run: async ({ open, script, log, printed, id }) => {
      await script({ tokens: Array(20).fill(token) })
      const page = await open()
      equal(await page.identify(id), 'pending: no_token')
      await quiet(400)
      const { posts, tokenCalls } = await log()
      equal(posts.length, 0, 'posts')
      ok(tokenCalls <= 2, `${tokenCalls} token calls`)
      equal(printed('error', 'warn'), [])
      await script({ tokens: [] })
      equal(await page.identify(id), 'delivered', 'at the next call')
    },
  })),
  {
    name: 'E35d a token route that breaks is pending: token_source, with one error each that says what to do, and backs off',
    run: async ({ open, script, log, printed, id }) => {
      for (const [token, words] of [
        [{ status: 500, body: 'oops' }, /answers 500/],
        [{ status: 403, body: 'CSRF' }, /answers 403/],
        [{ status: 404, body: 'not here' }, /not there \(404\).*tokenUrl/],
        [{ status: 302, headers: { location: '/cases.html' } }, /redirects/],
        [{ status: 200, body: '<!doctype html>' }, /without/],
        [{ status: 200, body: { access_token: 'a' } }, /without/],
        [{ status: 200, body: { token: { a: 1 } } }, /without/],
      ]) {
        const before = printed('error').length
        await script({ tokens: [token] })
        const page = await open({ retries: { strategy: 'none' } })
        equal(await page.identify(id), 'pending: token_source', JSON.stringify(token))
        const lines = printed('error').slice(before)
        equal(lines.length, 1, `lines ${lines}`)
        ok(words.test(lines[0]), lines[0])
        page.remove()
      }
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'E34d scope_mismatch renews the token once, then the contact is kept',
    run: async ({ open, script, log, stored, id }) => {
      await script({ answers: [refused(403, 'scope_mismatch')] })
      const page = await open()
      equal(await page.identify(id), 'delivered')
      equal((await log()).tokenCalls, 2, 'tokens')
      await script({ answers: [refused(403, 'scope_mismatch'), refused(403, 'scope_mismatch')] })
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'pending: other_person')
      equal((await log()).posts.length, 4, 'posts')
      ok(stored().includes('a@example.com'), 'not kept')
    },
  },
  {
    name: 'E35e the token of another person never carries a contact',
    run: async ({ open, script, log, id }) => {
      await script({ person: `${id}.other` })
      const page = await open()
      equal(await page.identify(id), 'pending: other_person')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
]
