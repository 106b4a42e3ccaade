import { beforeEach, expect, test } from 'vitest'
import { createWorld, reply, type World } from './harness.ts'
import { createSite, watchConsole } from './site.ts'

let world: World
beforeEach(() => {
  world = createWorld()
  watchConsole()
})

test('an opaque token of the former person is not used for the next one', async () => {
  const asked: (string | undefined)[] = []
  const { orq } = world.load({
    token: (id) => {
      asked.push(id)
      return `opaque-${id}`
    },
  })
  orq.identify({ externalId: 'ann', email: 'ann@example.com' })
  await world.clock.advance(1_000)
  orq.identify({ externalId: 'bob', email: 'bob@example.com' })
  await world.clock.advance(1_000)
  expect(asked).toEqual(['ann', 'bob'])
  expect(world.posts.map(({ body, token }) => [body.external_id, token])).toEqual([
    ['ann', 'Bearer opaque-ann'],
    ['bob', 'Bearer opaque-bob'],
  ])
})

test('a token that arrives after a reset is not kept for whom comes next', async () => {
  let give = (_: string): void => {}
  let person = 'ann'
  const { orq } = world.load({
    token: () => (person === 'ann' ? new Promise<string>((resolve) => (give = resolve)) : `opaque-${person}`),
  })
  orq.identify({ externalId: 'ann' })
  await world.clock.advance(100)
  orq.reset()
  give('opaque-ann')
  await world.clock.advance(100)
  person = 'bob'
  orq.identify({ externalId: 'bob' })
  await world.clock.advance(1_000)
  expect(world.posts.map(({ token }) => token)).toEqual(['Bearer opaque-bob'])
})

test('the token route gets the cookies of its own origin alone, the proxy none, and neither is cached or followed', async () => {
  const site = createSite()
  site.token = () => reply(200, { token: 'opaque' })
  await site.outcomeOf(site.open().identify('user_1'))
  expect(site.tokens.map(({ credentials, cache, redirect, method }) => [method, credentials, cache, redirect])).toEqual(
    [['POST', 'same-origin', 'no-store', 'manual']],
  )
  expect(site.posts.map(({ credentials, redirect }) => [credentials, redirect])).toEqual([['omit', 'manual']])
})
