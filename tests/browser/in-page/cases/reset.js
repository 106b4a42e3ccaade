import { cannot, equal, ok } from './expect.js'
import { quiet, refused } from './tools.js'

export const cases = [
  {
    name: 'D28 reset cancels what waits',
    run: async ({ open, log, stored, id }) => {
      const page = await open({ debounceMs: 5_000 })
      const call = page.identify({ externalId: id, email: 'a@example.com' })
      page.win.orq.reset()
      equal(await call, 'dropped: reset')
      ok(!stored().includes('example.com') && !stored().includes(id), 'still stored')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'D28b reset cancels what backs off, and forgets the token',
    run: async ({ open, script, log, stored, id }) => {
      await script({ answers: [refused(500, 'internal')] })
      const page = await open()
      const call = page.identify({ externalId: id, email: 'a@example.com' })
      await log({ posts: 1, idle: 1 })
      await quiet(50)
      page.win.orq.reset()
      equal(await call, 'dropped: reset')
      ok(!stored().includes('example.com'), 'still stored')
      // The back-off would have ended in at most 600 ms.
      await quiet(700)
      equal((await log()).posts.length, 1, 'posts')
      equal(await page.identify(id), 'delivered')
      equal((await log()).tokenCalls, 2, 'tokens')
    },
  },
  {
    name: 'D28c what is on the wire ends with its real outcome, unrecorded: the next call sends',
    run: async ({ open, script, release, log, stored, id }) => {
      await script({ answers: [{ isHeld: true }] })
      const page = await open()
      const call = page.identify({ externalId: id, email: 'a@example.com' })
      await log({ posts: 1 })
      page.win.orq.reset()
      await release()
      equal(await call, 'delivered')
      ok(!stored().includes('example.com'), 'still stored')
      equal(await page.identify({ externalId: id, email: 'a@example.com' }), 'delivered')
      equal((await log()).posts.length, 2, 'posts')
    },
  },
  {
    name: 'D28d a failure on the wire at reset is never tried again',
    run: async ({ open, script, release, log, id }) => {
      await script({ answers: [{ isHeld: true, ...refused(500, 'internal') }] })
      const page = await open()
      const call = page.identify({ externalId: id, email: 'a@example.com' })
      await log({ posts: 1 })
      page.win.orq.reset()
      await release()
      ok(/dropped: reset|pending: server/.test(await call), `outcome ${await call}`)
      await quiet(700)
      equal((await log()).posts.length, 1, 'posts')
    },
  },
  {
    name: 'D29 reset before load is honoured in order',
    run: async (tools) => {
      if (tools.door === 'orq.esm.js') cannot('an import has no queue before it')
      const stub = await (await fetch('/stub.js')).text()
      const page = await tools.document(`<!doctype html><script>${stub}</script><script>
        window.calls = [orq.identify('${tools.id}', { n: 1 }), orq.reset(), orq.identify('${tools.id}', { n: 2 })]
      </script><script src="${tools.base}/orq/${tools.door}" data-token-url="${tools.base}/token"
        data-proxy-url="${tools.base}/orq" data-debounce-ms="10"></script>`)
      const [first, , last] = await page.win.Promise.all(page.win.calls)
      equal([first, last], [{ status: 'dropped', reason: 'reset' }, { status: 'delivered' }])
      equal(
        (await tools.log()).posts.map(({ body }) => body.metadata.n),
        [2],
      )
    },
  },
  {
    name: 'D30 reset in one tab: another tab does not skip on the old acknowledgement',
    run: async ({ open, log, id }) => {
      const [first, second] = [await open(), await open()]
      await second.win.orq.flush()
      await first.identify(id, { plan: 'pro' })
      equal(await second.identify(id, { plan: 'pro' }), 'duplicate')
      first.win.orq.reset()
      equal(await second.identify(id, { plan: 'pro' }), 'delivered')
      equal((await log()).posts.length, 2, 'posts')
    },
  },
  {
    name: 'D30b what another tab waits with at a reset is dropped, not sent under the new session',
    run: async ({ open, log, id }) => {
      const [first, second] = [await open(), await open({ debounceMs: 300 })]
      const call = second.identify({ externalId: id, email: 'old@example.com' })
      first.win.orq.reset()
      equal(await call, 'dropped: reset')
      equal((await log()).posts.length, 0, 'posts')
    },
  },
  {
    name: 'D31 reset does not change consent',
    run: async ({ open, log, keys, id }) => {
      const page = await open({ consent: 'denied' })
      page.win.orq.reset()
      equal(await page.identify(id), 'dropped: denied')
      await quiet(50)
      page.win.orq.consent('pending')
      const call = page.identify(id)
      page.win.orq.reset()
      equal((await log()).posts.length, 0, 'posts')
      ok(![...keys].some((key) => localStorage.getItem(key) !== null), 'stored without consent')
      page.win.orq.consent('granted')
      ok(/delivered|dropped: reset/.test(await call), await call)
    },
  },
]
