import { describe, expect, test } from 'vitest'
import { reply, tokenFor } from './harness.ts'
import { createSite, redirected, type Site, watchConsole } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
const paths = (site: Site) => site.posts.map(({ url }) => new URL(url).pathname)

describe('a web server that redirects to the same path with a slash behind it', () => {
  const withSlash = (site: Site): void => {
    site.proxy = ({ url }) => (url.endsWith('/') ? reply(200, { status: 'delivered' }) : redirected())
  }

  test('gets the same update there at once, and no line is printed', async () => {
    const { all } = watchConsole()
    const site = createSite()
    withSlash(site)
    expect(await site.outcomeOf(site.open().identify(user))).toBe('delivered')
    expect(paths(site)).toEqual(['/orq/v2/contacts', '/orq/v2/contacts/'])
    expect(new Set(site.posts.map(({ number, bearer, method }) => `${number} ${bearer} ${method}`)).size).toBe(1)
    expect(site.posts[1]?.body).toEqual({ external_id: 'user_1', email: 'jane@example.com' })
    expect(all()).toEqual([])
  })

  test('is remembered for the page: later updates go there alone', async () => {
    watchConsole()
    const site = createSite()
    withSlash(site)
    const orq = site.open()
    for (let n = 0; n < 3; n++) await site.outcomeOf(orq.identify({ ...user, metadata: { n } }))
    expect(paths(site)).toEqual(['/orq/v2/contacts', ...Array(3).fill('/orq/v2/contacts/')])
  })

  test('is remembered for the page when it is left, too', async () => {
    watchConsole()
    const site = createSite()
    withSlash(site)
    const orq = site.open()
    await site.outcomeOf(orq.identify(user))
    orq.identify({ ...user, email: 'new@example.com' })
    await site.clock.advance(1)
    orq.close()
    await site.clock.advance(1)
    expect(paths(site).slice(2)).toEqual(['/orq/v2/contacts/'])
  })

  test('and then takes it back: the update goes without it again', async () => {
    watchConsole()
    const site = createSite()
    withSlash(site)
    const orq = site.open()
    await site.outcomeOf(orq.identify(user))
    site.proxy = ({ url }) => (url.endsWith('/') ? redirected() : reply(200, { status: 'delivered' }))
    orq.identify({ ...user, email: 'new@example.com' })
    await site.clock.advance(600_000)
    orq.identify({ ...user, email: 'new@example.com' })
    await site.clock.advance(600_000)
    expect([...site.storage.values].join()).not.toContain('new@')
  })

  test('for the token route: the token is got there', async () => {
    watchConsole()
    const site = createSite()
    site.token = ({ url }) => (url.endsWith('/') ? reply(200, { token: tokenFor('user_1') }) : redirected())
    expect(await site.outcomeOf(site.open().identify(user))).toBe('delivered')
    expect(site.tokens.map(({ url, method }) => `${method} ${new URL(url).pathname}`)).toEqual([
      'POST /orq/token',
      'POST /orq/token/',
    ])
  })
})
