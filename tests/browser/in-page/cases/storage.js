import { equal, ok } from './expect.js'

const denied = (win) => {
  throw new win.DOMException('The operation is insecure.', 'SecurityError')
}
const replace = (win, get) => Object.defineProperty(win, 'localStorage', { configurable: true, get })

const broken = [
  ['the getter throws', (win) => replace(win, () => denied(win))],
  ['it is undefined', (win) => replace(win, () => undefined)],
  ['it is null', (win) => replace(win, () => null)],
  ['it is an object without methods', (win) => replace(win, () => ({}))],
  ['its methods throw', (win) => replace(win, () => new Proxy({}, { get: () => () => denied(win) }))],
  ['getItem throws', (win) => Object.assign(win.Storage.prototype, { getItem: () => denied(win) })],
  ['setItem throws', (win) => Object.assign(win.Storage.prototype, { setItem: () => denied(win) })],
  ['removeItem throws', (win) => Object.assign(win.Storage.prototype, { removeItem: () => denied(win) })],
  ['setItem does nothing', (win) => Object.assign(win.Storage.prototype, { setItem: () => {} })],
  [
    'setItem keeps something else',
    (win) =>
      replace(win, () => {
        const values = new Map()
        return {
          getItem: (key) => (values.has(key) ? `${values.get(key)}x` : null),
          setItem: (key, value) => values.set(key, value),
          removeItem: (key) => values.delete(key),
        }
      }),
  ],
]

/** Values that are not ours, or are ours no more. */
const malformed = [
  '',
  '{',
  'null',
  '42',
  '"1"',
  '[]',
  '{}',
  '[2,"future",{"everything":"else"}]',
  '['.repeat(5_000),
  '[1,null,null,null,null,null]',
  '[1,0,0,[["a",null]]]',
  '[1,0,0,[["a",{"email":null}]]]',
  '[1,"x","y",[[{},[]]]]',
]

/** Values in our form whose parts are not ours. */
const deformed = [
  '[1]',
  '[1,1,1,1,1,1]',
  '[1,"id",0,"salt",0,{"a":1}]',
  '[1,"id",0,"salt",0,[1,2]]',
  '[1,"id",0,"salt",0,[["a",null]]]',
  '[1,1e999,1e999,[]]',
  `[1,"${'x'.repeat(1_000_000)}"]`,
]

export const cases = [
  ...broken.map(([what, before], n) => ({
    name: `G47.${n} localStorage: ${what}: the client works in memory`,
    run: async ({ open, id, log, printed }) => {
      const page = await open({ before })
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'delivered')
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'duplicate')
      equal(await page.identify({ externalId: id, email: 'b@example.com' }), 'delivered')
      page.win.orq.reset()
      equal(await page.identify({ externalId: id, email: 'b@example.com' }), 'delivered')
      equal((await log()).posts.length, 3, 'posts')
      equal(printed('error'), [])
    },
  })),
  {
    name: 'G47b localStorage begins to throw under a running page',
    run: async ({ open, id }) => {
      const page = await open()
      equal(await page.identify(id, { n: 1 }), 'delivered')
      replace(page.win, () => denied(page.win))
      equal(await page.identify(id, { n: 2 }), 'delivered')
      equal(await page.identify(id, { n: 2 }), 'duplicate')
    },
  },
  {
    name: 'G48 a full storage: no throw, memory serves, and the keys of the page stay',
    run: async ({ open, id, printed }) => {
      let size = 4_194_304
      try {
        for (let n = 0; size >= 1; n++) {
          try {
            localStorage.setItem(`host-app-${n}`, 'h'.repeat(size))
          } catch {
            size = Math.floor(size / 2)
          }
        }
        const before = JSON.stringify(Object.entries(localStorage).filter(([key]) => key.startsWith('host-app')))
        const page = await open()
        equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'delivered')
        equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'duplicate')
        const after = JSON.stringify(Object.entries(localStorage).filter(([key]) => key.startsWith('host-app')))
        ok(before === after, 'the keys of the page have changed')
        equal(printed('error'), [])
      } finally {
        for (const key of Object.keys(localStorage)) if (key.startsWith('host-app')) localStorage.removeItem(key)
      }
    },
  },
  ...[...malformed, ...deformed].map((value, n) => ({
    name: `G49.${n} a stored value ${value.slice(0, 40) || '(empty)'} is ignored and replaced`,
    run: async ({ open, keys, id, log }) => {
      const first = await open()
      // Twice: the first call makes an outbox too, whose key is then known.
      await first.identify({ externalId: id, email: 'a@example.com' })
      first.remove()
      for (const key of keys) localStorage.setItem(key, value)
      const second = await open()
      equal(await second.identify({ externalId: id, email: 'a@example.com' }), 'delivered')
      second.remove()
      const third = await open()
      equal(await third.identify({ externalId: id, email: 'a@example.com' }), 'duplicate')
      equal((await log()).posts.length, 2, 'posts')
    },
  })),
  {
    name: 'G50 storage cleared by the page: the next call sends',
    run: async ({ open, keys, id, log }) => {
      const page = await open()
      await page.identify(id)
      for (const key of keys) localStorage.removeItem(key)
      equal(await page.identify(id), 'delivered')
      equal((await log()).posts.length, 2, 'posts')
    },
  },
  {
    name: 'G52 nothing personal stays in storage after an acknowledgement, a drop or a reset',
    run: async ({ open, script, stored, id }) => {
      const user = { externalId: id, email: 'a@example.com', displayName: 'Jane', avatarUrl: 'https://cdn.example/j' }
      const page = await open()
      const check = (when) => {
        for (const value of [id, 'example', 'Jane', 'eyJ', 'orq-identify+jwt'])
          ok(!stored().includes(value), `${value} stored after ${when}`)
      }
      await page.identify(user)
      check('an acknowledgement')
      await script({ answers: [{ status: 400, body: { code: 'bad_request' } }] })
      equal(await page.identify({ ...user, displayName: 'Jane Doe' }), 'dropped: rejected')
      check('a drop')
      await script({ answers: [{ status: 503, body: { code: 'internal' } }] })
      page.identify({ ...user, displayName: 'Jane Roe' })
      ok(stored().includes('Jane Roe'), 'not kept while it waits')
      page.win.orq.reset()
      check('a reset')
    },
  },
  {
    name: 'G53 consent denied: no storage key, no request, no token',
    run: async ({ open, keys, id, log }) => {
      const page = await open({ consent: 'denied' })
      equal(await page.identify(id), 'dropped: denied')
      equal([...keys], [])
      const { posts, tokenCalls } = await log()
      equal([posts.length, tokenCalls], [0, 0], 'posts, tokens')
    },
  },
]
