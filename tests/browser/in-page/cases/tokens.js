import { equal, ok } from './expect.js'
import { quiet, refused } from './tools.js'

const signedOut = [
  ['401', { status: 401 }],
  ['403', { status: 403 }],
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
    name: 'E35b a second 401 is pending: no_token, quiet, and kept until there is a new token',
    run: async ({ open, script, log, printed, id }) => {
      await script({ tokens: [{ isForged: true }, { isForged: true }] })
      const page = await open()
      equal(await page.identify(id, { plan: 'pro' }), 'pending: no_token')
      equal((await log()).posts.length, 2, 'posts')
      equal(printed('error', 'warn'), [])
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
    name: 'E35d a token route that breaks is pending: unreachable, and backs off',
    run: async ({ open, script, log, id }) => {
      for (const token of [
        { status: 500, body: 'oops' },
        { status: 200, body: '<!doctype html>' },
      ]) {
        await script({ tokens: [token] })
        const page = await open({ retries: { strategy: 'none' } })
        equal(await page.identify(id), 'pending: unreachable')
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
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'pending: no_token')
      equal((await log()).posts.length, 4, 'posts')
      ok(stored().includes('a@example.com'), 'not kept')
    },
  },
  {
    name: 'E35e the token of another person never carries a contact',
    run: async ({ open, script, log, id }) => {
      await script({ person: `${id}.other` })
      const page = await open()
      equal(await page.identify(id), 'pending: no_token')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
]
