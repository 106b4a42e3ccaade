import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acknowledge, isAcknowledged, type Ledger, markSent } from '../../src/core/ledger.ts'

type Hashes = Record<string, string>

const ttlMs = 1_000
const hashOf = (value: string): string => `#${value}`
const hashesOf = (values: Record<string, string>): Hashes =>
  Object.fromEntries(Object.entries(values).map(([field, value]) => [field, hashOf(value)]))

/** What a call is asked, as the ledger's comment says: page and proxy both ask it so. */
const isDuplicate = (ledger: Ledger, hashes: Hashes, unacknowledged: Hashes, now: number): boolean =>
  Object.entries(hashes).every(
    ([field, hash]) => (unacknowledged[field] ?? hash) === hash && isAcknowledged(ledger[field], hash, now, ttlMs),
  )

describe('an entry', () => {
  test.each([
    ['the same value within its life', hashOf('A'), 1_999, true],
    ['the same value at the moment it was acknowledged', hashOf('A'), 1_000, true],
    ['another value', hashOf('B'), 1_500, false],
    ['the same value when its life is over', hashOf('A'), 2_000, false],
    ['the same value after the clock was set back', hashOf('A'), 999, false],
  ])('is compared with %s', (_, hash, now, expected) =>
    expect(isAcknowledged([hashOf('A'), 1_000, 900], hash, now, ttlMs)).toBe(expected),
  )

  test('that is missing holds nothing', () => expect(isAcknowledged(undefined, hashOf('A'), 0, ttlMs)).toBe(false))
})

describe('a call', () => {
  const known = (): Ledger => ({ external_id: [hashOf('u'), 0, 0], email: [hashOf('A'), 0, 0] })
  const ask = (hashes: Hashes, unacknowledged: Hashes = {}, ledger = known()): boolean =>
    isDuplicate(ledger, hashes, unacknowledged, 1)

  test('that says what is known is a duplicate, whichever of its fields it names', () => {
    expect(ask(hashesOf({ external_id: 'u', email: 'A' }))).toBe(true)
    expect(ask(hashesOf({ external_id: 'u' }))).toBe(true)
  })

  test('with one unknown or changed field is none', () => {
    expect(ask(hashesOf({ external_id: 'u', email: 'A', tags: 'T' }))).toBe(false)
    expect(ask(hashesOf({ external_id: 'u', email: 'B' }))).toBe(false)
  })

  test('is none while another value of the field is unacknowledged, even if the ledger still holds it', () => {
    expect(ask(hashesOf({ email: 'A' }), hashesOf({ email: 'B' }))).toBe(false)
    expect(ask(hashesOf({ email: 'A' }), hashesOf({ tags: 'T' }))).toBe(true)
  })

  test('is none once the field has been sent, until the acknowledgement', () => {
    const ledger = known()
    markSent(ledger, 'email', 5)
    expect(ask(hashesOf({ email: 'A' }), {}, ledger)).toBe(false)
    acknowledge(ledger, 'email', [hashOf('B'), 6, 5])
    expect(ask(hashesOf({ email: 'A' }), {}, ledger)).toBe(false)
    acknowledge(ledger, 'email', [hashOf('A'), 7, 6])
    expect(isDuplicate(ledger, hashesOf({ email: 'A' }), {}, 7)).toBe(true)
  })

  test('acknowledged late, after a newer one was sent, changes nothing', () => {
    const ledger: Ledger = {}
    markSent(ledger, 'email', 1)
    markSent(ledger, 'email', 2)
    acknowledge(ledger, 'email', [hashOf('A'), 3, 1])
    expect(ledger['email']).toEqual(['', 0, 2])
  })
})

/**
 * One contact, its upstream and whoever follows the rules of the ledger: a call that is no duplicate waits; a request
 * carries all that is unacknowledged and may overtake another (leaving a page sends at once); it is applied unless a
 * higher number was; its answer arrives or not; what is not acknowledged waits again unless a newer value of the field is
 * known. What waits may also be given up, as by age.
 */
type Step =
  | { kind: 'call'; fields: Record<string, string> }
  | { kind: 'send' | 'giveUp' }
  | { kind: 'answer'; which: number; isApplied: boolean; arrives: boolean }
  | { kind: 'pass'; ms: number }

interface Value {
  value: string
  calledAt: number
}
type Values = Record<string, Value>

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      fields: fc.dictionary(fc.constantFrom('email', 'tags'), fc.constantFrom('A', 'B'), { minKeys: 1 }),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: 'send' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'giveUp' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(1),
      isApplied: fc.boolean(),
      arrives: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 400, 1_000) }) },
)

