import { join } from 'node:path'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { BrowserFiles } from '../../src/node/browser-files.ts'
import { type AppSite, startAppSite } from './app-site.ts'
import { launch, type Visitor, visitor } from './page.ts'
import { type Build, buildWithContract, openBuild } from './versions/builds.ts'

// A rolling deploy, a rollback, a page that stays open, a cache: core, chunk and proxy of different builds meet.

type BuildName = 'today' | 'first' | 'other contract'
const names: BuildName[] = ['today', 'first', 'other contract']
const doors = {
  'orq.js': '<script src="/orq/orq.js"></script>',
  'orq.esm.js': '<script type="module">import { orq } from "/orq/orq.esm.js"; window.orq = orq</script>',
}
type Door = keyof typeof doors

let browser: Browser
let builds: Record<BuildName, Build>
let other: Awaited<ReturnType<typeof buildWithContract>>
beforeAll(async () => {
  other = await buildWithContract(999)
  browser = await launch()
  builds = {
    today: await openBuild('today', join(import.meta.dirname, '../../dist')),
    first: await openBuild('first', join(import.meta.dirname, 'versions/contract-1')),
    'other contract': await openBuild('other contract', other.folder),
  }
})
afterAll(async () => {
  await browser?.close()
  other?.remove()
})

const script = { 'content-type': 'text/javascript' }
const isChunk = (path: string): boolean => path.startsWith('/orq/transport.js')

/** The core of one build, and the proxy of another for whatever is asked later. */
const mixed = (core: Build, chunk: Build): BrowserFiles => {
  return (request) => (isChunk(new URL(request.url).pathname) ? chunk : core).files(request)
}

/** Whether a core can use the chunk that a proxy of another build gives it. */
const fits = (door: Door, core: Build, chunk: Build): boolean =>
  door === 'orq.js' ? core.chunkHash === chunk.chunkHash : core.contract === chunk.contract

const open = async (door: Door): Promise<{ app: AppSite; guest: Visitor; id: string }> => {
  const id = `versions-${Math.random().toString(36).slice(2, 10)}`
  const app = await startAppSite(id)
  app.html = `<!doctype html><link rel="icon" href="data:,">${doors[door]}`
  const guest = await visitor(browser)
  onTestFinished(async () => {
    await guest.context.close()
    await app.close()
  })
  return { app, guest, id }
}

/** A page load that identifies with a value of its own, and waits until upstream has it. Gives the outcome to come. */
const visit = async (app: AppSite, { page }: Visitor, id: string, n: number): Promise<() => Promise<string>> => {
  await page.goto(app.url)
  const call = page.evaluate(
    async ([externalId, value]) => {
      window.orq.init({ proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 10 })
      return (await window.orq.identify(externalId, { n: value })).status
    },
    [id, n] as const,
  )
  // Nobody waits for it where the page goes on before.
  call.catch(() => {})
  await expect.poll(() => app.received().at(-1)?.metadata).toEqual({ n })
  return () => call
}

/** What a page may complain about: a chunk that is not there. */
const complaints = ({ errors }: Visitor): string[] =>
  errors.filter((text) => !/^Failed to load resource.* 404 .*\/transport\.js\?v=/.test(text))

const cases = (Object.keys(doors) as Door[]).flatMap((door) =>
  names.flatMap((core) => names.map((chunk) => ({ door, core, chunk }))),
)

describe('core and chunk of different builds', () => {
  test.each(cases)('$door of $core beside the chunk of $chunk delivers', async ({ door, core, chunk }) => {
    const { app, guest, id } = await open(door)
    app.files = mixed(builds[core], builds[chunk])
    const status = await visit(app, guest, id, 1)
    if (fits(door, builds[core], builds[chunk])) expect(await status()).toBe('delivered')
    // The next visit of the same browser, with what it has kept.
    await visit(app, guest, id, 2)
    expect(complaints(guest)).toEqual([])
  })
})

describe.each(Object.keys(doors) as Door[])('a browser that has kept files, by %s', (door) => {
  test('goes on with them after a deploy, and with the new ones once it has loaded those', async () => {
    const { app, guest, id } = await open(door)
    app.files = builds.today.files
    expect(await (await visit(app, guest, id, 1))()).toBe('delivered')
    app.files = builds['other contract'].files
    await visit(app, guest, id, 2)
    // As after `max-age`.
    const session = await guest.context.newCDPSession(guest.page)
    await session.send('Network.clearBrowserCache')
    expect(await (await visit(app, guest, id, 3))()).toBe('delivered')
    expect(complaints(guest)).toEqual([])
  })

  test('has the chunk again as soon as the deploy is through, for a refusal is not kept', async () => {
    const { app, guest, id } = await open(door)
    app.files = mixed(builds['other contract'], builds.today)
    await visit(app, guest, id, 1)
    app.files = builds['other contract'].files
    expect(await (await visit(app, guest, id, 2))()).toBe('delivered')
    expect(complaints(guest)).toEqual([])
  })

  test('survives a deploy and a rollback while its page is open', async () => {
    const { app, guest, id } = await open(door)
    app.files = builds.today.files
    await guest.page.goto(app.url)
    app.files = builds['other contract'].files
    const second = await guest.context.newPage()
    await visit(app, { ...guest, page: second }, id, 1)
    app.files = builds.today.files
    await guest.page.evaluate(
      async ([externalId]) => {
        window.orq.init({ proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 10 })
        return window.orq.identify(externalId, { n: 2 })
      },
      [id] as const,
    )
    await expect.poll(() => app.received().at(-1)?.metadata).toEqual({ n: 2 })
    expect(complaints(guest)).toEqual([])
  })
})

/** What caches, login pages and half a deploy have given in place of the chunk. */
const wrongChunks: Record<string, Response> = {
  'an HTML page': new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
  'half a file': new Response('export const contractVersion = 3; const x = {', { headers: script }),
  'nothing that is exported': new Response('', { headers: script }),
  'a module that throws': new Response('throw new Error("x")', { headers: script }),
  'an engine that is none': new Response('export const contractVersion = 3, createEngine = () => ({})', {
    headers: script,
  }),
}

describe.each(Object.entries(wrongChunks))('%s under the name of the chunk', (name, wrong) => {
  test('does not keep the contact from arriving, and is asked for without its hash', async () => {
    const { app, guest, id } = await open('orq.js')
    const { files } = builds.today
    app.files = async (request) => (new URL(request.url).search ? wrong.clone() : files(request))
    await visit(app, guest, id, 1)
    // An engine that is none has the right contract: only its use tells, when it is too late for another.
    if (name !== 'an engine that is none') await expect.poll(() => app.paths).toContain('/orq/transport.js')
    await visit(app, guest, id, 2)
    // The page has no more to say than what the browser says of a file that is no module.
    const others = complaints(guest).filter((text) => !/module script|SyntaxError|Error: x/.test(text))
    expect(others).toEqual([])
  })
})

test('a chunk of another contract is named on the console, once', async () => {
  const { app, guest, id } = await open('orq.esm.js')
  const warnings: string[] = []
  guest.page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()))
  app.files = mixed(builds.today, builds['other contract'])
  await visit(app, guest, id, 1)
  expect(warnings).toEqual([expect.stringMatching(/^orq: no transport\.js of this build .*\/orq/)])
})
