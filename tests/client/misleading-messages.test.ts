import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { refused, reply, tokenFor } from './harness.ts'
import { createSite, type Site, watchConsole } from './site.ts'

/** One call, and ten minutes of whatever follows: what the console has. */
const linesOf = async (site: Site, options: ClientOptions = {}) => {
  const { all } = watchConsole()
  const orq = site.open(options)
  const outcome = await site.outcomeOf(orq.identify('user_1', { email: 'jane@example.com' }), 15_000)
  await site.clock.advance(600_000)
  return { outcome, lines: all() }
}
const jsonToken = (token: unknown) => (): Response => reply(200, { token })

describe('the console error about a token names its own cause', () => {
  test.each<[string, string]>([
    ['JSON null', 'null'],
    ['JSON null and blanks', ' null\n'],
  ])('a token route that answers %s can be reached, and answers without a token', async (_, text) => {
    const site = createSite()
    site.token = () => reply(200, text)
    const { outcome, lines } = await linesOf(site)
    expect(outcome).toBe('pending: token_source')
    expect(lines).toEqual([expect.stringMatching(/token route answers without/)])
  })

  test('a token route that answers { token: "" } is wrong: it has 204 and null for nobody', async () => {
    const site = createSite()
    site.token = jsonToken('')
    const { outcome, lines } = await linesOf(site)
    expect(outcome).toBe('pending: token_source')
    expect(lines).toEqual([expect.stringMatching(/token route answers without/)])
  })

  const jwt = tokenFor('user_1')
  const misfits: [string, string][] = [
    ['with a line break behind it', `${jwt}\n`],
    ['with Bearer before it', `Bearer ${jwt}`],
    ['with a blank behind it', `${jwt} `],
    ['in quotes of another language', `„${jwt}“`],
    ['broken into lines', `${jwt.slice(0, 20)}\r\n${jwt.slice(20)}`],
    ['of a blank alone', ' '],
  ]
  test.each(misfits)('a token of the route %s is named as one that a header cannot hold', async (_, token) => {
    const site = createSite()
    site.token = jsonToken(token)
    const { outcome, lines } = await linesOf(site)
    expect(outcome).toBe('pending: token_source')
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toMatch(/eyJ/)
    expect(lines[0]).toMatch(/blank|space|line break|character|header/)
  })

  test.each(misfits)('a token of the function %s is named as one that a header cannot hold', async (_, token) => {
    const { outcome, lines } = await linesOf(createSite(), { token: () => token })
    expect(outcome).toBe('pending: token_source')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/blank|space|line break|character|header/)
  })

  test('a token that is a text is called no function', async () => {
    const { lines } = await linesOf(createSite(), { token: `Bearer ${jwt}` })
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toMatch(/function failed/)
  })

  test('a function that rejects with the text "late" has failed, and was not late', async () => {
    const { lines } = await linesOf(createSite(), { token: () => Promise.reject('late') })
    expect(lines).toEqual([expect.stringMatching(/token function failed/)])
  })

  test.each<[string, ClientOptions['token'] | undefined]>([
    ['a token route', undefined],
    ['a text, which cannot be renewed', jwt],
  ])('token_expired of %s: about the lifetime or the clocks, as the secret is right', async (_, token) => {
    const site = createSite()
    site.proxy = () => refused(401, 'token_expired')
    const { outcome, lines } = await linesOf(site, { token })
    expect(outcome).toBe('pending: token_refused')
    expect(lines).toEqual([expect.stringMatching(/expired/)])
    expect(lines[0]).not.toMatch(/same secret/)
  })
})

describe('a JWT whose sub is no text, and which the proxy refuses: one error that names the claim', () => {
  const claimsOf = (sub: unknown): string => tokenFor(sub as string)
  test.each<[string, string, string]>([
    ['an integer', '7', claimsOf(7)],
    ['a list', 'user_1', claimsOf(['user_1'])],
    ['missing', 'user_1', claimsOf(undefined)],
    ['missing, and user_id there', 'user_1', tokenFor(undefined as never, { user_id: 'user_1' })],
  ])('%s', async (_, id, token) => {
    const { all } = watchConsole()
    const site = createSite()
    site.token = jsonToken(token)
    site.proxy = () => refused(401, 'token_invalid')
    await site.outcomeOf(site.open().identify(id))
    await site.clock.advance(600_000)
    expect(all()).toHaveLength(1)
    expect(all()[0]).toMatch(/\bsub\b/)
  })

  test('where subjectClaim names another claim: that one', async () => {
    const site = createSite()
    site.proxy = () => refused(401, 'token_invalid')
    const { lines } = await linesOf(site, { subjectClaim: 'uid' })
    expect(lines).toEqual([expect.stringMatching(/\buid\b/)])
  })
})

describe('the console line about the proxy names its own cause', () => {
  test('a proxy over http from a page over https: that browsers refuse it', async () => {
    const site = createSite('https://app.example/')
    site.proxy = () => new TypeError('Failed to fetch')
    const { outcome, lines } = await linesOf(site, { proxyUrl: 'http://app.example/orq', token: tokenFor('user_1') })
    expect(outcome).toBe('pending: unreachable')
    expect(lines).toEqual([expect.stringMatching(/https/)])
  })

  test('our own 405 is an answer of ours', async () => {
    const site = createSite()
    site.proxy = () => refused(405, 'method_not_allowed', {}, { allow: 'POST' })
    const { lines } = await linesOf(site)
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toMatch(/no proxy of ours/)
  })
})
