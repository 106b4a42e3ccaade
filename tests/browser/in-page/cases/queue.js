import { cannot, equal, ok } from './expect.js'

const loadStub = async () => (await fetch('/stub.js')).text()

/** A page with the stub, calls of its own, and then the script. */
const withStub = async (tools, calls, tags = 1) => {
  const { document, door, base } = tools
  if (door === 'orq.esm.js') cannot('an import has no queue before it')
  const stub = await loadStub()
  const tag = `<script src="${base}/orq/${door}" data-proxy-url="${base}/orq" data-token-url="${base}/token" data-debounce-ms="10"></script>`
  return document(`<!doctype html><script>${stub}</script><script>
    window.errors = []
    console.error = (...parts) => errors.push(parts.join(' '))
    window.warnings = []
    console.warn = (...parts) => warnings.push(parts.join(' '))
    onunhandledrejection = ({ reason }) => errors.push('unhandled: ' + reason)
    const id = ${JSON.stringify(tools.id)}
    ${calls}
  </script>${tag.repeat(tags)}`)
}

export const cases = [
  {
    name: 'B10 calls made before the script has loaded are replayed once, in order, with their arguments untouched',
    run: async (tools) => {
      const { length } = await loadStub()
      ok(length <= 300, `the stub has ${length} bytes`)
      const { win } = await withStub(
        tools,
        `const user = Object.freeze({ externalId: id, email: 'a@example.com', tags: Object.freeze(['a']) })
        window.order = []
        orq.push((client) => order.push(1, client === window.orq))
        window.calls = [orq.identify(user), orq.identify(id, { plan: 'pro' })]
        orq.push(() => order.push(2))
        orq.on('decision', ({ kind }) => order.push(kind))`,
      )
      const outcomes = await win.Promise.all(win.calls)
      equal(outcomes, [{ status: 'delivered' }, { status: 'delivered' }])
      equal(win.order.slice(0, 3), [1, true, 2], 'order')
      const { posts } = await tools.log()
      equal(posts.length, 1, 'posts')
      equal(posts[0].body, {
        external_id: tools.id,
        email: 'a@example.com',
        tags: ['a'],
        metadata: { plan: 'pro' },
      })
      equal(win.errors, [])
    },
  },
  {
    name: 'B11 commands as functions and as arrays do the same before and after load',
    run: async (tools) => {
      const commands = `orq.push(['identify', { externalId: id, email: EMAIL }])
        orq.push((client) => { window.last = client.identify(id, { name: EMAIL }) })`
      const { win } = await withStub(tools, commands.replaceAll('EMAIL', `'before@example.com'`))
      equal(await win.last, { status: 'delivered' })
      win.eval(commands.replaceAll('EMAIL', `'after@example.com'`))
      equal(await win.last, { status: 'delivered' })
      equal(
        (await tools.log()).posts.map(({ body: { email, display_name } }) => [email, display_name]),
        [
          ['before@example.com', 'before@example.com'],
          ['after@example.com', 'after@example.com'],
        ],
      )
    },
  },
  {
    name: 'B12 a command that throws stops no other, and nothing is left unhandled',
    run: async (tools) => {
      const { win } = await withStub(
        tools,
        `orq.push(() => { throw new Error('its own mistake') })
        orq.push(['nothing', 1])
        orq.push(null)
        orq.push(42)
        window.call = orq.identify(id, { plan: 'pro' })`,
      )
      equal(await win.call, { status: 'delivered' })
      ok(win.errors[0].includes('its own mistake'), 'the mistake is not shown')
      equal(
        win.errors.filter((text) => text.startsWith('unhandled')),
        [],
      )
    },
  },
  {
    name: 'B13 identify returns a promise before and after load',
    run: async (tools) => {
      const { win } = await withStub(tools, `window.before = orq.identify(id)`)
      ok(win.before instanceof win.Promise, 'before')
      ok(win.orq.identify(tools.id) instanceof win.Promise, 'after')
      equal(await win.before, { status: 'delivered' })
    },
  },
  {
    name: 'B14 the script included twice keeps the first instance, replays once, and warns once',
    run: async (tools) => {
      const { win } = await withStub(
        tools,
        `window.runs = 0
        orq.push((client) => { runs++; window.first = client })
        window.call = orq.identify(id)`,
        2,
      )
      equal(await win.call, { status: 'delivered' })
      ok(win.first === win.orq, 'the second instance took over')
      equal(win.runs, 1, 'replays')
      equal(win.warnings.length, 1, 'warnings')
      equal((await tools.log()).posts.length, 1, 'posts')
    },
  },
  {
    name: 'B15 a command given while the queue is drained is not lost',
    run: async (tools) => {
      const { win } = await withStub(
        tools,
        `window.ran = []
        orq.push(() => {
          ran.push('queued')
          window.orq.push(() => ran.push('pushed meanwhile'))
          window.call = window.orq.identify(id)
        })
        orq.push(() => ran.push('queued later'))`,
      )
      equal(await win.call, { status: 'delivered' })
      equal([...win.ran].sort(), ['pushed meanwhile', 'queued', 'queued later'])
    },
  },
  {
    name: 'B15b a command given to the queue itself, by code that kept it, is not lost',
    run: async (tools) => {
      const { win } = await withStub(
        tools,
        `window.kept = window.orq
        window.ran = []
        orq.push(() => { kept.push(() => ran.push('while it is drained')) })`,
      )
      win.eval(`kept.push(() => ran.push('after it'))`)
      equal(win.ran, ['while it is drained', 'after it'])
      const late = new Promise((resolve) => win.setTimeout(resolve, 10_000, { status: 'never settled' }))
      equal(await Promise.race([win.kept.identify(tools.id), late]), { status: 'delivered' })
    },
  },
  {
    name: 'B16 a call before init, in the same task, is kept and sent after it',
    run: async ({ frame, load, base, id }) => {
      const { win } = await frame()
      await load(win)
      const call = win.orq.identify(id, { plan: 'early' })
      win.orq.init({ proxyUrl: `${base}/orq`, tokenUrl: `${base}/token`, debounceMs: 10 })
      equal(await call, { status: 'delivered' })
    },
  },
  {
    name: 'B16b the tag alone, without a stub, works from its own folder',
    run: async (tools) => {
      if (tools.door === 'orq.esm.js') cannot('an import has no tag')
      const { win } = await tools.frame()
      await tools.load(win, tools.door, { tokenUrl: `${tools.base}/token`, debounceMs: '10' })
      equal(await win.orq.identify(tools.id), { status: 'delivered' })
      equal((await tools.log()).posts.length, 1, 'posts')
    },
  },
]
