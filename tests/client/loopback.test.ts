import { beforeEach, describe, expect, test } from 'vitest'
import { createWorld } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

beforeEach(() => withGlobals({ navigator: { onLine: false } }))

describe('offline, a proxy whose name only begins like this machine is beyond it: pending: offline at once', () => {
  test.each([
    'https://localhost.example.com/orq',
    'https://localhosting.example/orq',
    'https://127.example.com/orq',
    'https://[::1234]/orq',
  ])('%s', async (proxyUrl) => {
    watchConsole()
    const world = createWorld()
    const { orq } = world.load({ proxyUrl })
    let outcome = 'open'
    orq.identify('user_1').then((value) => {
      outcome = told(value)
    })
    await world.clock.advance(1)
    expect(outcome).toBe('pending: offline')
  })
})
