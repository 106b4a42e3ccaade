import { beforeEach, describe, expect, test } from 'vitest'
import { createWorld, refused, tokenFor, type World } from './harness.ts'
import { later, noChunk } from './look.ts'
import { told, watchConsole, withGlobals } from './site.ts'

const user = { externalId: 'user_1', email: 'jane@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})

describe('without the chunk', () => {
  test('an update that the proxy refuses for good is given up, not sent for ever', async () => {
    world.replies = Array.from({ length: 1_000 }, () => () => refused(400, 'bad_request'))
    world.load({}, noChunk).orq.identify(user)
    await later(world.clock, 3_600_000)
    expect(world.posts.length).toBeLessThan(200)
  })

  test('offline by the flag alone: delivered', async () => {
    withGlobals({ navigator: { onLine: false } })
    const call = world.load({}, noChunk).orq.identify(user)
    await later(world.clock, 13_000)
    expect(told(await call)).toMatch(/delivered|offline/)
    expect(world.posts).toHaveLength(1)
  })

  test("a former person's entry is sent with nobody else's token, and costs no token in a loop", async () => {
    world.person = null
    const first = world.load({}, noChunk).orq
    first.identify({ externalId: 'ann', email: 'ann@example.com' })
    await later(world.clock, 1_000)
    first.close()
    let asked = 0
    const orq = world.load(
      {
        token: () => {
          asked++
          return tokenFor('user_1')
        },
      },
      noChunk,
    ).orq
    orq.identify(user)
    await later(world.clock, 600_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['user_1'])
    expect(asked).toBeLessThan(20)
  })

  test('while nobody is signed in the token is asked for once, not in a loop', async () => {
    let asked = 0
    world
      .load(
        {
          token: () => {
            asked++
            return null
          },
        },
        noChunk,
      )
      .orq.identify(user)
    await later(world.clock, 600_000)
    expect(asked).toBeLessThanOrEqual(2)
  })

  test('a token source that fails is asked with growing pauses, and named once', async () => {
    const { errors } = watchConsole()
    let asked = 0
    world
      .load(
        {
          token: () => {
            asked++
            throw new Error('hush')
          },
        },
        noChunk,
      )
      .orq.identify(user)
    await later(world.clock, 600_000)
    expect(errors).toHaveLength(1)
    expect(asked).toBeLessThan(40)
  })
})
