import { between, cannot, equal, ok } from './expect.js'
import { leastOf } from './tools.js'

const several = (count, open, options) => Promise.all(Array.from({ length: count }, () => open(options)))
const withoutLocks = (win) => Object.defineProperty(win.navigator, 'locks', { configurable: true, value: undefined })

export const cases = [
  {
    name: 'H54 five frames call at once with equal fields: one request, five times over',
    run: async ({ open, log, id }) => {
      if (!navigator.locks) cannot('this engine has no Web Locks')
      for (let round = 1; round <= 5; round++) {
        const pages = await several(5, open)
        const outcomes = await Promise.all(pages.map((page) => page.identify(id, { round })))
        for (const outcome of outcomes) ok(/^(delivered|duplicate)$/.test(outcome), outcome)
        equal((await log({ idle: 1 })).posts.length, round, `posts after round ${round}`)
        for (const page of pages) page.remove()
      }
    },
  },
  {
    name: 'H54c a frame that opened while another one was sending sends nothing again at its first call',
    run: async ({ open, script, release, log, id }) => {
      await script({ answers: [{ isHeld: true }] })
      const first = await open()
      const call = first.identify(id, { plan: 'pro' })
      await log({ posts: 1 })
      // Takes up what the first one has stored, and its token, and waits for the lock.
      const second = await open()
      await log({ posts: 1, tokens: 2 })
      await release()
      equal(await call, 'delivered')
      equal(await second.identify(id, { plan: 'pro' }), 'duplicate')
      equal((await log({ idle: 1 })).posts.length, 1, 'posts')
    },
  },
  {
    name: 'H54b two frames with different fields: both arrive',
    run: async ({ open, log, id }) => {
      const pages = await several(2, open)
      const merged = {}
      for (let round = 1; round <= 5; round++) {
        const outcomes = await Promise.all([
          pages[0].identify({ externalId: id, email: `${round}@example.com` }),
          pages[1].identify({ externalId: id, tags: [`${round}`] }),
        ])
        for (const outcome of outcomes) ok(/^(delivered|duplicate)$/.test(outcome), outcome)
        const { received } = await log({ idle: 1 })
        for (const body of received[id]) Object.assign(merged, body)
        equal(merged, { external_id: id, email: `${round}@example.com`, tags: [`${round}`] }, `round ${round}`)
      }
    },
  },
  {
    name: 'H55 the frame that holds the lock goes in the middle of sending: another one sends',
    run: async ({ open, script, log, id }) => {
      await script({ answers: [{ isSilent: true }] })
      const [first, second] = await several(2, open)
      first.identify(id, { plan: 'pro' })
      await log({ posts: 1 })
      const call = second.identify(id, { plan: 'pro' })
      first.remove()
      equal(await call, 'delivered')
      equal((await log()).received[id].length, 1, 'upstream')
    },
  },
  {
    name: 'H55b a frame that holds the lock for ever is waited for at most timeoutMs / 2',
    run: async ({ open, script, log, id }) => {
      const took = await leastOf(2_500, async (n) => {
        const before = (await log()).posts.length
        await script({ answers: [{ isSilent: true }] })
        const first = await open()
        first.identify(id, { n })
        await log({ posts: before + 1 })
        const second = await open({ timeoutMs: 1_000 })
        const start = performance.now()
        equal(await second.identify(id, { n }), 'delivered')
        const ms = performance.now() - start
        for (const page of [first, second]) page.remove()
        return ms
      })
      between(took, 400, 2_500, 'milliseconds')
    },
  },
  {
    name: 'H56 without Web Locks: correct, at most one request per frame',
    run: async ({ open, log, id }) => {
      const pages = await several(5, open, { before: withoutLocks })
      const outcomes = await Promise.all(pages.map((page) => page.identify(id, { plan: 'pro' })))
      for (const outcome of outcomes) ok(/^(delivered|duplicate)$/.test(outcome), outcome)
      const { posts, received } = await log({ idle: 1 })
      between(posts.length, 1, 5, 'posts')
      equal(received[id].at(-1).metadata, { plan: 'pro' }, 'upstream')
      const values = await Promise.all([
        pages[0].identify({ externalId: id, email: 'a@example.com' }),
        pages[1].identify({ externalId: id, tags: ['b'] }),
      ])
      for (const outcome of values) ok(/^(delivered|duplicate)$/.test(outcome), outcome)
      const merged = Object.assign({}, ...(await log({ idle: 1 })).received[id])
      equal(merged, { external_id: id, email: 'a@example.com', tags: ['b'], metadata: { plan: 'pro' } })
    },
  },
  {
    name: 'H56b without BroadcastChannel: the same',
    run: async ({ open, log, id }) => {
      const before = (win) => {
        win.BroadcastChannel = undefined
      }
      const pages = await several(3, open, { before })
      await Promise.all(pages.map((page) => page.identify(id)))
      equal((await log({ idle: 1 })).posts.length, 1, 'posts')
    },
  },
]
