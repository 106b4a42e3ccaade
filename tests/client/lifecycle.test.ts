import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ClientOptions, IdentifiedUser, Outcome } from '../../src/index.ts'
import { createBrowser } from './browser.ts'
import { tokenFor } from './harness.ts'

const { navigator: navigatorBefore } = globalThis
let lines: string[]
beforeEach(() => {
  lines = []
  for (const level of ['warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((text) => void lines.push(String(text)))
})
afterEach(() => {
  vi.restoreAllMocks()
  Reflect.deleteProperty(globalThis, 'document')
})
afterAll(() => Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore }))

const setUp = (options: ClientOptions = {}) => {
  const browser = createBrowser(options)
  browser.state.session = 'ann'
  const tab = browser.open()
  const outcomes: string[] = []
  const identify = (user: IdentifiedUser, from = tab): number => {
    const at = outcomes.push('open') - 1
    from.orq.identify(user).then(({ status, reason }: Outcome) => {
      outcomes[at] = reason ? `${status}: ${reason}` : status
    })
    return at
  }
  const stored = (): string => [...browser.storage.values.values()].join()
  return { ...browser, browser, tab, outcomes, identify, stored, ann: { externalId: 'ann', email: 'ann@example.com' } }
}

describe('reset', () => {
  test('drops what waits, erases outbox and ledger, and the next call sends', async () => {
    const { clock, identify, outcomes, requests, stored, tab, ann } = setUp()
    identify(ann)
    await clock.advance(5_000)
    identify({ ...ann, email: 'new@example.com' })
    tab.orq.reset()
    await clock.advance(5_000)
    expect(outcomes).toEqual(['delivered', 'dropped: reset'])
    expect(stored()).not.toMatch(/ann|new@/)
    identify(ann)
    await clock.advance(5_000)
    expect(outcomes.at(-1)).toBe('delivered')
    expect(requests).toHaveLength(2)
  })

  test('lets what is on the wire finish with its real outcome, unrecorded', async () => {
    const { clock, identify, outcomes, tab, ann } = setUp()
    identify(ann)
    await clock.advance(260)
    tab.orq.reset()
    await clock.advance(5_000)
    expect(outcomes).toEqual(['delivered'])
    identify(ann)
    await clock.advance(5_000)
    expect(outcomes.at(-1)).toBe('delivered')
  })

  test('in another tab ends the old acknowledgement and what waits here', async () => {
    const { browser, clock, identify, outcomes, tab, ann } = setUp()
    const other = browser.open()
    identify(ann)
    await clock.advance(5_000)
    identify({ ...ann, email: 'waits@example.com' })
    other.orq.reset()
    await clock.advance(5_000)
    expect(outcomes.at(-1)).toBe('dropped: reset')
    identify(ann, tab)
    await clock.advance(5_000)
    expect(outcomes.at(-1)).toBe('delivered')
  })

  test('where nothing is stored writes nothing: a visitor who never signed in gets no key', async () => {
    const { clock, tab, stored } = setUp()
    tab.orq.reset()
    await clock.advance(3_000)
    tab.orq.reset()
    expect(stored()).toBe('')
  })

  test('keeps consent, client id and last number', async () => {
    const { clock, identify, stored, tab, ann } = setUp()
    identify(ann)
    await clock.advance(5_000)
    // Behind its checksum.
    const { id, last, salt } = JSON.parse(stored().slice(16))
    tab.orq.reset()
    const after = JSON.parse(stored().slice(16))
    expect(after).toMatchObject({ id, last })
    expect(after.salt).not.toBe(salt)
  })
})

