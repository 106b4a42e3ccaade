import { equal, ok } from './expect.js'
import { until } from './tools.js'

const emoji = '\u{1F600}'

/** Each of these is dropped; nothing is sent, and nothing of it is stored. */
const dropsAll = async ({ open, log, stored, printed }, calls) => {
  const page = await open()
  for (const args of calls) {
    equal(await page.identify(...args), 'dropped: invalid', `outcome of ${args.map(String)}`)
  }
  equal((await log()).posts, [], 'posts')
  ok(!/external_id|calls/.test(stored()), 'stored something of an invalid call')
  // The words come with the chunk; what is wrong in the same way is said once.
  await until(() => printed('error').length)
  return printed('error')
}

export const cases = [
  {
    name: 'A1 an id alone is one request with exactly the id',
    run: async ({ open, log, id }) => {
      const page = await open()
      equal(await page.identify({ external_id: id }), 'delivered')
      const { posts, received } = await log()
      equal(
        posts.map(({ body }) => body),
        [{ external_id: id }],
      )
      equal(received[id], [{ external_id: id }], 'upstream')
    },
  },
  {
    name: 'A2 a number as id is taken as a text, with one warning',
    run: async ({ open, script, log, printed }) => {
      const number = Math.floor(Math.random() * 1e12)
      await script({ person: String(number) })
      const page = await open()
      equal(await page.identify(number), 'delivered')
      equal(await page.identify({ externalId: number, email: null }), 'delivered')
      equal(
        (await log()).posts.map(({ body }) => body.external_id),
        [String(number), String(number)],
      )
      equal(printed('warn').length, 1, 'warnings')
    },
  },
  {
    name: 'A3 an id that is none is dropped, with one error in the console',
    run: async (tools) => {
      const ids = [undefined, null, '', '   ', false, 'undefined', 'null', NaN, [], {}]
      const errors = await dropsAll(tools, [
        ...ids.map((externalId) => [{ externalId }]),
        [undefined],
        [null],
        [],
        [''],
      ])
      equal(errors.length, 1, `errors ${errors}`)
    },
  },
  {
    name: 'A4 an id of 120 UTF-16 units is sent whole, one of 121 is dropped',
    run: async (tools) => {
      const long = emoji.repeat(56) + tools.id.slice(-8).padStart(8, 'x')
      equal(long.length, 120)
      await tools.script({ person: long })
      const page = await tools.open()
      equal(await page.identify({ externalId: long }), 'delivered')
      equal((await tools.log()).posts[0].body.external_id, long)
      equal(await page.identify({ externalId: `${long}x` }), 'dropped: invalid')
      equal(await page.identify({ externalId: emoji.repeat(61) }), 'dropped: invalid')
      equal((await tools.log()).posts.length, 1, 'posts')
    },
  },
  {
    name: 'A5 the values are those at the time of the call',
    run: async ({ open, log, id }) => {
      const page = await open()
      const user = { externalId: id, email: 'a@example.com', tags: ['a'], metadata: { deep: { plan: 'pro' } } }
      const call = page.identify(user)
      user.email = 'later@example.com'
      user.tags.push('later')
      user.metadata.deep.plan = 'later'
      await call
      equal((await log()).posts[0].body, {
        external_id: id,
        email: 'a@example.com',
        tags: ['a'],
        metadata: { deep: { plan: 'pro' } },
      })
    },
  },
  {
    name: 'A6 a cycle, a BigInt and what JSON would lose are dropped without a throw',
    run: async (tools) => {
      const cyclic = {}
      cyclic.self = cyclic
      const values = [{ cyclic }, { n: 1n }, { n: NaN }, { n: Infinity }, { f: () => {} }, { s: Symbol('s') }]
      await dropsAll(
        tools,
        values.map((metadata) => [{ externalId: tools.id, metadata }]),
      )
    },
  },
  {
    name: 'A7 undefined is left out; null, [] and {} are sent as they are',
    run: async ({ open, log, id }) => {
      const page = await open()
      await page.identify({ externalId: id, email: undefined, displayName: null, tags: [], metadata: {} })
      equal((await log()).posts[0].body, { external_id: id, display_name: null, tags: [], metadata: {} })
    },
  },
  {
    name: 'A8 a body over 32 000 UTF-8 bytes or a field over its limit is dropped and named, never cut',
    run: async (tools) => {
      const { id } = tools
      const errors = await dropsAll(tools, [
        [{ externalId: id, metadata: { text: 'é'.repeat(16_000) } }],
        [{ externalId: id, displayName: 'x'.repeat(257) }],
        [{ externalId: id, avatarUrl: `https://a.example/${'x'.repeat(2048)}` }],
        [{ externalId: id, tags: Array.from({ length: 51 }, String) }],
        [{ externalId: id, tags: ['x'.repeat(65)] }],
        [{ externalId: id, email: 'x'.repeat(255) }],
      ])
      for (const field of ['bytes', 'display_name', 'avatar_url', 'tags', 'email'])
        await until(() => errors.join().includes(field))
      const page = await tools.open()
      const text = 'é'.repeat(15_900)
      equal(await page.identify({ externalId: id, metadata: { text } }), 'delivered')
      equal((await tools.log()).posts[0].body.metadata.text, text)
    },
  },
  {
    name: 'A3b an id that is none writes no storage key at all',
    run: async ({ open, keys }) => {
      for (const externalId of [undefined, null, '', '   ', false, 'undefined', 'null']) {
        const page = await open()
        equal(await page.identify({ externalId }), 'dropped: invalid')
        page.remove()
      }
      equal([...keys], [], 'storage keys written')
    },
  },
  {
    name: 'A3c of another invalid call no storage key is left',
    run: async ({ open, keys, id }) => {
      for (const user of [{ externalId: 'x'.repeat(121) }, { externalId: id, email: 'none' }, { externalId: [] }]) {
        const page = await open()
        equal(await page.identify(user), 'dropped: invalid')
        page.remove()
      }
      equal(
        [...keys].filter((key) => localStorage.getItem(key) !== null),
        [],
        'storage keys left',
      )
    },
  },
  {
    name: 'A9 keys that reach a prototype are dropped and pollute nothing',
    run: async (tools) => {
      const keys = [
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"polluted":1}}}',
        '{"a":{"prototype":1}}',
      ]
      const metadata = keys.map((text) => JSON.parse(text))
      await dropsAll(
        tools,
        metadata.map((metadata) => [{ externalId: tools.id, metadata }]),
      )
      const page = await tools.open()
      // As traits they are dropped too, or left out; nobody's prototype is theirs.
      for (const traits of metadata) await page.identify(tools.id, traits)
      for (const { body } of (await tools.log()).posts) equal(body, { external_id: tools.id })
      equal(page.win.eval('({}).polluted'), undefined)
      equal({}.polluted, undefined)
    },
  },
]
