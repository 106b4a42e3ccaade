import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Contact } from '../../src/core/contact.ts'
import { createMachine, type OpenCall, type Process } from './durable-harness.ts'

/** How many schedules: `ORQ_SCHEDULES=20000` for a long run. A failure prints its seed. */
const numRuns = Number(process.env['ORQ_SCHEDULES'] ?? 40)

const fields = ['display_name', 'tags'] as const
type Field = (typeof fields)[number]

const via = fc.nat(1)
const common = [
  {
    weight: 5,
    arbitrary: fc.record({ who: fc.constantFrom('a', 'b', 'c'), field: fc.constantFrom(...fields), via }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      answer: fc.constantFrom('done', 'done', 'done', 'retry', 'blocked', 'lost', 'applied', 'paused'),
      via,
      which: fc.nat(3),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ms: fc.constantFrom(20, 500, 2_000, 31_000) }) },
  { weight: 1, arbitrary: fc.record({ end: fc.constantFrom('kill', 'killed late', 'stop'), via }) },
] as const
const withLeaps = fc.oneof(...common, {
  weight: 1,
  arbitrary: fc.record({ clockBy: fc.constantFrom(-3_600_000, 3_600_000) }),
})
type Step = typeof withLeaps extends fc.Arbitrary<infer T> ? T : never

/** Upstream's answers, kills and time in any order: promises 1 to 3 of the proxy. */
test.each<[string, number, fc.Arbitrary<Step>]>([
  ['one process, whose clock leaps', 1, withLeaps],
  // A leap ends the lease of the other one early, as database time would not.
  ['two processes on one file', 2, fc.oneof(...common)],
])(
  '%s: nothing acknowledged is lost, no value goes backwards, one call per contact',
  async (_, count, step) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const machine = createMachine()
        const { clock } = machine
        const processes = Array.from({ length: count }, () => machine.start())
        const at = (via: number): number => via % count
        let calls = 0
        /** What upstream has, and by contact and field the highest number that was acknowledged. */
        const upstream = new Map<string, number>()
        const acknowledged = new Map<string, number>()
        /** A value that upstream never takes. */
        const isBad = (value: number): boolean => value % 5 === 4
        const put = new Map<string, number[]>()
        const numberOf = (contact: Contact, field: Field): number => Number([contact[field]].flat()[0])

        const has = (contact: Contact): Field[] => fields.filter((field) => contact[field] !== undefined)
        const apply = (contact: Contact): void => {
          for (const field of has(contact)) {
            const key = `${contact.external_id}.${field}`
            const value = numberOf(contact, field)
            expect(value, `${key} goes backwards`).toBeGreaterThanOrEqual(upstream.get(key) ?? 0)
            upstream.set(key, value)
          }
        }
        const isRefused = (contact: Contact): boolean => has(contact).some((field) => isBad(numberOf(contact, field)))
        const answer = (call: OpenCall | undefined, kind: string): void => {
          if (!call) return
          if (isRefused(call.contact) && (kind === 'done' || kind === 'applied')) return call.answer('refused')
          if (kind === 'done' || kind === 'applied') apply(call.contact)
          if (kind === 'paused') return call.answer('retry', 429, { 'retry-after': '7' })
          call.answer(kind === 'applied' ? 'lost' : (kind as 'done'))
        }
        const check = (): void => {
          const ids = processes.flatMap(({ open }) => open.map(({ contact }) => contact.external_id))
          expect(new Set(ids).size, 'calls at once for one contact').toBe(ids.length)
        }
        for (const event of steps) {
          if ('who' in event) {
            const key = `${event.who}.${event.field}`
            const value = ++calls
            put.set(key, [...(put.get(key) ?? []), value])
            const given = event.field === 'tags' ? { tags: [`${value}`] } : { display_name: `${value}` }
            void (processes[at(event.via)] as Process).put(event.who, given).then(({ kind }) => {
              if (kind === 'delivered' || kind === 'accepted')
                acknowledged.set(key, Math.max(value, acknowledged.get(key) ?? 0))
            })
          } else if ('answer' in event) {
            const { open } = processes[at(event.via)] as Process
            answer(open[event.which % Math.max(1, open.length)], event.answer)
          } else if ('ms' in event) await clock.advance(event.ms)
          else if ('clockBy' in event) clock.set(clock.now() + event.clockBy)
          else {
            const { kill, dispatcher, open } = processes[at(event.via)] as Process
            // What was on the wire has reached upstream, and nobody is left to hear of it.
            if (event.end === 'killed late') for (const { contact } of open) if (!isRefused(contact)) apply(contact)
            if (event.end !== 'stop') kill()
            else await dispatcher.close()
            processes[at(event.via)] = machine.start()
          }
          await machine.settle()
          check()
        }
        // Upstream is well again: everything arrives.
        for (let i = 0; i < 100; i++) {
          for (const { open } of processes) for (const call of [...open]) answer(call, 'done')
          await machine.settle()
          check()
          const { pending } = await (processes[0] as Process).store.stats()
          if (!pending) break
          await clock.advance(i < 20 ? 500 : 5_000)
        }
        const { pending } = await (processes[0] as Process).store.stats()
        await machine.end()
        expect(pending).toBe(0)
        for (const [key, least] of acknowledged) {
          const later = (put.get(key) as number[]).filter((value) => value >= least)
          // What upstream refuses is parked; so is what it replaced.
          if (!later.some(isBad))
            expect(upstream.get(key), `${key}: an acknowledged value is lost`).toBeGreaterThanOrEqual(least)
        }
      }),
      { numRuns },
    )
  },
  600_000,
)
