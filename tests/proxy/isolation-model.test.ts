import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playSchedules, scheduled } from '../schedules.ts'
import { createMachine, type Process } from './durable-harness.ts'
import { createOpenRequests, type OpenRequest, type OpenRequests } from './open-requests.ts'

/**
 * Three contacts fare badly in every way that is theirs alone, one fares well. Fewer than five fail and only two are
 * turned away, so upstream as a whole never seems to be down; and one slot is left, so the good one need not queue.
 */
const bad = ['a', 'b', 'c'] as const
const turnedAway: readonly string[] = ['a', 'b']
const concurrency = 4

const via = fc.nat(1)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ bad: fc.constantFrom(...bad), via }) },
  { weight: 4, arbitrary: fc.record({ good: via }) },
  {
    weight: 5,
    arbitrary: fc.record({
      answer: fc.constantFrom('done', 'retry', 'later', 'blocked', 'lost', 'refused', 'conflict'),
      via,
      which: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ms: fc.constantFrom(20, 500, 2_000, 12_000, 61_000) }) },
  { weight: 1, arbitrary: fc.record({ kill: via }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const play = async (steps: readonly Step[], count: number): Promise<void> => {
  const machine = createMachine()
  const { clock, settle } = machine
  const begin = (): Process & { requests: OpenRequests } => {
    const requests = createOpenRequests(clock, () => {})
    return { ...machine.start({ concurrency, upsert: requests.upsert }), requests }
  }
  const processes = Array.from({ length: count }, begin)
  const at = (via: number) => processes[via % count] as (typeof processes)[number]
  let values = 0
  /** Whichever process has claimed it. */
  const goodIn = (): OpenRequest | undefined =>
    processes.flatMap(({ requests }) => requests.open).find(({ contact }) => contact.external_id === 'good')

  const answer = (request: OpenRequest | undefined, how: string): void => {
    if (!request) return
    if (how === 'lost') request.fail()
    else if (how === 'later') request.answer(500, { 'retry-after': '600' })
    else if (how === 'blocked' && turnedAway.includes(request.contact.external_id)) request.answer(403)
    else request.answer({ done: 200, refused: 422, conflict: 409 }[how] ?? 500)
  }

  for (const one of steps) {
    if ('bad' in one) {
      void at(one.via).put(one.bad, { tags: [`${++values}`] })
      await settle()
    } else if ('good' in one) {
      const value = `${++values}`
      void at(one.good).put('good', { tags: [value] })
      await settle()
      // No time has passed: neither the back-off of another nor its call on the wire was waited for.
      expect(goodIn()?.contact, 'the good contact waits').toEqual({ external_id: 'good', tags: [value] })
      goodIn()?.answer(200)
    } else if ('answer' in one) {
      const { open } = at(one.via).requests
      answer(open[one.which % Math.max(1, open.length)], one.answer)
    } else if ('ms' in one) await clock.advance(one.ms)
    else {
      at(one.kill).kill()
      processes[one.kill % count] = begin()
    }
    await settle()
  }
  await machine.end()
}

test.each([
  ['one process', 1],
  ['two processes on one file', 2],
])(
  'promise 4, %s: whatever becomes of other contacts, an update is on the wire at once while upstream takes requests',
  scheduled,
  async (name, count) => {
    const steps = fc.noBias(fc.array(step, { maxLength: 60, size: 'max' }))
    await playSchedules(
      `Model of isolation, ${name}`,
      fc.asyncProperty(steps, (list) => play(list, count)),
      40,
    )
  },
)