describe('consent', () => {
  test('pending touches nothing, and granted sends the latest of each field once', async () => {
    const { clock, identify, outcomes, requests, storage, tab, ann } = setUp({ consent: 'pending' })
    identify(ann)
    identify({ externalId: 'ann', email: 'later@example.com', tags: ['x'] })
    await clock.advance(60_000)
    expect([outcomes, requests, storage.values.size]).toEqual([['open', 'open'], [], 0])
    tab.orq.consent('granted')
    await clock.advance(5_000)
    expect(outcomes).toEqual(['delivered', 'delivered'])
    expect(requests.map(({ body }) => body)).toEqual([{ external_id: 'ann', email: 'later@example.com', tags: ['x'] }])
  })

  test('denied drops, forgets and leaves no key behind', async () => {
    const { clock, identify, outcomes, requests, state, storage, tab, ann } = setUp()
    identify(ann)
    await clock.advance(5_000)
    state.weather = 'down'
    identify({ ...ann, email: 'waits@example.com' })
    await clock.advance(1_000)
    tab.orq.consent('denied')
    identify(ann)
    await clock.advance(60_000)
    expect(outcomes).toEqual(['delivered', 'dropped: denied', 'dropped: denied'])
    expect(storage.values.size).toBe(0)
    const sent = requests.length
    await clock.advance(600_000)
    expect(requests).toHaveLength(sent)
  })

  test('an acknowledgement that arrives after denial is not recorded', async () => {
    const { clock, identify, storage, tab, ann } = setUp()
    identify(ann)
    await clock.advance(260)
    tab.orq.consent('denied')
    await clock.advance(5_000)
    expect(storage.values.size).toBe(0)
  })

  test('a stored outbox stays while consent is pending', async () => {
    const { browser, clock, identify, requests, state, tab, ann } = setUp()
    state.weather = 'down'
    identify(ann)
    await clock.advance(1_000)
    tab.orq.close()
    state.weather = 'fine'
    const before = requests.length
    const next = browser.open({ consent: 'pending' })
    await clock.advance(60_000)
    expect(requests).toHaveLength(before)
    next.orq.consent('granted')
    await clock.advance(60_000)
    expect(browser.proxy.contacts.get('ann')).toEqual({ email: 'ann@example.com' })
  })

  test.each([{ globalPrivacyControl: true }, { doNotTrack: '1' }])(
    '%o counts as denied only when asked to',
    async (signal) => {
      for (const respectPrivacySignals of [true, false]) {
        const { clock, identify, outcomes, browser, tab, ann } = setUp()
        tab.orq.close()
        Object.assign(navigator, signal)
        identify(ann, browser.open({ respectPrivacySignals }))
        await clock.advance(5_000)
        expect(outcomes).toEqual([respectPrivacySignals ? 'dropped: denied' : 'delivered'])
      }
    },
  )
})

describe('beforeSend', () => {
  test('decides what is stored, hashed and sent', async () => {
    const { clock, identify, requests, stored, ann } = setUp({
      beforeSend: (contact) => ({ external_id: contact.external_id, tags: ['kept'] }),
    })
    identify(ann)
    expect(stored()).not.toContain('ann@example.com')
    await clock.advance(5_000)
    expect(requests.map(({ body }) => body)).toEqual([{ external_id: 'ann', tags: ['kept'] }])
  })

  const broken: [string, NonNullable<ClientOptions['beforeSend']>, number][] = [
    ['null', () => null, 0],
    [
      'a throw',
      () => {
        throw new Error('mine')
      },
      1,
    ],
    ['a contact without its id', () => ({ email: 'x@example.com' }) as never, 1],
    ['a promise', (async () => null) as never, 1],
  ]
  test.each(broken)('%s drops the call and stores nothing', async (_, beforeSend, warnings) => {
    const { clock, identify, outcomes, requests, stored, ann } = setUp({ beforeSend })
    identify(ann)
    await clock.advance(5_000)
    expect([outcomes, requests, lines.length]).toEqual([['dropped: before_send'], [], warnings])
    expect(stored()).not.toContain('ann')
  })
})

describe('a change of person', () => {
  test('sends the former person at once under the former token, then the new one under theirs', async () => {
    const { clock, identify, outcomes, requests, state, ann } = setUp()
    identify(ann)
    await clock.advance(100)
    state.session = 'bob'
    identify({ externalId: 'bob', email: 'bob@example.com' })
    await clock.advance(5_000)
    expect(outcomes).toEqual(['delivered', 'delivered'])
    expect(requests.map(({ body, subject }) => [body.external_id, body.email, subject])).toEqual([
      ['ann', 'ann@example.com', 'ann'],
      ['bob', 'bob@example.com', 'bob'],
    ])
  })

  test('without a token at hand the former person waits, quietly, until identified again', async () => {
    const { clock, identify, requests, state, ann } = setUp()
    identify(ann)
    state.session = 'bob'
    identify({ externalId: 'bob' })
    await clock.advance(60_000)
    expect(requests.map(({ subject }) => subject)).toEqual(['bob'])
    expect(lines).toEqual([])
    state.session = 'ann'
    identify({ externalId: 'ann' })
    await clock.advance(5_000)
    expect(requests.at(-1)?.body).toEqual({ external_id: 'ann', email: 'ann@example.com' })
  })
})

describe('leaving the page', () => {
  test('sends what waits at once, when the token is at hand, and only once', async () => {
    const { clock, identify, outcomes, requests, tab, ann } = setUp()
    identify(ann)
    await clock.advance(50)
    tab.leave()
    tab.leave()
    await clock.advance(0)
    expect(requests).toHaveLength(1)
    await clock.advance(5_000)
    expect([outcomes, requests.length]).toEqual([['delivered'], 1])
  })

  test('takes along what is on the wire, so that a newer number may overtake it', async () => {
    const { clock, identify, requests, tab, ann } = setUp()
    identify(ann)
    await clock.advance(260)
    identify({ externalId: 'ann', tags: ['new'] })
    tab.leave()
    await clock.advance(5_000)
    expect(requests.map(({ body }) => Object.keys(body).sort())).toEqual([
      ['email', 'external_id'],
      ['email', 'external_id', 'tags'],
    ])
  })

  test('keeps more than 16 KiB for the next visit', async () => {
    const { browser, clock, identify, requests, tab } = setUp()
    identify({ externalId: 'ann', metadata: { text: 'x'.repeat(17_000) } })
    await clock.advance(50)
    tab.leave()
    tab.orq.close()
    await clock.advance(1_000)
    expect(requests).toHaveLength(0)
    browser.open()
    await clock.advance(5_000)
    expect(requests).toHaveLength(1)
  })
})

