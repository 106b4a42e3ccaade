import { equal, ok } from './expect.js'
import { refused } from './tools.js'

const day = 86_400_000
const clockWith = (offset) => ({
  now: () => Date.now() + offset.ms,
  monotonic: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
})

export const cases = [
  {
    name: 'C20 other orders of keys and alternating partial calls are duplicates',
    run: async ({ open, log, id }) => {
      const page = await open()
      await page.identify({ externalId: id, metadata: { a: 1, b: { c: 2, d: 3 } }, email: 'a@example.com' })
      const again = { email: 'a@example.com', metadata: { b: { d: 3, c: 2 }, a: 1 }, external_id: id }
      equal(await page.identify(again), 'duplicate')
      equal(await page.identify({ externalId: id, tags: ['t'] }), 'delivered')
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'duplicate')
      equal(await page.identify({ externalId: id, tags: ['t'] }), 'duplicate')
      equal(await page.identify(id, { email: 'a@example.com' }), 'duplicate')
      equal((await log()).posts.length, 2, 'posts')
    },
  },
  {
    name: 'C21 one changed trait is sent',
    run: async ({ open, log, id }) => {
      const page = await open()
      await page.identify(id, { plan: 'pro' })
      equal(await page.identify(id, { plan: 'team' }), 'delivered')
      equal((await log()).received[id].at(-1).metadata, { plan: 'team' })
    },
  },
  {
    name: 'C21b a request carries every field of its call, changed or not, and leaves none in the outbox',
    run: async ({ open, log, stored, id }) => {
      const page = await open()
      await page.identify({ externalId: id, email: 'a@example.com', displayName: 'Jane' })
      const user = { external_id: id, email: 'a@example.com', display_name: 'Jane Doe' }
      equal(await page.identify(user), 'delivered')
      ok(!stored().includes('a@example.com'), `stored after the acknowledgement: ${stored()}`)
      equal((await log()).posts[1].body, user)
    },
  },
  {
    name: 'C22 a reload with the same traits is no request, no token and no chunk',
    run: async ({ open, log, id }) => {
      const first = await open()
      await first.identify(id, { plan: 'pro', tags: ['a'] })
      first.remove()
      const before = await log()
      const second = await open()
      equal(await second.identify({ externalId: id, tags: ['a'], metadata: { plan: 'pro' } }), 'duplicate')
      const after = await log()
      equal([after.posts.length, after.tokenCalls], [1, before.tokenCalls], 'posts, tokens')
      const chunks = ({ files }) => files.filter((file) => file === 'transport.js').length
      equal(chunks(after), chunks(before), 'chunks')
    },
  },
  {
    name: 'C23 after a failed send the next load sends by itself, and the same call joins it',
    run: async ({ open, script, log, id }) => {
      await script({ answers: [refused(503, 'store_unavailable')] })
      const first = await open()
      first.identify(id, { plan: 'pro' })
      await log({ posts: 1, idle: 1 })
      first.remove()
      const second = await open()
      const call = second.identify(id, { plan: 'pro' })
      equal((await log({ posts: 2, idle: 1 })).posts[1].body, { external_id: id, metadata: { plan: 'pro' } })
      equal(await call, 'delivered')
      second.remove()
      await script({ answers: [refused(503, 'store_unavailable')] })
      const third = await open()
      third.identify(id, { plan: 'team' })
      await log({ posts: 3, idle: 1 })
      third.remove()
      await open()
      const { posts, received } = await log({ posts: 4, idle: 1 })
      equal(posts.length, 4, 'posts')
      equal(received[id].at(-1).metadata, { plan: 'team' }, 'upstream')
    },
  },
  {
    name: 'C24 an acknowledgement older than dedupeTtlMs, or from the future, counts no more',
    run: async ({ open, log, id }) => {
      const offset = { ms: 0 }
      const page = await open({ clock: clockWith(offset) })
      await page.identify(id)
      offset.ms = day + 1_000
      equal(await page.identify(id), 'delivered', 'after a day')
      offset.ms = -day
      equal(await page.identify(id), 'delivered', 'with the clock set back')
      const numbers = (await log()).posts.map(({ updateId }) => Number(updateId.split('.')[1]))
      equal(
        [...numbers].sort((a, b) => a - b),
        numbers,
        'numbers in order',
      )
    },
  },
  {
    name: 'C27 two proxies on one origin share neither ledger nor outbox',
    run: async ({ open, script, log, id, base }) => {
      const first = await open()
      await first.identify(id, { plan: 'pro' })
      await script({ answers: [refused(503, 'internal')] })
      first.identify(id, { plan: 'waits' })
      await log({ posts: 2, idle: 1 })
      const elsewhere = base.replace('/at/', '/at/other-')
      await fetch(`${elsewhere}/control`, { method: 'POST', body: JSON.stringify({ person: id }) })
      const second = await open({ proxyUrl: `${elsewhere}/orq` })
      equal(await second.identify(id, { plan: 'pro' }), 'delivered')
      const { posts } = await (await fetch(`${elsewhere}/log`)).json()
      equal(
        posts.map(({ body }) => body.metadata.plan),
        ['pro'],
      )
    },
  },
  {
    name: 'C27b force sends what is known',
    run: async ({ open, log, id }) => {
      const page = await open()
      await page.identify({ externalId: id })
      equal(await page.identify({ externalId: id }, { force: true }), 'delivered')
      const { posts } = await log()
      ok(posts[1].updateId.endsWith('.force'), posts[1].updateId)
    },
  },
  {
    name: 'E40b a number below the stored one is told 409, and goes again above it',
    run: async ({ open, log, keys, id }) => {
      const offset = { ms: -3_600_000 }
      const first = await open({ clock: clockWith(offset) })
      await first.identify(id, { n: 1 })
      const saved = [...keys].map((key) => [key, localStorage.getItem(key)])
      offset.ms = 0
      equal(await first.identify(id, { n: 2 }), 'delivered')
      first.remove()
      // The profile is restored from a backup, on a device whose clock is late.
      for (const [key, value] of saved) if (value !== null) localStorage.setItem(key, value)
      const second = await open({ clock: clockWith({ ms: -3_600_000 }) })
      equal(await second.identify(id, { n: 3 }), 'delivered')
      const { posts, received } = await log()
      equal(
        posts.map(({ body }) => body.metadata.n),
        [1, 2, 3, 3],
      )
      const [, second2, third, fourth] = posts.map(({ updateId }) => Number(updateId.split('.')[1]))
      ok(third < second2 && fourth > second2, 'numbers')
      equal(received[id].at(-1).metadata, { n: 3 }, 'upstream')
    },
  },
]
