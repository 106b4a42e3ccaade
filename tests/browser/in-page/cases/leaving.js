import { cannot, equal, ok } from './expect.js'
import { quiet, refused } from './tools.js'

const hide = (win, isHidden = true) => {
  Object.defineProperty(win.document, 'visibilityState', {
    configurable: true,
    get: () => (isHidden ? 'hidden' : 'visible'),
  })
  win.document.dispatchEvent(new win.Event('visibilitychange', { bubbles: true }))
}
const pagehide = (win) => win.dispatchEvent(new win.PageTransitionEvent('pagehide', { persisted: false }))

/** A page whose requests are counted when they are made, with its token at hand and a call waiting. */
const waiting = async ({ open, token, id }, options = {}) => {
  const sent = []
  const text = await token()
  let given = () => {}
  const asked = new Promise((resolve) => {
    given = resolve
  })
  const page = await open({
    debounceMs: 5_000,
    maxWaitMs: 5_000,
    token: () => {
      given()
      return text
    },
    before: (win) => {
      const { fetch: original } = win
      win.fetch = (url, init) => {
        if (String(url?.url ?? url).endsWith('/v2/contacts')) sent.push(init ?? url)
        return original.call(win, url, init)
      }
    },
    ...options,
  })
  const call = page.identify({ externalId: id, email: 'a@example.com', ...options.fields })
  await asked
  await quiet(0)
  return { ...page, sent, call }
}

export const cases = [
  {
    name: 'F42 hidden: what waits is sent before the event is over, with keepalive',
    run: async (tools) => {
      const page = await waiting(tools)
      equal(page.sent.length, 0, 'sent before')
      hide(page.win)
      equal(page.sent.length, 1, 'sent when the event was over')
      equal(page.sent[0].keepalive, true, 'keepalive')
      equal(await page.call, 'delivered')
      if (!('keepalive' in page.win.Request.prototype)) cannot('this engine has no keepalive: the outbox serves')
    },
  },
  {
    name: 'F42b a frame removed at once: the server still hears of the contact',
    run: async (tools) => {
      const page = await waiting(tools)
      page.remove()
      const { posts } = await tools.log({ posts: 1, idle: 1 })
      equal(posts[0]?.body.email, 'a@example.com')
    },
  },
  {
    name: 'F42c a frame removed at once, whose chunk has not come: the server still hears of the contact, once',
    run: async (tools) => {
      await tools.script({ chunk: 'silent' })
      const page = await waiting(tools)
      page.remove()
      const { posts } = await tools.log({ posts: 1, idle: 1 })
      equal(
        posts.map(({ body }) => body.email),
        ['a@example.com'],
      )
    },
  },
  {
    name: 'F42d without its chunk ten equal calls are one request, repeats and a reload none, and nothing personal stays',
    run: async ({ open, script, log, stored, id }) => {
      await script({ chunk: 'gone' })
      const user = { externalId: id, email: 'a@example.com' }
      const page = await open()
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => page.identify({ ...user })))
      equal([...new Set(outcomes)], ['delivered'])
      equal(await page.identify(user), 'duplicate')
      page.remove()
      equal(await (await open()).identify(user), 'duplicate')
      equal((await log({ idle: 1 })).posts.length, 1, 'posts')
      ok(!stored().includes('a@example.com'), 'kept the e-mail')
    },
  },
  {
    name: 'F43 pagehide and visibilitychange together are one request',
    run: async (tools) => {
      for (const events of [
        [hide, pagehide],
        [pagehide, hide],
        [hide, hide, pagehide],
      ]) {
        const page = await waiting(tools, { fields: { tags: [String(Math.random())] } })
        for (const leave of events) leave(page.win)
        equal(page.sent.length, 1, 'requests')
        equal(await page.call, 'delivered')
        page.remove()
      }
    },
  },
  {
    name: 'F44 a body over 16 KiB is not sent while leaving, and goes at the next visit',
    run: async (tools) => {
      const text = 'x'.repeat(16_400)
      const page = await waiting(tools, { fields: { metadata: { text } } })
      pagehide(page.win)
      hide(page.win)
      equal(page.sent.length, 0, 'sent')
      page.remove()
      equal((await tools.log()).posts.length, 0, 'posts')
      await tools.open()
      equal((await tools.log({ posts: 1, idle: 1 })).received[tools.id][0].metadata.text, text)
    },
  },
  {
    name: 'F45 a page restored from the back/forward cache works and sends nothing again',
    run: async (tools) => {
      const page = await waiting(tools)
      pagehide(page.win)
      equal(await page.call, 'delivered')
      page.win.dispatchEvent(new page.win.PageTransitionEvent('pageshow', { persisted: true }))
      hide(page.win, false)
      await quiet(150)
      equal(page.sent.length, 1, 'requests')
      equal(await page.identify({ externalId: tools.id, email: 'a@example.com' }), 'duplicate')
      const call = page.identify({ externalId: tools.id, email: 'b@example.com' })
      await page.win.orq.flush()
      equal(await call, 'delivered')
    },
  },
  {
    name: 'F46 pagehide is heard on the window, and nothing listens to unload or beforeunload',
    run: async (tools) => {
      const names = []
      const page = await waiting(tools, {
        before: (win) => {
          for (const target of [win, win.document]) {
            const { addEventListener } = target
            target.addEventListener = (name, ...rest) => {
              names.push(`${target === win ? 'window' : 'document'} ${name}`)
              return addEventListener.call(target, name, ...rest)
            }
          }
        },
      })
      pagehide(page.win)
      equal(await page.call, 'delivered')
      ok(!names.join().includes('unload'), `listens to ${names}`)
      ok(names.join().includes('visibilitychange') && names.includes('window pagehide'), `listens to ${names}`)
    },
  },
  {
    name: 'F46b while a Retry-After runs, leaving sends nothing',
    run: async (tools) => {
      await tools.script({ answers: [refused(429, 'rate_limited', {}, { 'retry-after': '60' })] })
      const page = await waiting(tools)
      page.win.orq.flush()
      await tools.log({ posts: 1, idle: 1 })
      await quiet(50)
      hide(page.win)
      pagehide(page.win)
      equal(page.sent.length, 1, 'requests')
    },
  },
  {
    name: 'F46c close sends what waits, then nothing listens any more',
    run: async (tools) => {
      const page = await waiting(tools)
      page.win.orq.close()
      equal(page.sent.length, 1, 'requests')
      ok(/dropped: closed|delivered/.test(await page.call), await page.call)
      equal(await page.identify(tools.id), 'dropped: closed')
      hide(page.win)
      pagehide(page.win)
      equal(page.sent.length, 1, 'requests after close')
    },
  },
]
