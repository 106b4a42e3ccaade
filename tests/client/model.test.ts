import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { playSchedules, scheduled } from '../schedules.ts'
import { type Chunk, createBrowser, type Tab, type Weather } from './browser.ts'

const { navigator: navigatorBefore } = globalThis
beforeEach(() => {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
  Reflect.deleteProperty(globalThis, 'document')
})
afterAll(() => Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigatorBefore }))

const people = ['ann', 'bob', 'cid'] as const
type Person = (typeof people)[number]

type Step =
  | { kind: 'identify'; tab: number; person: Person; field: 'email' | 'display_name' | 'tags'; value: number }
  | { kind: 'reset'; tab: number }
  | { kind: 'reload'; tab: number; chunk: Chunk }
  | { kind: 'leave'; tab: number }
  | { kind: 'show'; tab: number }
  | { kind: 'advance'; ms: number }
  | { kind: 'weather'; weather: Weather }
  | { kind: 'online'; isOnline: boolean }
  | { kind: 'jump'; ms: number }

const tab = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('identify' as const),
      tab,
      person: fc.constantFrom(...people, 'ann' as const),
      field: fc.constantFrom('email' as const, 'display_name' as const, 'tags' as const),
      value: fc.nat(2),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 40, 260, 800, 5_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('weather' as const),
      weather: fc.constantFrom<Weather>(
        'fine',
        'fine',
        'lost',
        'down',
        'unreachable',
        'limited',
        'unauthorized',
        'html',
        'gateway error',
        'keepalive used up',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'show' as const), tab }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('reload' as const),
      tab,
      chunk: fc.constantFrom<Chunk>('here', 'here', 'missing', 'other build'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), tab }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('online' as const), isOnline: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      ms: fc.constantFrom(-172_800_000, -3_600_000, -5_000, 5_000, 90_000_000),
    }),
  },
)

const personal = (person: Person, field: string, value: number): unknown =>
  field === 'tags'
    ? [`${person}-${value}`]
    : field === 'email'
      ? `${person}-${value}@example.com`
      : `${person}-${value}`

const play = async (steps: readonly Step[]): Promise<void> => {
  const browser = createBrowser({ retries: { backoff: { initialInterval: 200, maxInterval: 2_000 } } })
  const { clock, state } = browser
  const tabs: Tab[] = [browser.open(), browser.open(), browser.open()]
  /** The last call of each field; undefined where a reset may have dropped it. */
  const expected: Record<Person, Record<string, unknown>> = { ann: {}, bob: {}, cid: {} }

  for (const one of steps) {
    if (one.kind === 'identify') {
      const { person, field } = one
      state.session = person
      const value = personal(person, field, one.value)
      expected[person][field] = value
      tabs[one.tab]!.orq.identify({ externalId: person, [field]: value })
    } else if (one.kind === 'reset') {
      tabs[one.tab]!.orq.reset()
      // What was not acknowledged is gone, in every tab; whether it was is not ours to know here.
      for (const person of people) expected[person] = {}
      state.session = undefined
    } else if (one.kind === 'reload') {
      tabs[one.tab]!.leave()
      tabs[one.tab]!.orq.close()
      tabs[one.tab] = browser.open({}, one.chunk)
    } else if (one.kind === 'leave') tabs[one.tab]!.leave()
    else if (one.kind === 'show') tabs[one.tab]!.show()
    else if (one.kind === 'advance') await clock.advance(one.ms)
    else if (one.kind === 'weather') state.weather = one.weather
    else if (one.kind === 'online') state.isOnline = one.isOnline
    else clock.set(clock.now() + one.ms)
  }

  // The weather clears, and each person comes back once more.
  state.weather = 'fine'
  state.isOnline = true
  for (const person of people) {
    if (!Object.keys(expected[person]).length) continue
    state.session = person
    for (const { orq } of tabs) orq.identify({ externalId: person })
    await clock.advance(10_000)
    const { orq } = browser.open()
    orq.identify({ externalId: person })
    await clock.advance(10_000)
  }

  for (const { body, subject } of browser.requests) {
    expect(body.external_id).toBe(subject)
    for (const [field, value] of Object.entries(body))
      if (field !== 'external_id') expect(JSON.stringify(value)).toContain(`${subject}-`)
  }
  for (const person of people) {
    const stored = browser.proxy.contacts.get(person) ?? {}
    for (const [field, value] of Object.entries(expected[person]))
      expect({ [field]: stored[field] }).toEqual({ [field]: value })
  }
  const kept = [...browser.storage.values.values()].join()
  for (const person of people) if (Object.keys(expected[person]).length) expect(kept).not.toContain(`${person}-`)
}

test(
  'whatever happens in three tabs: each field ends at its last call, nothing goes out under another name or stays behind',
  scheduled,
  () =>
    playSchedules('Model of the client', fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), play), 500),
)
