import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { refused, reply, tokenFor } from './harness.ts'
import { createSite, redirected, watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
const password = 'hush'

/** The page's address, its origin as `self.origin` says it, and where a relative proxyUrl leads. */
const pages: [string, string, string, string][] = [
  ['about:srcdoc', 'https://app.example', '/orq', 'https://app.example/orq/v2/contacts'],
  ['about:blank', 'https://app.example', '/orq', 'https://app.example/orq/v2/contacts'],
  ['about:blank#top', 'https://app.example:8443', 'orq', 'https://app.example:8443/orq/v2/contacts'],
  ['about:blank?x=1', 'http://localhost:3000', './orq/', 'http://localhost:3000/orq/v2/contacts'],
  ['about:srcdoc', 'https://app.example', 'https://proxy.example/orq', 'https://proxy.example/orq/v2/contacts'],
  [`https://jane:${password}@app.example/page`, 'https://app.example', '/orq', 'https://app.example/orq/v2/contacts'],
  [
    `https://jane:${password}@app.example/a/b?c#d`,
    'https://app.example',
    'orq',
    'https://app.example/a/orq/v2/contacts',
  ],
  ['https://jane@app.example/', 'https://app.example', '/orq', 'https://app.example/orq/v2/contacts'],
  [
    `https://:${password}@app.example/`,
    'https://app.example',
    '//proxy.example/orq',
    'https://proxy.example/orq/v2/contacts',
  ],
  [
    'https://app.example/',
    'https://app.example',
    `https://jane:${password}@app.example/orq`,
    'https://app.example/orq/v2/contacts',
  ],
  [
    'https://app.example/',
    'https://app.example',
    `//jane:${password}@app.example/orq///`,
    'https://app.example/orq/v2/contacts',
  ],
  ['https://app.example/de/', 'https://app.example', '../orq', 'https://app.example/orq/v2/contacts'],
  ['https://app.example/de/page.html', 'https://app.example', 'orq', 'https://app.example/de/orq/v2/contacts'],
  ['https://bücher.example/', 'https://xn--bcher-kva.example', '/orq', 'https://xn--bcher-kva.example/orq/v2/contacts'],
]
const addressOf = (href: string) => (href.startsWith('about:') ? { href } : { href, origin: new URL(href).origin })

describe('a relative proxyUrl begins at the address of the page, without its credentials', () => {
  test.each(pages)('on %s of %s, proxyUrl %s', async (href, origin, proxyUrl, target) => {
    const { all } = watchConsole()
    const site = createSite()
    withGlobals({ location: addressOf(href), origin })
    expect(await site.outcomeOf(site.open({ proxyUrl, token: tokenFor('user_1') }).identify(user))).toBe('delivered')
    expect(site.posts.map(({ url }) => url)).toEqual([target])
    expect(all()).toEqual([])
  })

  test.each(pages.filter(([, , proxyUrl]) => !proxyUrl.includes('proxy.example')))(
    'on %s of %s, proxyUrl %s: the token route is of the same origin, and without credentials',
    async (href, origin, proxyUrl, target) => {
      watchConsole()
      const site = createSite()
      withGlobals({ location: addressOf(href), origin })
      expect(await site.outcomeOf(site.open({ proxyUrl }).identify(user))).toBe('delivered')
      expect(site.tokens.map(({ url }) => url)).toEqual([target.replace('v2/contacts', 'token')])
    },
  )
})

describe('no password of an address gets to the console', () => {
  const answers: [string, () => Response | Error][] = [
    ['that nobody answers', () => new TypeError('Failed to fetch')],
    ['that redirects', redirected],
    ['of another server', () => reply(404, 'no')],
    ['of another folder', () => refused(404, 'not_found')],
    ['that fails', () => refused(503, 'store_unavailable')],
  ]
  test.each(answers)('of a proxy %s', async (_, answer) => {
    const { all } = watchConsole()
    const site = createSite()
    withGlobals({ location: { href: `https://jane:${password}@app.example/` }, origin: 'https://app.example' })
    site.proxy = answer
    for (const proxyUrl of ['/orq', `https://jane:${password}@proxy.example/orq`])
      await site.outcomeOf(site.open({ proxyUrl, token: tokenFor('user_1') }).identify(user))
    expect(all().join()).not.toMatch(/hush|jane/)
  })

  test('of a token route', async () => {
    const { all } = watchConsole()
    const site = createSite()
    site.token = () => reply(500, 'no')
    const options: ClientOptions = { tokenUrl: `https://jane:${password}@app.example/token` }
    await site.outcomeOf(site.open(options).identify(user))
    expect(site.tokens[0]?.url).toBe('https://app.example/token')
    expect(all()).toHaveLength(1)
    expect(all().join()).not.toMatch(/hush|jane/)
  })

  test('of an option that is no URL', () => {
    const site = createSite()
    let message = ''
    try {
      site.open({ proxyUrl: `https://jane:${password}@exa mple/` })
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain('proxyUrl')
    expect(message).not.toMatch(/hush|jane/)
  })
})

describe('a page without an origin of its own', () => {
  test.each([
    ['about:srcdoc', 'null'],
    ['about:blank', 'null'],
    ['data:text/html,x', 'null'],
    ['about:blank', undefined],
  ])('at %s, origin %s: a relative proxyUrl is no page, said once; nothing is thrown', async (href, origin) => {
    const { all } = watchConsole()
    const site = createSite()
    withGlobals({ location: { href }, origin })
    expect(await site.outcomeOf(site.open().identify(user))).toBe('dropped: no_page')
    expect(all()).toEqual([expect.stringContaining('absolute proxyUrl')])
  })

  test.each(['about:srcdoc', 'data:text/html,x', 'blob:null/5'])('at %s: an absolute one is used', async (href) => {
    watchConsole()
    const site = createSite()
    withGlobals({ location: { href }, origin: 'null' })
    const orq = site.open({ proxyUrl: 'https://app.example/orq', token: tokenFor('user_1') })
    expect(await site.outcomeOf(orq.identify(user))).toBe('delivered')
  })
})

test('two addresses of one page that differ in credentials alone share ledger and outbox', async () => {
  watchConsole()
  const site = createSite()
  await site.outcomeOf(site.open().identify(user))
  withGlobals({ location: { href: `https://jane:${password}@app.example/` }, origin: 'https://app.example' })
  expect(await site.outcomeOf(site.open().identify(user))).toBe('duplicate')
  expect([...site.storage.values].join()).not.toContain(password)
})
