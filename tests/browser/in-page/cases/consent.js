import { equal, ok } from './expect.js'
import { quiet } from './tools.js'

export const cases = [
  {
    name: 'I57 what beforeSend returns is what is stored, hashed and sent',
    run: async ({ open, log, stored, id }) => {
      const page = await open({
        debounceMs: 100,
        beforeSend: (contact) => ({ ...contact, email: contact.email?.replace(/.*@/, 'masked@') }),
      })
      const call = page.identify({ externalId: id, email: 'real@example.com' })
      await quiet(0)
      ok(!stored().includes('real@'), 'the value before beforeSend is stored')
      equal(await call, 'delivered')
      equal((await log()).posts[0].body.email, 'masked@example.com')
      equal(await page.identify({ externalId: id, email: 'other@example.com' }), 'duplicate')
    },
  },
  {
    name: 'I57b beforeSend that returns null, or throws, drops; nothing is stored',
    run: async ({ open, log, keys, id }) => {
      const throwing = () => {
        throw new Error('mine')
      }
      for (const beforeSend of [() => null, () => undefined, throwing, () => 42, async (contact) => contact]) {
        const page = await open({ beforeSend })
        equal(await page.identify(id, { email: 'a@example.com' }), 'dropped: before_send')
        page.remove()
      }
      equal(
        [...keys].filter((key) => localStorage.getItem(key)?.includes('example.com')),
        [],
      )
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'I58 beforeSend that removes the id drops, with a warning',
    run: async ({ open, printed, id }) => {
      const page = await open({
        beforeSend: ({ external_id, ...rest }) => rest,
      })
      equal(await page.identify(id, { plan: 'pro' }), 'dropped: before_send')
      equal(printed('warn').length, 1, 'warnings')
    },
  },
  {
    name: 'I59 a listener that throws affects no other',
    run: async ({ open, id, printed }) => {
      const page = await open()
      const kinds = []
      page.win.orq.on('decision', () => {
        throw new Error('its own mistake')
      })
      page.win.orq.on('decision', ({ kind }) => kinds.push(kind))
      equal(await page.identify(id), 'delivered')
      equal(kinds, ['sent', 'delivered'])
      ok(printed('error').length > 0, 'the mistake is not shown')
    },
  },
  {
    name: 'I60 consent pending sends and stores nothing; granted sends the latest fields once',
    run: async ({ open, log, keys, id }) => {
      const page = await open({ consent: 'pending' })
      const calls = [1, 2, 3].map((n) => page.identify({ externalId: id, email: `${n}@example.com` }))
      calls.push(page.identify({ externalId: id, tags: ['t'] }))
      await quiet(100)
      const before = await log()
      equal([before.posts.length, before.tokenCalls, keys.size], [0, 0, 0], 'posts, tokens, keys')
      page.win.orq.consent('granted')
      equal(await Promise.all(calls), Array(4).fill('delivered'))
      equal(
        (await log()).posts.map(({ body }) => body),
        [{ external_id: id, email: '3@example.com', tags: ['t'] }],
      )
    },
  },
  {
    name: 'I60b denied drops what waited and erases outbox and ledger',
    run: async ({ open, log, keys, stored, id }) => {
      const page = await open({ debounceMs: 5_000 })
      const call = page.identify({ externalId: id, email: 'a@example.com' })
      await quiet(0)
      ok(stored().includes('a@example.com'), 'not stored while it waits')
      page.win.orq.consent('denied')
      equal(await call, 'dropped: denied')
      equal(
        [...keys].filter((key) => localStorage.getItem(key) !== null),
        [],
        'keys',
      )
      equal(await page.identify(id), 'dropped: denied')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'I60c an acknowledgement that arrives after denial is not recorded',
    run: async ({ open, script, release, log, keys, id }) => {
      await script({ answers: [{ isHeld: true }] })
      const page = await open()
      page.identify(id)
      await log({ posts: 1 })
      page.win.orq.consent('denied')
      await release()
      await log({ idle: 1 })
      await quiet(100)
      equal(
        [...keys].filter((key) => localStorage.getItem(key) !== null),
        [],
        'keys',
      )
    },
  },
  {
    name: 'I60d consent given in the same task as an init without it counts',
    run: async ({ open, id }) => {
      const page = await open({ consent: 'denied' })
      page.win.orq.consent('granted')
      const call = page.identify(id)
      equal(await call, 'delivered')
      equal(await page.identify(id, { n: 1 }), 'delivered', 'a later call')
    },
  },
  ...['globalPrivacyControl', 'doNotTrack'].map((signal) => ({
    name: `I61 ${signal} is respected where it is asked for, and only there`,
    run: async ({ open, log, id }) => {
      const before = (win) => {
        const value = signal === 'doNotTrack' ? '1' : true
        Object.defineProperty(win.navigator, signal, { configurable: true, value })
      }
      const careful = await open({ before, respectPrivacySignals: true })
      equal(await careful.identify(id), 'dropped: denied')
      equal((await log()).posts.length, 0, 'posts')
      const other = await open({ before })
      equal(await other.identify(id), 'delivered')
    },
  })),
]
