import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDispatcher } from '../../src/proxy/dispatcher.ts'
import { memory } from '../../src/store/memory.ts'
import type { Update } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'
import { playSchedules, scheduled } from '../schedules.ts'
import { createAcceptance } from './acceptance.ts'
import { settle } from './dispatcher-harness.ts'
import { createOpenRequests, type OpenRequest } from './open-requests.ts'
import { createUpstreamOracle, fields, fieldsWith } from './upstream-oracle.ts'

const who = fc.constantFrom('u1', 'u2')
const put = fc.record({
  who,
  field: fc.constantFrom(...fields),
  client: fc.constantFrom(undefined, 'page-of-one-browser'),
  late: fc.constantFrom(0, 0, 1, 2),
  force: fc.constantFrom(false, false, true),
  tokenAgeMs: fc.constantFrom(0, 40_000),
})
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put }) },
  {
    weight: 3,
    arbitrary: fc.record({
      answer: fc.constantFrom('done', 'done', 'lost', 'applied', 'retry', 'blocked', 'conflict'),
      which: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ms: fc.constantFrom(100, 7_999, 8_000, 31_000) }) },
  { weight: 1, arbitrary: fc.record({ purge: who }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Nothing is durable here: what is not told delivered is forgotten, and the page asks again. */
const play = async (steps: readonly Step[]): Promise<void> => {
  const acceptance = createAcceptance()
  const upstream = createUpstreamOracle()
  upstream.isMended = true
  const failures: unknown[] = []
  const clock = fakeClock()
  const store = memory({ clock })
  const { open, upsert } = createOpenRequests(clock, ({ contact }) => {
    try {
      upstream.begins(contact)
    } catch (error) {
      // Whoever makes the request would take it for a failure of the network.
      failures.push(error)
    }
  })
  const dispatcher = createDispatcher({ store, clock, upsert, concurrency: 2 })
  let value = 0
  let numbers = 0
  const pending: Promise<unknown>[] = []

  const answer = (request: OpenRequest | undefined, how: string): void => {
    if (!request) return
    if (how === 'conflict' && request.method === 'POST') return request.answer(409)
    const takes = ['done', 'applied', 'conflict'].includes(how)
    if (takes) upstream.applies(request.contact)
    if (how === 'applied' || how === 'lost') request.fail()
    else request.answer(takes ? 200 : how === 'retry' ? 500 : 403)
  }
  const send = async ({ who, field, client, late, force, tokenAgeMs }: Extract<Step, { put: unknown }>['put']) => {
    const key = `${who}.${field}`
    const mine = ++value
    if (!late) numbers++
    const id = client === undefined ? undefined : { client, number: Math.max(1, numbers - late), force }
    const update: Update = { externalId: who, fields: fieldsWith(field, mine), id, issuedAt: clock.now() - tokenAgeMs }
    const refusal = acceptance.judge(update, clock.now())
    if (refusal) upstream.refused(mine)
    let told: unknown
    pending.push(
      dispatcher.deliver(update).then((delivery) => {
        told = delivery
        if (delivery.kind === 'delivered' && !upstream.wasDelivered(key, mine))
          failures.push(new Error(`${key}: ${mine} is said to be delivered`))
      }),
    )
    await settle()
    if (refusal) expect(told).toEqual(refusal)
    else expect(told).not.toMatchObject({ kind: expect.stringMatching(/^(revoked|superseded)$/) })
  }

  for (const one of steps) {
    if ('put' in one) await send(one.put)
    else if ('answer' in one) answer(open[one.which], one.answer)
    else if ('ms' in one) await clock.advance(one.ms)
    else {
      await store.purge(one.purge, clock.now() + 30_000)
      acceptance.purge(one.purge, clock.now() + 30_000)
      upstream.purge(one.purge, value)
    }
    await settle()
    if (failures.length) throw failures[0]
    const contacts = open.map(({ contact }) => contact.external_id)
    expect(new Set(contacts).size).toBe(contacts.length)
  }
  while (open.length) {
    answer(open[0], 'done')
    await settle()
  }
  await clock.advance(8_000)
  await Promise.all(pending)
  if (failures.length) throw failures[0]
  expect({ open: open.length, timers: clock.timers() }).toEqual({ open: 0, timers: 0 })
}

test(
  'nothing durable: what is told delivered is upstream, nothing goes backwards, nothing refused or purged goes out',
  scheduled,
  () =>
    playSchedules(
      'Model of numbers, force and purges in memory',
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), play),
      1_000,
    ),
)
