import { between, equal, ok } from './expect.js'
import { leastOf, quiet } from './tools.js'

export const cases = [
  {
    name: 'C17 five calls in the debounce are one request, and share its outcome',
    run: async ({ open, log, id }) => {
      const page = await open({ debounceMs: 100 })
      const calls = [1, 2, 3, 4, 5].map((n) =>
        page.identify({ externalId: id, [`${n === 5 ? 'tags' : 'email'}`]: n === 5 ? ['x'] : `${n}@example.com` }),
      )
      equal(await Promise.all(calls), Array(5).fill('delivered'))
      const { posts } = await log()
      equal(
        posts.map(({ body }) => body),
        [{ external_id: id, email: '4@example.com', tags: ['x'] }],
      )
    },
  },
  {
    name: 'C17b a call of a known person that is on the wire already shares its request',
    run: async ({ open, script, release, log, id }) => {
      const page = await open()
      await page.identify(id, { n: 1 })
      await script({ answers: [{ isHeld: true }] })
      const first = page.identify(id, { n: 2 })
      await log({ posts: 2 })
      const second = page.identify(id, { n: 2 })
      await release()
      equal(await Promise.all([first, second]), ['delivered', 'delivered'])
      await page.win.orq.flush()
      equal((await log({ idle: 1 })).posts.length, 2, 'posts')
    },
  },
  {
    name: 'C18 calls without a pause are sent after maxWaitMs',
    run: async ({ open, log, id }) => {
      let n = 0
      const took = await leastOf(2_500, async () => {
        const before = (await log()).posts.length
        const page = await open({ debounceMs: 300, maxWaitMs: 500 })
        const start = performance.now()
        const timer = setInterval(() => page.identify(id, { n: n++ }), 40)
        await page.decision('sent')
        clearInterval(timer)
        const ms = performance.now() - start
        equal((await log({ posts: before + 1 })).posts.length, before + 1, 'posts')
        await page.win.orq.flush()
        page.remove()
        return ms
      })
      between(took, 480, 2_500, 'milliseconds to the first request')
    },
  },
  {
    name: 'C19 A acknowledged, B on the wire, then A again ends at A',
    run: async ({ open, script, release, log, id }) => {
      const page = await open()
      const call = (email) => page.identify({ externalId: id, email })
      equal(await call('a@example.com'), 'delivered')
      equal(await call('a@example.com'), 'duplicate')
      await script({ answers: [{ isHeld: true }] })
      const second = call('b@example.com')
      await log({ posts: 2 })
      const third = call('a@example.com')
      await release()
      equal(await second, 'delivered')
      equal(await third, 'delivered')
      const { posts, received } = await log()
      equal(
        posts.map(({ body }) => body.email),
        ['a@example.com', 'b@example.com', 'a@example.com'],
      )
      equal(received[id].at(-1).email, 'a@example.com', 'upstream')
    },
  },
  {
    name: 'C19b A acknowledged, B waiting, then A again ends at A',
    run: async ({ open, log, id }) => {
      const page = await open({ debounceMs: 60 })
      const call = (email) => page.identify({ externalId: id, email })
      await call('a@example.com')
      call('b@example.com')
      ok(/delivered|duplicate/.test(await call('a@example.com')), 'outcome')
      ok(
        (await log()).posts.every(({ body }) => body.email === 'a@example.com'),
        'B was sent',
      )
    },
  },
  {
    name: 'C25 a change of person inside the debounce mixes nothing',
    run: async ({ open, script, log, id, token }) => {
      const other = `${id}.b`
      const page = await open({ debounceMs: 50, token })
      page.identify({ externalId: id, email: 'a@example.com', tags: ['a'] })
      await script({ person: other })
      equal(await page.identify({ externalId: other, displayName: 'Bob' }), 'delivered')
      // A has gone: what is not sent by now waits quietly.
      await page.win.orq.flush()
      const { posts, received } = await log({ idle: 1 })
      for (const { body, subject } of posts) {
        equal(subject, body.external_id, 'the token of another person')
        if (subject === other) equal(body, { external_id: other, display_name: 'Bob' })
        else equal(body, { external_id: id, email: 'a@example.com', tags: ['a'] })
      }
      equal(received[other], [{ external_id: other, display_name: 'Bob' }], 'upstream')
    },
  },
  {
    name: 'C26 A, B, A: each change is sent under its own token',
    run: async ({ open, script, log, id, token }) => {
      const page = await open({ token })
      for (const [n, person] of [id, `${id}.b`, id].entries()) {
        await script({ person })
        equal(await page.identify(person, { n }), 'delivered', `call ${n}`)
      }
      equal(
        (await log()).posts.map(({ subject, body }) => [subject, body.external_id, body.metadata.n]),
        [
          [id, id, 0],
          [`${id}.b`, `${id}.b`, 1],
          [id, id, 2],
        ],
      )
    },
  },
  {
    name: 'E41 calls while one is on the wire make one follow-up, never two at once',
    run: async ({ open, script, release, log, id }) => {
      await script({ answers: [{ isHeld: true }] })
      const page = await open()
      const first = page.identify(id, { n: 1 })
      await log({ posts: 1 })
      const later = [2, 3, 4].map((n) => page.identify(id, { n }))
      await quiet(100)
      equal((await log()).posts.length, 1, 'posts while one is open')
      await release()
      equal(await Promise.all([first, ...later]), Array(4).fill('delivered'))
      const { posts, mostOpen } = await log({ idle: 1 })
      equal(
        posts.map(({ body }) => body.metadata.n),
        [1, 4],
      )
      equal(mostOpen, 1, 'requests at once')
    },
  },
]
