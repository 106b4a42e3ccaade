import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProxy, jwt, mintToken, type Proxy as OrqProxy } from '../../src/server.ts'
import { launch, visitor } from './page.ts'
import { type Dev, start, startDev } from './processes.ts'
import { type Handler, type Site, serveSite } from './site.ts'

const dist = (file: string): Buffer => readFileSync(new URL(`../../dist/${file}`, import.meta.url))
const secret = 'a secret of the tests, 32 bytes and more'

let browser: Browser
let dev: Dev
let proxy: OrqProxy
const sites: Site[] = []
beforeAll(async () => {
  dev = await startDev()
  browser = await launch()
  proxy = createProxy({ verify: jwt({ secret }), upstream: { apiKey: dev.apiKey, serverUrl: dev.url } })
})
afterAll(async () => {
  await browser?.close()
  for (const site of sites) await site.close()
  await dev?.stop()
})

const contact = async (id: string) => (await dev.contacts()).find(({ external_id }) => external_id === id)

const site = async (handler: Handler): Promise<string> => {
  const made = await serveSite(handler)
  sites.push(made)
  return made.url
}

/** A site with its own page, token route and proxy, as an app would have them. `answer` replaces the proxy. */
const app = (html: string, id: string, answer?: Handler): Promise<string> =>
  site(async (incoming, response) => {
    const { url = '', method = 'GET', headers } = incoming
    const send = (type: string, body: string | Buffer) => response.setHeader('content-type', type).end(body)
    if (url === '/') return void send('text/html; charset=utf-8', html)
    if (url === '/token')
      return void send('application/json', JSON.stringify({ token: await mintToken({ subject: id }, { secret }) }))
    if (/^\/orq\/[\w.]+\.js/.test(url)) return void send('text/javascript', dist(url.slice(5).split('?')[0] as string))
    if (url !== '/orq/v2/contacts') return void response.writeHead(204).end()
    if (answer) return answer(incoming, response)
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const request = new Request(`http://proxy.test${url}`, {
      method,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: Buffer.concat(chunks),
    })
    const given = await proxy.fetch(request)
    response.writeHead(given.status, Object.fromEntries(given.headers)).end(await given.text())
  })

const outcomeIn = async (url: string, expression: string) => {
  const guest = await visitor(browser)
  await guest.page.goto(url)
  const outcome = await guest.page.evaluate(expression)
  await guest.context.close()
  return { outcome, ...guest }
}

describe('the examples, as a reader would copy them', () => {
  test.each(['script-tag', 'esm'])('%s delivers the person', async (example) => {
    const server = await start(['examples/serve.mjs', example], {
      PORT: '0',
      ORQ_API_KEY: dev.apiKey,
      ORQ_SERVER_URL: dev.url,
    })
    const guest = await visitor(browser)
    await guest.page.goto(server.url)
    await expect.poll(() => guest.page.textContent('#outcome')).toMatch(/delivered|duplicate/)
    expect(await contact('user_1')).toMatchObject({
      display_name: 'Jane',
      email: 'jane@example.com',
      metadata: { plan: 'pro' },
    })
    expect(guest.errors).toEqual([])
    await guest.page.reload()
    await expect.poll(() => guest.page.textContent('#outcome')).toBe('duplicate')
    expect(guest.posts).toHaveLength(1)
    await guest.context.close()
    await server.stop()
  })
})

describe('the script tag', () => {
  const tag = '<!doctype html><script src="/orq/orq.js" data-token-url="/token" data-debounce-ms="10"></script>'

  test('an HTML page with status 200 in the place of the proxy is pending: unreachable', async () => {
    const html = (_: unknown, response: Parameters<Handler>[1]) =>
      void response.setHeader('content-type', 'text/html').end('<!doctype html><title>Sign in</title>')
    const { outcome, errors } = await outcomeIn(await app(tag, 'html', html), `orq.identify('html')`)
    expect(outcome).toEqual({ status: 'pending', reason: 'unreachable' })
    expect(errors.filter((text) => text.startsWith('orq: '))).toHaveLength(1)
    expect(errors.join()).toContain('/orq')
  })

  test('does not load ky for a person whose contact is unchanged', async () => {
    const url = await app(tag, 'light')
    const guest = await visitor(browser)
    const files: string[] = []
    guest.page.on('request', (request) => files.push(new URL(request.url()).pathname))
    await guest.page.goto(url)
    await guest.page.evaluate(`orq.identify('light', { plan: 'pro' })`)
    expect(files).toContain('/orq/transport.js')
    files.length = 0
    await guest.page.reload()
    expect(await guest.page.evaluate(`orq.identify('light', { plan: 'pro' })`)).toEqual({ status: 'duplicate' })
    expect(files.filter((file) => /transport|token|contacts/.test(file))).toEqual([])
    await guest.context.close()
  })

  test('sends by the bare fetch when its chunk cannot be loaded', async () => {
    const url = await app(tag, 'no-chunk')
    const guest = await visitor(browser)
    await guest.context.route('**/transport.js*', (route) => route.abort())
    await guest.page.goto(url)
    await guest.page.evaluate(`void orq.identify('no-chunk', { name: 'Arrives' })`)
    await expect.poll(async () => (await contact('no-chunk'))?.display_name).toBe('Arrives')
    await guest.context.close()
  })

  test('included twice keeps the first instance, with one warning', async () => {
    const guest = await visitor(browser)
    const warnings: string[] = []
    guest.page.on('console', (message) => message.type() === 'warning' && warnings.push(message.text()))
    await guest.page.goto(await app(`${tag}<script>first = orq</script>${tag}`, 'twice'))
    expect(await guest.page.evaluate('first === orq')).toBe(true)
    expect(warnings).toHaveLength(1)
    await guest.context.close()
  })

  test('ignores a named element that shadows document.currentScript', async () => {
    const html = `<!doctype html><img name="currentScript">${tag}`
    const { outcome, errors } = await outcomeIn(await app(html, 'shadow'), 'typeof orq.identify')
    expect(outcome).toBe('function')
    expect(errors).toEqual([])
  })
})

describe('orq.full.js from another origin', () => {
  const cdn = () =>
    site((request, response) => {
      response.setHeader('access-control-allow-origin', '*').setHeader('content-type', 'text/javascript')
      response.end(dist((request.url as string).slice(1)))
    })
  const { 'orq.full.js': integrity } = JSON.parse(String(dist('sri.json')))

  test('works with integrity and data-proxy-url', async () => {
    const html = `<!doctype html><script src="${await cdn()}/orq.full.js" integrity="${integrity}" crossorigin
      data-proxy-url="/orq" data-token-url="/token"></script>`
    const { outcome, errors } = await outcomeIn(await app(html, 'cdn'), `orq.identify('cdn', { name: 'From a CDN' })`)
    expect(outcome).toEqual({ status: 'delivered' })
    expect(errors).toEqual([])
    expect((await contact('cdn'))?.display_name).toBe('From a CDN')
  })

  test('without data-proxy-url sends nothing, and one console error says so', async () => {
    const html = `<!doctype html><script src="${await cdn()}/orq.full.js" data-token-url="/token"></script>`
    const { posts, errors } = await outcomeIn(
      await app(html, 'nowhere'),
      `new Promise((said) => {
        const { error } = console
        console.error = (text) => said(error(text))
        void orq.identify('nowhere')
      })`,
    )
    expect(errors.filter((text) => text.includes('orq: '))).toHaveLength(1)
    expect(errors.join()).toContain('data-proxy-url')
    expect(posts).toEqual([])
  })
})
