import { between, equal, ok } from './expect.js'
import { leastOf, refused, until } from './tools.js'

const waits = (posts) => posts.slice(1).map(({ at }, n) => at - posts[n].at)

/** The posts of one more call by a page of its own, which is delivered at its second attempt. */
const postsOfTwo = async ({ open, script, log, id }, answer, fields, options) => {
  await script({ answers: [answer] })
  const before = (await log()).posts.length
  const page = await open(options)
  equal(await page.identify(id, fields), 'delivered')
  page.remove()
  const posts = (await log()).posts.slice(before)
  equal(posts.length, 2, 'posts')
  return posts
}

export const cases = [
  {
    name: 'E32 500 then 200 is two requests of one number, within the back-off, and one acknowledgement',
    run: async ({ open, script, log, id }) => {
      await script({ answers: [refused(500, 'internal')] })
      const page = await open()
      equal(await page.identify(id, { plan: 'pro' }), 'delivered')
      const { posts, received } = await log()
      equal(posts.length, 2, 'posts')
      equal(posts[0].updateId, posts[1].updateId, 'update id')
      between(waits(posts)[0], 380, 5_000, 'milliseconds between') // E39 measures it
      equal(received[id].length, 1, 'upstream')
      equal(page.decisions.filter((kind) => kind === 'delivered').length, 1, 'acknowledgements')
    },
  },
  {
    name: 'E32b a joined body takes a new number',
    run: async ({ open, script, log, id }) => {
      await script({ answers: [refused(500, 'internal')] })
      const page = await open()
      const first = page.identify(id, { plan: 'pro' })
      await log({ posts: 1, idle: 1 })
      equal(await page.identify({ externalId: id, tags: ['a'] }), 'delivered')
      equal(await first, 'delivered')
      const { posts } = await log()
      ok(posts[0].updateId !== posts[1].updateId, 'the same number for another body')
      equal(posts[1].body, { external_id: id, metadata: { plan: 'pro' }, tags: ['a'] })
    },
  },
  {
    name: 'E33 429 with Retry-After in seconds is waited for',
    run: async (tools) => {
      const answer = refused(429, 'rate_limited', {}, { 'retry-after': '1' })
      const gap = await leastOf(3_000, async (n) => waits(await postsOfTwo(tools, answer, { n }))[0])
      between(gap, 1_000, 3_000, 'milliseconds between')
    },
  },
  {
    name: 'E33b Retry-After as an HTTP date is waited for',
    run: async (tools) => {
      const late = await leastOf(2_500, async (n) => {
        const until = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000
        const answer = refused(503, 'internal', {}, { 'retry-after': new Date(until).toUTCString() })
        return (await postsOfTwo(tools, answer, { n }))[1].at - until
      })
      between(late, 0, 2_500, 'milliseconds after that date')
    },
  },
  {
    name: 'E33c Retry-After holds over a page load, and nothing cuts it short',
    run: async ({ open, script, release, log, stored, id }) => {
      await script({ answers: [{ isHeld: true, ...refused(429, 'rate_limited', {}, { 'retry-after': '2' }) }] })
      const first = await open()
      first.identify(id, { n: 1 })
      await log({ posts: 1 })
      const before = stored()
      await release()
      await until(() => stored() !== before)
      first.remove()
      const second = await open()
      const call = second.identify(id, { n: 2 })
      second.win.dispatchEvent(new second.win.Event('online'))
      second.win.document.dispatchEvent(new second.win.Event('visibilitychange', { bubbles: true }))
      equal(await call, 'delivered')
      const { posts } = await log()
      equal(posts.length, 2, 'posts')
      between(waits(posts)[0], 1_990, 4_500, 'milliseconds between')
    },
  },
  {
    name: 'E36 a network failure is tried again, with one error, and settles within settleMs',
    run: async ({ open, log, printed, id, token }) => {
      let attempts = 0
      const page = await open({
        settleMs: 1_500,
        token,
        before: (win) => {
          win.fetch = async () => {
            attempts++
            throw new TypeError('blocked by client')
          }
        },
      })
      const start = performance.now()
      equal(await page.identify(id), 'pending: unreachable')
      between(performance.now() - start, 1_400, 2_500, 'milliseconds to the outcome')
      await until(() => attempts > 1)
      between(attempts, 2, 4, 'attempts')
      equal(printed('error').length, 1, 'errors')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'E36b a proxy that cannot be reached at all is pending: unreachable',
    run: async ({ open, token, id }) => {
      // Port 1 is blocked by every browser, which is a network failure like any other.
      const page = await open({ proxyUrl: 'http://127.0.0.1:1/orq', token, retries: { strategy: 'none' } })
      equal(await page.identify(id), 'pending: unreachable')
    },
  },
  {
    name: 'E36c an answer lost on the way is asked for again under the same number, and upstream hears it once',
    run: async ({ open, script, log, id }) => {
      await script({ answers: [{ isLost: true }] })
      const page = await open()
      equal(await page.identify(id, { plan: 'pro' }), 'delivered')
      const { posts, received } = await log()
      equal(new Set(posts.map(({ updateId }) => updateId)).size, 1, 'numbers')
      equal(received[id].length, 1, 'upstream')
    },
  },
  {
    name: 'E36d an attempt that never ends is cut at timeoutMs, and tried again',
    run: async (tools) => {
      const gap = await leastOf(2_500, async (n) => {
        const sent = []
        await postsOfTwo(
          tools,
          { isSilent: true },
          { n },
          {
            timeoutMs: 500,
            before: (win) => {
              const { fetch: original } = win
              win.fetch = (url, init) => {
                // When the server hears of it is another matter.
                if (String(url?.url ?? url).endsWith('/v2/contacts')) sent.push(performance.now())
                return original.call(win, url, init)
              }
            },
          },
        )
        return sent[1] - sent[0]
      })
      between(gap, 880, 2_500, 'milliseconds between')
    },
  },
  {
    name: 'E39 the back-off differs between clients and stays within 20 %',
    run: async (tools) => {
      const gapOf = (random, enough) =>
        leastOf(enough, async (n) => {
          const before = (win) => {
            win.Math.random = () => random
          }
          return waits(await postsOfTwo(tools, refused(500, 'internal'), { random, n }, { before }))[0]
        })
      between(await gapOf(0, 590), 390, 590, 'the shortest')
      between(await gapOf(0.999, 1_200), 590, 1_200, 'the longest')
    },
  },
]
