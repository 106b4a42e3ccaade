import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/index.ts'
import { createOrq } from './harness.ts'
import { createSite, type Site, watchConsole } from './site.ts'

const linesOf = async (site: Site, options: object, user: unknown) => {
  const { all } = watchConsole()
  const orq = site.open(options as ClientOptions)
  const outcome = await site.outcomeOf(orq.identify(user as string), 15_000)
  return { outcome, lines: all() }
}

describe('an option that there is not: one line that names it', () => {
  test.each([
    ['tokenURL', '/token'],
    ['token_url', '/token'],
    ['apiKey', 'sk-hush'],
    ['debounce', 5],
  ])('%s', async (name, value) => {
    const { outcome, lines } = await linesOf(createSite(), { [name]: value }, 'user_1')
    expect(outcome).toBe('delivered')
    expect(lines).toEqual([expect.stringMatching(new RegExp(`\\b${name}\\b`))])
    expect(lines.join()).not.toMatch(/hush/)
  })
})

describe("a user in another library's names: one line that says which names are ours", () => {
  test.each<[string, object]>([
    ['{ id, name }', { id: 'user_1', name: 'Jane' }],
    ['{ id }', { id: 'user_1' }],
    ['{ userId, email }', { userId: 'user_1', email: 'jane@example.com' }],
  ])('%s', async (_, user) => {
    const { outcome, lines } = await linesOf(createSite(), {}, user)
    expect(outcome).toBe('dropped: invalid')
    expect(lines).toEqual([expect.stringMatching(/externalId/)])
    expect(lines.join()).not.toMatch(/jane|user_1/i)
  })

  test('{ externalId, name } is told of displayName, not of metadata', async () => {
    const { lines } = await linesOf(createSite(), {}, { externalId: 'user_1', name: 'Jane' })
    expect(lines).toEqual([expect.stringMatching(/displayName/)])
  })
})

test('a token route of another origin that this page may not read: the line says so', async () => {
  const site = createSite()
  site.token = () => new TypeError('Failed to fetch')
  const { outcome, lines } = await linesOf(site, { tokenUrl: 'https://api.example/token' }, 'user_1')
  expect(outcome).toBe('pending: token_source')
  expect(lines).toEqual([expect.stringMatching(/origin|CORS/)])
})

test.each<[string, unknown]>([
  ['null', null],
  ['a text', '/orq'],
])('init with %s in place of the options throws a RangeError', (_, options) => {
  createSite()
  expect(() => createOrq().init(options as ClientOptions)).toThrow(RangeError)
})

test.each<[string, object]>([
  ['unknown', { externalId: 'user_1', 'jane@example.com': true }],
  ['of metadata that is no JSON', { externalId: 'user_1', metadata: { 'jane@example.com': () => 1 } }],
])('a key %s that may be personal is not printed', async (_, user) => {
  const { lines } = await linesOf(createSite(), {}, user)
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toMatch(/jane|@/)
})
