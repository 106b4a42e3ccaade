import { equal, ok } from './expect.js'
import { quiet, until } from './tools.js'

const setOnline = (win, isOnline) =>
  Object.defineProperty(win.navigator, 'onLine', { configurable: true, get: () => isOnline })

export const cases = [
  {
    name: 'E37 offline tries once per page load, and sends when online is back',
    run: async ({ open, log, base, token, id }) => {
      let attempts = 0
      // A name beyond this machine, for a loopback proxy is always tried; the port brings it back here.
      const page = await open({
        proxyUrl: 'https://app.example/orq',
        token,
        fetch: async (input, init) => {
          const request = new Request(input, init)
          const { method, headers, url } = request
          attempts++
          if (!page.win.navigator.onLine) throw new TypeError('no network')
          return fetch(url.replace('https://app.example', base), { method, headers, body: await request.text() })
        },
        before: (win) => setOnline(win, false),
      })
      equal(await page.identify(id, { plan: 'pro' }), 'pending: offline')
      await until(() => attempts)
      await quiet(100)
      equal([attempts, (await log()).posts.length], [1, 0], 'attempts, posts while offline')
      setOnline(page.win, true)
      page.win.dispatchEvent(new page.win.Event('online'))
      const { posts } = await log({ posts: 1, idle: 1 })
      equal(posts[0]?.body, { external_id: id, metadata: { plan: 'pro' } })
    },
  },
  {
    name: 'E37b a loopback proxy is tried although the browser is offline',
    run: async ({ open, id }) => {
      const page = await open({ before: (win) => setOnline(win, false) })
      equal(await page.identify(id), 'delivered')
    },
  },
  {
    name: 'E38 a fetch that throws synchronously is a network failure',
    run: async ({ open, token, id, printed }) => {
      const page = await open({
        token,
        retries: { strategy: 'none' },
        before: (win) => {
          win.fetch = () => {
            throw new Error('patched by an extension')
          }
        },
      })
      equal(await page.identify(id), 'pending: unreachable')
      ok(printed('error', 'warn').length <= 1, 'more than one line')
    },
  },
  {
    name: 'E38b a page without fetch does not break',
    run: async ({ open, token, id }) => {
      const page = await open({
        token,
        retries: { strategy: 'none' },
        before: (win) => {
          win.fetch = undefined
        },
      })
      equal(await page.identify(id), 'pending: unreachable')
    },
  },
  {
    name: 'E38c a fetch that never settles, and ignores its signal, ends at timeoutMs',
    run: async ({ open, token, id }) => {
      const page = await open({
        token: await token(),
        timeoutMs: 300,
        settleMs: 1_000,
        before: (win) => {
          win.fetch = () => new Promise(() => {})
        },
      })
      equal(await page.identify(id), 'pending: timeout')
    },
  },
  {
    name: 'E38d a fetch that answers with something else than a Response is a failure',
    run: async ({ open, token, id }) => {
      for (const answer of [undefined, null, 42, {}, { status: 200, json: () => ({ status: 'delivered' }) }]) {
        const page = await open({
          token,
          settleMs: 500,
          before: (win) => {
            win.fetch = async () => answer
          },
        })
        const outcome = await page.identify(id)
        ok(/^pending/.test(outcome), `${outcome} for ${JSON.stringify(answer)}`)
        page.win.orq.reset()
        page.remove()
      }
    },
  },
  {
    name: 'E38f the fetch option gets the Request that ky has made, whole',
    run: async ({ open, id, base, token }) => {
      const requests = []
      const page = await open({
        token,
        fetch: (request, init) => {
          requests.push(request.clone())
          return fetch(request, init)
        },
      })
      equal(await page.identify(id), 'delivered')
      equal(requests.length, 1, 'requests')
      const [request] = requests
      const { method, url, headers, credentials, redirect } = request
      equal(
        { method, path: new URL(url).pathname, type: headers.get('content-type'), credentials, redirect },
        {
          method: 'POST',
          path: `${base}/orq/v2/contacts`,
          type: 'application/json',
          credentials: 'omit',
          redirect: 'manual',
        },
      )
      equal(await request.json(), { external_id: id })
    },
  },
  {
    name: 'E38e fetch is looked up at each call: one patched later is used',
    run: async ({ open, id, token }) => {
      const page = await open({ token })
      await page.identify(id, { n: 1 })
      let urls = 0
      const { fetch: original } = page.win
      page.win.fetch = (...args) => {
        urls++
        return original.apply(page.win, args)
      }
      equal(await page.identify(id, { n: 2 }), 'delivered')
      equal(urls, 1, 'calls of the patched fetch')
    },
  },
]
