import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { IdentifiedUser, IdentifyOptions } from '../../src/index.ts'
import { createWorld, delivered, refused, type World } from './harness.ts'
import { answerAlways, hearConsole, look, valuesOf } from './look.ts'

let world: World
let lines: string[]
beforeEach(() => {
  world = createWorld()
  lines = hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const user = { externalId: 'user_1', email: 'jane@example.com' }

/** A proxy whose tokens do not allow these fields. */
const forbid = (...fields: string[]): void =>
  answerAlways(world, ({ body }) => {
    const path = fields.find((field) => field in body)
    return path ? refused(403, 'field_forbidden', { path }) : delivered()
  })

/** Calls, waits, and gives the outcome. */
const outcomeOf = async (user: IdentifiedUser, options?: IdentifyOptions): Promise<string> => {
  const outcome = look(page.orq.identify(user, options))
  await world.clock.advance(5_000)
  return outcome()
}
let page: ReturnType<World['load']>

describe('a field that the token does not allow', () => {
  beforeEach(() => {
    forbid('email')
    page = world.load()
  })

  test('is named in the outcome, on the console and in the decision, and the rest is delivered', async () => {
    const decisions: unknown[] = []
    page.orq.on('decision', ({ kind, refused }) => decisions.push([kind, refused]))
    expect(await outcomeOf({ ...user, tags: ['x'] })).toBe('delivered, refused email')
    expect(world.posts.map(({ body }) => body)).toEqual([
      { external_id: 'user_1', email: 'jane@example.com', tags: ['x'] },
      { external_id: 'user_1', tags: ['x'] },
    ])
    expect(decisions.at(-1)).toEqual(['delivered', ['email']])
    expect(lines).toEqual([expect.stringMatching(/email.*token does not allow/)])
  })

  test('is not sent again by repeated calls or page loads, and stays named', async () => {
    await outcomeOf(user)
    for (let n = 0; n < 10; n++) expect(await outcomeOf(user)).toBe('duplicate, refused email')
    for (let n = 0; n < 3; n++) {
      page = world.load()
      expect(await outcomeOf(user)).toBe('duplicate, refused email')
    }
    expect([world.posts.length, world.tokenCalls]).toEqual([2, 1])
  })

  test('is sent again, once, when its value changes', async () => {
    await outcomeOf(user)
    const changed = { ...user, email: 'new@example.com' }
    expect(await outcomeOf(changed)).toBe('delivered, refused email')
    expect(await outcomeOf(changed)).toBe('duplicate, refused email')
    expect(valuesOf(world.posts, 'email')).toEqual(['jane@example.com', undefined, 'new@example.com', undefined])
  })

  test('is sent again when a day has passed, for the token may allow it now', async () => {
    await outcomeOf(user)
    world.replies = []
    await world.clock.advance(86_400_000)
    expect(await outcomeOf(user)).toBe('delivered')
    expect(await outcomeOf(user)).toBe('duplicate')
  })

  test('is sent again by force', async () => {
    await outcomeOf(user)
    world.replies = []
    expect(await outcomeOf(user, { force: true })).toBe('delivered')
    expect(world.posts.at(-1)?.body.email).toBe('jane@example.com')
  })

  test('is sent again after a reset', async () => {
    await outcomeOf(user)
    page.orq.reset()
    expect(await outcomeOf(user)).toBe('delivered, refused email')
  })

  test('is not named by a call without it', async () => {
    await outcomeOf({ ...user, tags: ['x'] })
    expect(await outcomeOf({ externalId: 'user_1', tags: ['x'] })).toBe('duplicate')
    expect(await outcomeOf({ externalId: 'user_1', tags: ['y'] })).toBe('delivered')
  })

  test('goes along with no later call of another field', async () => {
    await outcomeOf(user)
    await outcomeOf({ externalId: 'user_1', displayName: 'Jane' })
    expect(world.posts.at(-1)?.body).toEqual({ external_id: 'user_1', display_name: 'Jane' })
  })

  test.each([null, ''])('is refused when it is cleared by %j, too, if the proxy says so', async (value) => {
    forbid('display_name')
    expect(await outcomeOf({ externalId: 'user_1', displayName: value })).toBe('delivered, refused display_name')
    expect(await outcomeOf({ externalId: 'user_1', displayName: value })).toBe('duplicate, refused display_name')
  })

  test('leaves nothing personal in storage', async () => {
    await outcomeOf(user)
    expect([...world.storage.values].join()).not.toMatch(/user_1|jane/)
  })

  test('does not hold up a newer value that was called while it was on the wire', async () => {
    let answer = (_: Response): void => {}
    world.replies = [
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    ]
    page.orq.identify(user)
    await world.clock.advance(500)
    const newer = look(page.orq.identify({ ...user, email: 'newer@example.com' }))
    answer(refused(422, 'invalid_field', { path: 'email' }))
    await world.clock.advance(5_000)
    expect(newer()).toBe('delivered')
    expect(world.posts.at(-1)?.body.email).toBe('newer@example.com')
  })

  test('does not make the outcome of a call delivered when the rest of it fails', async () => {
    answerAlways(world, ({ body }) =>
      'email' in body ? refused(403, 'field_forbidden', { path: 'email' }) : refused(503, 'store_unavailable'),
    )
    const outcome = look(page.orq.identify(user))
    await world.clock.advance(12_000)
    expect(outcome()).toMatch(/^pending: server/)
  })
})

describe('several refused fields', () => {
  test('are each named, and cost one request more each', async () => {
    forbid('email', 'tags', 'metadata')
    page = world.load()
    expect(await outcomeOf({ ...user, tags: ['x'], metadata: { plan: 'pro' }, displayName: 'Jane' })).toBe(
      'delivered, refused email tags metadata',
    )
    expect(world.posts).toHaveLength(4)
    expect(world.posts.at(-1)?.body).toEqual({ external_id: 'user_1', display_name: 'Jane' })
  })

  test('are all that a call has: the id alone is delivered', async () => {
    forbid('email', 'display_name')
    page = world.load()
    expect(await outcomeOf({ ...user, displayName: 'Jane' })).toMatch(/^delivered, refused/)
    expect(world.posts.at(-1)?.body).toEqual({ external_id: 'user_1' })
  })

  test.each([
    ['422', 'invalid_field', 'metadata.plan.limits.0'],
    ['403', 'field_forbidden', 'metadata'],
    ['400', 'bad_request', 'metadata.'],
  ])('by %s %s with the path %s are known by their first part', async (status, code, path) => {
    answerAlways(world, ({ body }) => ('metadata' in body ? refused(Number(status), code, { path }) : delivered()))
    page = world.load()
    expect(await outcomeOf({ ...user, metadata: { plan: 'pro' } })).toBe('delivered, refused metadata')
    expect(await outcomeOf({ ...user, metadata: { plan: 'pro' } })).toBe('duplicate, refused metadata')
    expect(world.posts).toHaveLength(2)
  })
})
