import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBrowser } from './browser.ts'
import { watchConsole } from './site.ts'

const { navigator: navigatorBefore } = globalThis
beforeEach(() => void watchConsole())
afterEach(() => void Reflect.deleteProperty(globalThis, 'document'))
afterAll(() => Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore }))

describe('the lock between tabs', () => {
  test('keeps five tabs from sending at once, and equal calls are one request', async () => {
    const browser = createBrowser()
    browser.state.session = 'ann'
    const tabs = Array.from({ length: 5 }, () => browser.open())
    for (let n = 0; n < 4; n++) {
      for (const { orq } of tabs) orq.identify({ externalId: 'ann', metadata: { n } })
      await browser.clock.advance(5_000)
    }
    expect(browser.overlaps()).toBe(0)
    expect(browser.requests.map(({ body }) => body.metadata)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }])
  })

  test('is held until the other tab sees what was written: different fields are one after the other', async () => {
    const browser = createBrowser()
    browser.state.session = 'ann'
    const [first, second] = [browser.open(), browser.open()]
    for (let n = 0; n < 4; n++) {
      first.orq.identify({ externalId: 'ann', email: `${n}@example.com` })
      second.orq.identify({ externalId: 'ann', tags: [`${n}`] })
      await browser.clock.advance(5_000)
      expect(browser.proxy.contacts.get('ann')).toEqual({ email: `${n}@example.com`, tags: [`${n}`] })
    }
    expect(browser.overlaps()).toBe(0)
  })
})
