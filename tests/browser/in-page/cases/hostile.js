import { cannot, equal, ok } from './expect.js'
import { event } from './frame.js'

const boom = () => {
  throw new Error('boom')
}

export const cases = [
  {
    name: 'K1 objects that fight back are dropped, and the next call is sent',
    run: async ({ open, id, log }) => {
      const page = await open()
      const traps = new Proxy({}, { ownKeys: boom, get: boom, has: boom, getOwnPropertyDescriptor: boom })
      const revoked = Proxy.revocable({}, {})
      revoked.revoke()
      const calls = [
        [traps],
        [revoked.proxy],
        [
          {
            get externalId() {
              return boom()
            },
          },
        ],
        [{ externalId: { toString: boom } }],
        [{ externalId: Symbol('id') }],
        [Symbol('id')],
        [1n],
        [() => {}],
        [new Date(NaN)],
        [[]],
        [{ externalId: id, metadata: traps }],
        [{ externalId: id, metadata: { toJSON: boom } }],
        [{ externalId: id, tags: new Proxy([], { get: boom }) }],
        [{ externalId: id, tags: { length: 1e9 } }],
        [{ externalId: id, metadata: { list: new Array(1e7) } }],
        [id, traps],
      ]
      for (const [n, args] of calls.entries()) equal(await page.identify(...args), 'dropped: invalid', `call ${n}`)
      ok(/^(delivered|dropped: invalid)$/.test(await page.identify(id, {}, traps)), 'options that fight back')
      equal(await page.identify(id, { plan: 'pro' }), 'delivered')
      ok(
        (await log()).posts.every(({ body }) => body.external_id === id),
        'somebody else was sent',
      )
    },
  },
  {
    name: 'K2 objects of another window are taken as any other',
    run: async ({ open, frame, id, log }) => {
      const page = await open()
      const { win } = await frame()
      const user = win.eval(
        `({ externalId: '${id}', tags: ['a'], metadata: { list: [1, { b: 2 }], at: new Date(0) } })`,
      )
      equal(await page.identify(user), 'delivered')
      equal((await log()).posts[0].body, {
        external_id: id,
        tags: ['a'],
        metadata: { list: [1, { b: 2 }], at: '1970-01-01T00:00:00.000Z' },
      })
    },
  },
  {
    name: 'K3 two builds in one page: the first stays, with one warning',
    run: async ({ open, load, door, id, printed, log }) => {
      if (door === 'orq.esm.js') cannot('an import makes no global')
      const page = await open()
      const first = page.win.orq
      await load(page.win, door === 'orq.js' ? 'orq.full.js' : 'orq.js')
      ok(page.win.orq === first, 'the second took over')
      equal(printed('warn').length, 1, 'warnings')
      equal(await page.identify(id), 'delivered')
      equal((await log()).posts.length, 1, 'posts')
    },
  },
  {
    name: 'K4 a global named orq that is something else is replaced without a throw',
    run: async (tools) => {
      if (tools.door === 'orq.esm.js') cannot('an import makes no global')
      for (const value of ['text', 42, null, {}, { identify: 5 }, [1, null, ['identify']], () => {}]) {
        const { win, remove } = await tools.frame()
        win.orq = value
        await tools.load(win, tools.door, { tokenUrl: `${tools.base}/token`, debounceMs: '10' })
        const outcome = await win.orq.identify(tools.id, { plan: 'pro' })
        ok(/delivered|duplicate/.test(outcome.status), outcome.status)
        remove()
      }
      const named = await tools.document(`<!doctype html><form id="orq"></form>
        <script src="${tools.base}/orq/${tools.door}" data-token-url="${tools.base}/token" data-debounce-ms="10"></script>`)
      equal(await named.win.orq.identify(tools.id, { plan: 'pro' }), { status: 'duplicate' }, 'a named element')
    },
  },
  {
    name: 'K5 a second init: silent with the same options, one warning with others',
    run: async ({ open, id, printed, base }) => {
      const page = await open()
      const options = { proxyUrl: `${base}/orq`, debounceMs: 10, tokenUrl: `${base}/token` }
      page.win.orq.init(options)
      equal(printed('warn').length, 0, 'warnings')
      page.win.orq.init({ ...options, debounceMs: 99 })
      page.win.orq.init({ ...options, debounceMs: 99 })
      equal(printed('warn').length, 1, 'warnings')
      equal(await page.identify(id), 'delivered')
    },
  },
  {
    name: 'K7 a page that extends Object.prototype changes no body, and is not broken',
    run: async ({ open, id, log }) => {
      const page = await open({
        before: (win) => {
          win.Object.prototype.extend = () => 'enumerable, as old libraries do'
          win.Array.prototype.last = () => 'enumerable, too'
        },
      })
      equal(await page.identify({ externalId: id, tags: ['a'], metadata: { plan: 'pro' } }), 'delivered')
      equal(await page.identify({ externalId: id, tags: ['a'], metadata: { plan: 'pro' } }), 'duplicate')
      equal((await log()).posts[0].body, { external_id: id, tags: ['a'], metadata: { plan: 'pro' } })
    },
  },
  {
    name: 'K8 a page with an Array.prototype.toJSON of an old library delivers',
    run: async ({ open, id, log }) => {
      const page = await open({
        before: (win) => {
          win.eval(`Array.prototype.toJSON = function () {
            return '[' + this.map((item) => JSON.stringify(item)).join(', ') + ']'
          }`)
        },
      })
      equal(await page.identify({ externalId: id, metadata: { plan: 'pro' } }), 'delivered')
      equal((await log()).posts[0].body, { external_id: id, metadata: { plan: 'pro' } })
    },
  },
  {
    name: 'K6 an opaque origin (a sandboxed frame): no throw, nothing left unhandled, an outcome',
    run: async ({ base, door, id }) => {
      const file = door === 'orq.esm.js' ? 'orq.full.js' : door
      const html = `<!doctype html><script>
        const problems = []
        onerror = (message) => { problems.push(message) }
        onunhandledrejection = ({ reason }) => { problems.push('unhandled ' + reason) }
      </script><script src="${location.origin}${base}/orq/${file}"></script><script>
        orq.init({ proxyUrl: '${location.origin}${base}/orq', token: 'opaque', debounceMs: 10, retries: { strategy: 'none' } })
        orq.identify('${id}').then((outcome) => parent.postMessage({ outcome, problems }, '*'))
      </script>`
      const element = document.createElement('iframe')
      element.sandbox = 'allow-scripts'
      element.srcdoc = html
      const answered = event(window, 'message')
      document.body.append(element)
      const { outcome, problems } = (await answered).data
      element.remove()
      equal(problems, [], 'problems')
      // Another site to the proxy: it refuses, or the browser shows nothing of its answer.
      equal(outcome, { status: 'pending', reason: 'unreachable' })
    },
  },
]
