import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playSchedules, scheduled } from '../schedules.ts'
import { createMachine } from './durable-harness.ts'
import { fields, fieldsWith } from './upstream-oracle.ts'

const concurrency = 3
const who = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const via = fc.nat(1)
const put = fc.record({ who, field: fc.constantFrom(...fields) })
const answers = ['done', 'done', 'done', 'retry', 'refused', 'blocked', 'lost', 'paused'] as const
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ puts: fc.array(put, { minLength: 1, maxLength: 4 }), via }) },
  {
    weight: 9,
    arbitrary: fc.record({ answer: fc.constantFrom(...answers), which: fc.nat(3), via, isFollowed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ ms: fc.constantFrom(20, 500, 1_000, 61_000) }) },
  { weight: 1, arbitrary: fc.record({ operator: fc.constantFrom('requeue', 'drop', 'purge'), who }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const play = async (steps: readonly Step[], count: number): Promise<void> => {
  const machine = createMachine()
  const { clock } = machine
  const processes = Array.from({ length: count }, () => machine.start({ concurrency }))
  const at = (via: number) => processes[via % count] as (typeof processes)[number]
  const waiting = new Set<{ who: string; via: number }>()
  let values = 0
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await machine.settle()
  }
  const check = (): void => {
    for (const { who, via } of waiting) {
      const { open } = at(via)
      const isSent = open.some(({ contact }) => contact.external_id === who)
      expect(isSent || open.length === concurrency, `${who} at process ${via} waits for nothing`).toBe(true)
    }
  }

  await settle()
  for (const one of steps) {
    if ('puts' in one) {
      for (const { who, field } of one.puts) {
        const page = { who, via: one.via }
        waiting.add(page)
        void at(one.via)
          .put(who, fieldsWith(field, ++values), { issuedAt: clock.now() })
          .then(() => waiting.delete(page))
      }
    } else if ('answer' in one) {
      const { open } = at(one.via)
      const call = open[one.which % Math.max(1, open.length)]
      if (one.answer === 'paused') call?.answer('retry', 429, { 'retry-after': '7' })
      else call?.answer(one.answer)
      // What comes next comes in the same turn.
      if (one.isFollowed) continue
    } else if ('ms' in one) await clock.advance(one.ms)
    else {
      const { store } = at(0)
      const entry = (await store.list({ limit: 99 })).find(({ externalId }) => externalId === one.who)
      if (one.operator === 'purge') await store.purge(one.who, clock.now() + 30_000)
      else if (entry) await store[one.operator](entry.id)
      // The page is told when the call on the wire ends, or at the next poll.
      await clock.advance(500)
    }
    await settle()
    check()
  }
  await machine.end()
}

test.each([
  ['one process', 1],
  ['two processes on one file', 2],
])('%s: no page waits while its update is not on the wire and a slot is free', scheduled, async (name, count) => {
  const steps = fc.noBias(fc.array(step, { maxLength: 40, size: 'max' }))
  await playSchedules(
    `Model of waiting, ${name}`,
    fc.asyncProperty(steps, (list) => play(list, count)),
    60,
  )
})
