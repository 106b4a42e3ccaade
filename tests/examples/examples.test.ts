import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { launch, type Visitor, visitor } from '../browser/page.ts'
import { heavy } from '../is-all.ts'
import { secret } from '../node/running-proxy.ts'
import { openUpstream, type Upstream } from '../upstream/server.ts'
import { buildExample, type Installed, installExamples } from './install.ts'
import { portForVite, type StartedExample, startExample } from './start.ts'

const bundled = ['react', 'vue', 'svelte']
// They have no page of their own: it is that of the script tag.
const servers = ['hono', 'bun', 'deno']
const names = [...bundled, ...servers, 'express', 'strict-csp', 'identity-provider', 'nextjs']

// Installs what the examples name, and builds one of them.
describe('the examples, as npm installs them', heavy, () => {
  let examples: Installed
  let browser: Browser
  beforeAll(async () => {
    examples = installExamples(names)
    browser = await launch()
  }, 300_000)
  afterAll(async () => {
    await browser?.close()
    examples?.remove()
  })

  const startWith = async (
    name: string,
    env: Record<string, string> = {},
  ): Promise<{ app: StartedExample; upstream: Upstream }> => {
    const upstream = await openUpstream([], onTestFinished)
    const app = await startExample(examples.folder(name), {
      ORQ_API_KEY: 'the-key',
      ORQ_SERVER_URL: upstream.url,
      ORQ_TOKEN_SECRET: secret,
      ...env,
    })
    onTestFinished(() => app.stop())
    return { app, upstream }
  }

  const visit = async (url: string): Promise<Visitor> => {
    const guest = await visitor(browser)
    onTestFinished(() => guest.context.close())
    await guest.page.goto(url)
    return guest
  }

  const outcomeOf = (guest: Visitor) => expect.poll(() => guest.page.textContent('#outcome'), { timeout: 20_000 })
  const postWithoutToken = async ({ url }: StartedExample, address = '192.0.2.1'): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', 'x-real-ip': address }
    const answer = await fetch(`${url}/orq/v2/contacts`, { method: 'POST', headers, body: '{}' })
    return ((await answer.json()) as { code: unknown }).code
  }
  /** The codes of as many requests as an address has: 60, and one more for each second that they take. */
  const codesWithoutToken = async (app: StartedExample, address?: string): Promise<unknown[]> => {
    const codes = new Set<unknown>()
    for (let n = 0; n < 200 && !codes.has('rate_limited'); n++) codes.add(await postWithoutToken(app, address))
    return [...codes]
  }
  const contactsOf = ({ received }: Upstream) => received.map(({ json }) => json)
  const jane = { external_id: 'user_1', display_name: 'Jane', email: 'jane@example.com' }

  describe.each(bundled)('Vite and %s', (name) => {
    /** Runs by a script of the example, and plays through it. */
    const play = async (script: string): Promise<void> => {
      // A backend that has seen nobody yet: one that has would answer without asking the contacts API.
      const { app: backend, upstream } = await startWith('hono')
      const app = await startExample(examples.folder(name), { BACKEND: backend.url, PORT: portForVite() }, script)
      onTestFinished(() => app.stop())
      const guest = await visit(app.url)
      await outcomeOf(guest).toBe('delivered')
      expect(contactsOf(upstream)).toEqual([{ ...jane, metadata: { plan: 'pro' } }])
      await guest.page.click('button')
      await expect.poll(() => contactsOf(upstream)[1]).toEqual({ ...jane, metadata: { plan: 'team' } })
      await outcomeOf(guest).toBe('delivered')
      // Whoever looks again changes the plan back, and that is all that is sent.
      await guest.page.reload()
      await expect.poll(() => contactsOf(upstream)[2]).toEqual({ ...jane, metadata: { plan: 'pro' } })
      await outcomeOf(guest).toBe('delivered')
      await guest.page.reload()
      await outcomeOf(guest).toBe('duplicate')
      expect(guest.posts).toHaveLength(3)
      expect(guest.errors).toEqual([])
    }

    test('in development tells who it is once, and once for each change', () => play('start'))

    test('does so when built', async () => {
      buildExample(examples.folder(name))
      await play('preview')
    })
  })

  test.each(servers)('%s: its page delivers the contact once', async (name) => {
    const { app, upstream } = await startWith(name)
    const guest = await visit(app.url)
    await outcomeOf(guest).toBe('delivered')
    await guest.page.reload()
    await outcomeOf(guest).toBe('duplicate')
    expect(contactsOf(upstream)).toEqual([{ ...jane, metadata: { plan: 'pro' } }])
    expect(guest.posts).toHaveLength(1)
    expect(guest.errors).toEqual([])
  })

  test.each([...servers, 'express', 'strict-csp', 'identity-provider'])(
    '%s serves the browser files compressed',
    async (name) => {
      const { app } = await startWith(name)
      const { status, headers } = await fetch(`${app.url}/orq/orq.js`, { headers: { 'accept-encoding': 'br' } })
      expect([status, headers.get('content-encoding')]).toEqual([200, 'br'])
    },
  )

  test.each(['strict-csp', 'identity-provider'])(
    '%s limits the requests of an address that bring no valid token',
    async (name) =>
      expect(await codesWithoutToken((await startWith(name)).app)).toEqual(['token_missing', 'rate_limited']),
  )

  test('Next.js does so by the header that a proxy in front is trusted with', async () => {
    const { app } = await startWith('nextjs', { ADDRESS_HEADER: 'x-real-ip' })
    expect(await codesWithoutToken(app, '192.0.2.1')).toEqual(['token_missing', 'rate_limited'])
    // Somebody else is not limited for it.
    expect(await postWithoutToken(app, '192.0.2.2')).toBe('token_missing')
  }, 120_000)

  test('a strict policy is not violated, and the contact is delivered', async () => {
    const { app, upstream } = await startWith('strict-csp')
    const guest = await visit(app.url)
    await outcomeOf(guest).toBe('delivered')
    expect(contactsOf(upstream)).toEqual([jane])
    expect(guest.errors).toEqual([])
    const policy = (await fetch(app.url)).headers.get('content-security-policy')
    expect(policy).toMatch(/default-src 'none'; script-src 'nonce-[^']+' 'strict-dynamic'; connect-src 'self'/)
  })

  test('Express: the session says whose contact the page writes, and each person is one', async () => {
    const { app, upstream } = await startWith('express')
    const guest = await visit(app.url)
    const signIn = async (name: string): Promise<void> => {
      await guest.page.fill('[name=name]', name)
      await guest.page.click('#in button')
      await outcomeOf(guest).toBe('delivered')
    }
    await signIn('ada')
    await guest.page.reload()
    await outcomeOf(guest).toBe('duplicate')
    await guest.page.click('#out button')
    await guest.page.waitForSelector('#in:visible')
    expect(await guest.page.evaluate(async () => (await fetch('/token', { method: 'POST' })).status)).toBe(204)
    await signIn('bob')
    expect(contactsOf(upstream)).toEqual([
      { external_id: 'user_ada', display_name: 'ada' },
      { external_id: 'user_bob', display_name: 'bob' },
    ])
    expect(guest.errors).toEqual([])
  })

  test('an identity provider: its access token writes the contact of its subject', async () => {
    const { app, upstream } = await startWith('identity-provider')
    const guest = await visit(app.url)
    await guest.page.click('#sign-in')
    await guest.page.fill('[name=login]', 'grace')
    await guest.page.fill('[name=password]', 'any')
    await guest.page.click('[type=submit]')
    // Its consent.
    await guest.page.click('[type=submit]')
    await outcomeOf(guest).toBe('delivered')
    expect(await guest.page.textContent('#name')).toBe('grace')
    expect(contactsOf(upstream)).toEqual([{ external_id: 'grace', display_name: 'grace' }])
    // The pages of oidc-provider ask for a font, which not every machine reaches.
    expect(guest.errors.filter((text) => !text.includes('https://fonts.googleapis.com/'))).toEqual([])
  })

  test('Next.js: built once, its route handlers give the token and take the contact, and nothing differs in hydration', async () => {
    const { app, upstream } = await startWith('nextjs')
    const guest = await visit(app.url)
    await outcomeOf(guest).toBe('delivered')
    expect(contactsOf(upstream)).toEqual([{ ...jane, metadata: { plan: 'pro' } }])
    expect(await (await fetch(app.url)).text()).toContain('on its way')
    expect(guest.errors).toEqual([])
    await guest.page.reload()
    await outcomeOf(guest).toBe('duplicate')
    expect(guest.posts).toHaveLength(1)
  }, 120_000)
})
