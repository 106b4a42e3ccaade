import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWorld, delivered, tokenFor, type World } from './harness.ts'
import { answerAlways, hearConsole, look, neverChunk, noChunk } from './look.ts'

let world: World
beforeEach(() => {
  world = createWorld()
  hearConsole()
})
afterEach(() => {
  vi.restoreAllMocks()
})

const user = { externalId: 'user_1', email: 'jane@example.com' }
/** What a browser still holds after a while. */
const keysLater = async (): Promise<string[]> => {
  await world.clock.advance(3_600_000)
  return [...world.storage.values.keys()]
}

describe('denied consent leaves no key', () => {
  const places: [string, Parameters<World['load']>][] = [
    ['before the chunk is here', [{}, neverChunk]],
    ['where there is no chunk', [{}, noChunk]],
    ['with the chunk', [{}]],
  ]
  test.each(places)('%s, right behind a call', async (_, load) => {
    const { orq } = world.load(...load)
    const outcome = look(orq.identify(user))
    orq.consent('denied')
    expect([await keysLater(), outcome(), world.posts]).toEqual([[], 'dropped: denied', []])
  })

  test.each(places)('%s, behind a call that waits for the network', async (_, load) => {
    answerAlways(world, () => new TypeError('network'))
    const { orq } = world.load(...load)
    orq.identify(user)
    await world.clock.advance(700)
    orq.consent('denied')
    const sent = world.posts.length
    expect([await keysLater(), world.posts.length]).toEqual([[], sent])
  })

  test.each(places)('%s, when it is said twice, and calls go on', async (_, load) => {
    const { orq } = world.load(...load)
    orq.identify(user)
    orq.consent('denied')
    orq.identify(user)
    orq.consent('denied')
    orq.reset()
    orq.identify({ ...user, email: 'new@example.com' })
    orq.flush()
    expect(await keysLater()).toEqual([])
  })

  test('while an update is on the wire', async () => {
    let answer = (_: Response): void => {}
    world.replies = [
      () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    ]
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(500)
    orq.consent('denied')
    answer(delivered())
    expect(await keysLater()).toEqual([])
  })

  test.each(['joined', 'sent', 'pending', 'delivered'])('by a listener at the decision %s', async (at) => {
    if (at === 'pending') answerAlways(world, () => 'hang')
    const { orq } = world.load()
    orq.on('decision', ({ kind }) => kind === at && orq.consent('denied'))
    orq.identify(user)
    await world.clock.advance(100)
    orq.identify({ ...user, tags: ['x'] })
    expect(await keysLater()).toEqual([])
  })

  test('by a privacy signal, on a page that finds both keys', async () => {
    answerAlways(world, () => new TypeError('network'))
    const earlier = world.load()
    earlier.orq.identify(user)
    await world.clock.advance(1_000)
    earlier.orq.close()
    expect(world.storage.values.size).toBe(2)
    world.load({ consent: 'denied' })
    expect(await keysLater()).toEqual([])
  })

  test('for the next page, and a later grant begins as a new browser', async () => {
    const { orq } = world.load()
    orq.identify(user)
    await world.clock.advance(5_000)
    orq.consent('denied')
    orq.consent('granted')
    const outcome = look(orq.identify(user))
    await world.clock.advance(5_000)
    expect([outcome(), world.posts.length]).toEqual(['delivered', 2])
    expect(world.posts[1]?.client).not.toBe(world.posts[0]?.client)
  })

  test.each(places)('%s, right behind calls for more people than are stored one by one', async (_, load) => {
    const { orq } = world.load(...load)
    for (let n = 0; n < 30; n++) orq.identify({ externalId: `person_${n}` })
    orq.consent('denied')
    expect(await keysLater()).toEqual([])
  })

  test.each<[string, () => Promise<string>]>([
    ['that comes', async () => tokenFor('user_1')],
    ['of somebody else', async () => tokenFor('somebody')],
    ['that fails', () => Promise.reject(new Error('network'))],
    ['that never comes', () => new Promise(() => {})],
  ])('while a token is waited for %s', async (_, token) => {
    let give = (): void => {}
    const asked = new Promise<void>((resolve) => {
      give = resolve
    })
    const { orq } = world.load({ token: () => asked.then(token) })
    orq.identify(user)
    await world.clock.advance(1_000)
    orq.consent('denied')
    give()
    expect(await keysLater()).toEqual([])
  })

  test('on a page that has just found an outbox with expired fields', async () => {
    answerAlways(world, () => new TypeError('network'))
    const earlier = world.load()
    earlier.orq.identify(user)
    await world.clock.advance(1_000)
    earlier.orq.close()
    world.clock.set(world.clock.now() + 8 * 86_400_000)
    const { orq } = world.load()
    orq.identify({ externalId: 'user_1', tags: ['x'] })
    orq.consent('denied')
    expect(await keysLater()).toEqual([])
  })

  test('on a page that is closed before it was idle', async () => {
    answerAlways(world, () => new TypeError('network'))
    const earlier = world.load()
    earlier.orq.identify(user)
    await world.clock.advance(1_000)
    earlier.orq.close()
    const { orq } = world.load()
    orq.consent('denied')
    orq.close()
    expect(await keysLater()).toEqual([])
  })

  test('with a token that came before it', async () => {
    const { orq } = world.load({ token: async () => tokenFor('user_1') })
    orq.identify(user)
    await world.clock.advance(100)
    orq.consent('denied')
    expect(await keysLater()).toEqual([])
  })
})
