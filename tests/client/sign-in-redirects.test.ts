import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { delivered, reply, tokenFor } from './harness.ts'
import { createSite, redirected, watchConsole } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }

describe('a redirect of the proxy that leads elsewhere', () => {
  test.each<[string, string]>([
    ['of a sign-in before it', '/orq'],
    ['of another folder', '/orc'],
    ['to https', 'http://app.example/orq'],
    ['to www', 'https://app.example/orq'],
    ['of a proxyUrl with a slash at its end', '/orq/'],
  ])('%s: pending: unreachable at once, one error that says "redirects" and what to do', async (_, proxyUrl) => {
    const { errors, warnings } = watchConsole()
    const site = createSite()
    site.proxy = redirected
    const options: ClientOptions = { proxyUrl, token: tokenFor('user_1') }
    expect(await site.outcomeOf(site.open(options).identify(user), 2_000)).toBe('pending: unreachable')
    await site.clock.advance(600_000)
    expect(errors).toEqual([expect.stringMatching(/^orq: proxyUrl \S+ redirects: set it to where that ends/)])
    expect(warnings).toEqual([])
    // Not a retry by itself: once, and perhaps once with a slash.
    expect(site.posts.length).toBeLessThanOrEqual(2)
  })

  test('is followed by no request with a token to another place, and the update is kept', async () => {
    watchConsole()
    const site = createSite()
    site.proxy = redirected
    const orq = site.open()
    await site.outcomeOf(orq.identify(user))
    expect(site.posts.every(({ url }) => url.startsWith('https://app.example/orq/v2/contacts'))).toBe(true)
    expect([...site.storage.values].join()).toContain('jane@example.com')
    site.proxy = delivered
    expect(await site.outcomeOf(orq.identify(user))).toBe('delivered')
  })
})

test('a redirect of the token route to a sign-in: one error, and the token route is not followed', async () => {
  const { errors } = watchConsole()
  const site = createSite()
  site.token = redirected
  expect(await site.outcomeOf(site.open().identify(user), 15_000)).toBe('pending: token_source')
  expect(errors).toEqual([expect.stringMatching(/token route redirects/)])
  site.token = () => reply(200, { token: tokenFor('user_1') })
  await site.clock.advance(120_000)
  expect(site.posts).toHaveLength(1)
})