const run = (steps: Step[]): void => {
  const ledger: Ledger = {}
  const upstream: Record<string, string> = {}
  let waiting: Values = {}
  const wire: { number: number; values: Values }[] = []
  let sent = 0
  let applied = 0
  /** What must be upstream in the end; undefined once it was given up. */
  let wanted: Record<string, string> = {}
  let now = 0

  const newest = (): Values => {
    const result: Values = {}
    // What the ledger knows a later call of is settled: to send it again would go backwards.
    for (const values of [...wire.map((request) => request.values), waiting])
      for (const [field, one] of Object.entries(values))
        if (one.calledAt >= Math.max(result[field]?.calledAt ?? 0, ledger[field]?.[2] ?? 0)) result[field] = one
    return result
  }
  const answer = (which: number, isApplied: boolean, arrives: boolean): void => {
    const [request] = wire.splice(which, 1)
    if (!request) return
    const isTaken = isApplied && request.number > applied
    if (isTaken) applied = request.number
    for (const [field, { value, calledAt }] of Object.entries(request.values)) {
      if (isTaken) upstream[field] = value
      if (isTaken && arrives) acknowledge(ledger, field, [hashOf(value), now, calledAt])
      else if (calledAt > (newest()[field]?.calledAt ?? 0) && calledAt >= (ledger[field]?.[2] ?? 0))
        waiting[field] = { value, calledAt }
    }
  }
  const send = (): void => {
    const values = newest()
    if (wire.length > 1 || !Object.keys(values).length) return
    waiting = {}
    wire.push({ number: ++sent, values })
    for (const [field, { calledAt }] of Object.entries(values)) markSent(ledger, field, calledAt)
  }
  const call = (fields: Record<string, string>): void => {
    const pending = newest()
    const unacknowledged = Object.fromEntries(Object.entries(pending).map(([f, { value }]) => [f, hashOf(value)]))
    const isKnown = isDuplicate(ledger, hashesOf(fields), unacknowledged, now)
    for (const [field, value] of Object.entries(fields)) {
      wanted[field] = value
      if (isKnown) {
        expect(upstream[field], `${field} is called a duplicate`).toBe(value)
        expect(pending[field]?.value ?? value, `${field} pending`).toBe(value)
      } else waiting[field] = { value, calledAt: now }
    }
  }

  for (const event of steps) {
    now++
    if (event.kind === 'pass') now += event.ms
    else if (event.kind === 'send') send()
    else if (event.kind === 'answer') answer(event.which, event.isApplied, event.arrives)
    else if (event.kind === 'call') call(event.fields)
    else {
      for (const field of Object.keys(waiting)) delete wanted[field]
      waiting = {}
      // Unapplied requests may carry a value that was to be replaced by what was given up: nothing is promised then.
      if (wire.length) wanted = {}
    }
  }
  while (wire.length) answer(0, true, true)
  send()
  answer(0, true, true)
  for (const [field, value] of Object.entries(wanted)) expect(upstream[field], field).toBe(value)
}

describe('over any schedule of calls, sends, lost and late answers and expiry', () => {
  test('a duplicate is upstream already with nothing different pending, and the newest value of each field ends there', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 40, size: 'max' }), run), { numRuns: 2_000 })
  })

  const call = (email: string): Step => ({ kind: 'call', fields: { email } })
  const send: Step = { kind: 'send' }
  const answered: Step = { kind: 'answer', which: 0, isApplied: true, arrives: true }
  test.each<[string, Step[]]>([
    ['A acknowledged, B waiting, A again', [call('A'), send, answered, call('B'), call('A')]],
    ['A acknowledged, B on the wire, A again', [call('A'), send, answered, call('B'), send, call('A')]],
    [
      'A acknowledged, B applied with its answer lost, A again',
      [call('A'), send, answered, call('B'), send, { ...answered, arrives: false }, call('A')],
    ],
    [
      'A acknowledged, B applied with its answer lost and given up, A again',
      [call('A'), send, answered, call('B'), send, { ...answered, arrives: false }, { kind: 'giveUp' }, call('A')],
    ],
    ['A and B acknowledged, A again', [call('A'), send, answered, call('B'), send, answered, call('A')]],
    ['A overtaken by B, answered late, A again', [call('A'), send, call('B'), send, answered, call('A')]],
  ])('%s ends at A', (_, steps) => run(steps))
})
