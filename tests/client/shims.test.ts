import { describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { createOrq, delivered, tokenFor } from './harness.ts'
import { told, watchConsole, withGlobals } from './site.ts'

/** Delivers one contact on a server with these globals. */
const deliver = async (respectPrivacySignals: boolean): Promise<string> => {
  watchConsole()
  const clock = fakeClock()
  const orq = createOrq({
    proxyUrl: 'https://app.example/orq',
    token: tokenFor('user_1'),
    respectPrivacySignals,
    clock,
    fetch: async () => delivered(),
  })
  const call = orq.identify('user_1')
  await clock.advance(5_000)
  return told(await call)
}
const node = { document: undefined, location: undefined, addEventListener: undefined }

describe('a server with a part of a browser', () => {
  test('respectPrivacySignals without a navigator finds no signal, and throws nothing', async () => {
    withGlobals({ ...node, navigator: undefined })
    expect(await deliver(true)).toBe('delivered')
  })

  test.each<[string, object]>([
    ['domino as Angular sets it up', { nodeType: 9 }],
    ['an event target', new EventTarget()],
    ['a document with a state', { visibilityState: 'visible', addEventListener: () => {} }],
  ])(
    'a document without the listeners of a window (%s): init throws nothing, and the contact is delivered',
    async (_, document) => {
      withGlobals({ ...node, document, navigator: {} })
      expect(await deliver(false)).toBe('delivered')
    },
  )

  test.each([
    ['document', { document: { nodeType: 9 } }],
    ['document and location', { document: new EventTarget(), location: new URL('https://app.example/page') }],
  ])('%s without the listeners of a window: init with a relative proxyUrl throws nothing', (_, globals) => {
    withGlobals({ ...node, navigator: {}, ...globals })
    watchConsole()
    expect(() => createOrq().init({ proxyUrl: '/orq' })).not.toThrow()
  })
})

test('a server that identifies very many people without a page keeps none of them', async () => {
  withGlobals({ ...node, navigator: {} })
  watchConsole()
  const orq = createOrq()
  orq.init({ proxyUrl: '/orq' })
  for (let n = 0; n < 5_000; n++) await orq.identify(`user_${n}`)
  expect(orq.explain().length).toBeLessThanOrEqual(500)
})

test('a page that has taken crypto away: the contact is delivered, and nothing personal stays', async () => {
  withGlobals({ ...node, navigator: {}, crypto: undefined })
  expect(await deliver(false)).toBe('delivered')
})