describe('the outbox', () => {
  test('is delivered by itself at the next visit, and a call with the same fields joins it', async () => {
    const { browser, clock, identify, outcomes, requests, state, tab, ann } = setUp()
    state.weather = 'unreachable'
    identify(ann)
    await clock.advance(1_000)
    tab.orq.close()
    state.weather = 'fine'
    const before = requests.length
    identify(ann, browser.open())
    await clock.advance(60_000)
    expect(outcomes).toEqual(['dropped: closed', 'delivered'])
    expect(requests).toHaveLength(before + 1)
  })

  test('forgets what is older than outboxTtlMs', async () => {
    const { browser, clock, identify, requests, state, stored, tab, ann } = setUp()
    state.weather = 'unreachable'
    identify(ann)
    await clock.advance(1_000)
    tab.orq.close()
    state.weather = 'fine'
    clock.set(clock.now() + 7 * 86_400_000)
    const before = requests.length
    browser.open()
    await clock.advance(60_000)
    expect(requests).toHaveLength(before)
    expect(stored()).not.toContain('ann@example.com')
  })

  test('in memory leaves nothing personal in storage at any time', async () => {
    const { clock, identify, outcomes, stored, ann } = setUp({ outbox: 'memory' })
    identify(ann)
    expect(stored()).not.toContain('ann@')
    await clock.advance(5_000)
    expect(outcomes).toEqual(['delivered'])
  })

  test('waits for the network without a request, and goes when it is back', async () => {
    const { clock, identify, outcomes, requests, state, tab, ann } = setUp()
    state.isOnline = false
    identify(ann)
    await clock.advance(60_000)
    expect([outcomes, requests]).toEqual([['pending: offline'], []])
    state.isOnline = true
    tab.show()
    await clock.advance(5_000)
    expect(requests).toHaveLength(1)
  })
})

describe('flush and close', () => {
  test('flush sends at once and resolves when it is done', async () => {
    const { clock, identify, outcomes, tab, ann } = setUp()
    identify(ann)
    let isFlushed = false
    tab.orq.flush().then(() => {
      isFlushed = true
    })
    await clock.advance(200)
    expect([isFlushed, outcomes]).toEqual([true, ['delivered']])
  })

  test('flush outside a document leaves no timer, even where it ends before the first timer of init', async () => {
    const fetch = vi.fn(() => Promise.reject(new TypeError('network')))
    const { clock, identify, outcomes, tab, ann } = setUp({ fetch, token: async () => tokenFor('ann') })
    Reflect.deleteProperty(globalThis, 'document')
    identify(ann)
    await tab.orq.flush()
    expect(outcomes).toEqual(['pending: unreachable'])
    await clock.advance(1)
    expect([fetch.mock.calls.length, clock.timers()]).toEqual([1, 0])
    identify({ ...ann, email: 'new@example.com' })
    await clock.advance(600_000)
    expect(fetch.mock.calls.length).toBeGreaterThan(2)
  })

  test('close sends what it can, ends every call and leaves no timer', async () => {
    const { clock, identify, outcomes, requests, tab, ann } = setUp()
    identify(ann)
    await clock.advance(50)
    tab.orq.close()
    identify(ann)
    await clock.advance(20_000)
    expect(outcomes).toEqual(['dropped: closed', 'dropped: closed'])
    expect([requests.length, clock.timers()]).toEqual([1, 0])
  })
})

test('a hot render loop costs one request, one token and no console line', async () => {
  const { clock, identify, outcomes, requests, ann } = setUp()
  for (let n = 0; n < 3_000; n++) {
    identify(ann)
    await clock.advance(1)
  }
  await clock.advance(5_000)
  expect(new Set(outcomes)).toEqual(new Set(['delivered', 'duplicate']))
  expect([requests.length, lines]).toEqual([1, []])
})

test('a hot render loop while the proxy is down backs off all the same', async () => {
  const { clock, identify, requests, state, ann } = setUp()
  state.weather = 'down'
  for (let n = 0; n < 3_000; n++) {
    identify(ann)
    await clock.advance(1)
  }
  expect(requests.length).toBeLessThanOrEqual(5)
})
