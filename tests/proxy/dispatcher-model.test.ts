import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Fields } from '../../src/core/contact.ts'
import { playSchedules, scheduled } from '../schedules.ts'
import { type Call, settle, setUp } from './dispatcher-harness.ts'

/** Random updates of two contacts, answers of all kinds and time: what the callers are told is checked against upstream. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      who: fc.constantFrom('u1', 'u2'),
      field: fc.constantFrom('email', 'display_name'),
      value: fc.constantFrom('a@b.c', 'b@b.c'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      answer: fc.constantFrom('done', 'done', 'lost', 'applied', 'retry', 'blocked'),
      which: fc.nat(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ ms: fc.constantFrom(100, 7_999, 8_000) }) },
)

test(
  'whatever upstream does: what is told delivered is the newest value there, and each contact has one call at a time',
  scheduled,
  async () => {
    await playSchedules(
      'Model of the dispatcher',
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
        const { clock, put, open } = setUp({ concurrency: 2 })
        const upstream: Record<string, Fields> = { u1: {}, u2: {} }
        const order: Record<string, number> = {}
        const toldAt: Record<string, number> = {}
        const values: Record<string, string> = {}
        let calls = 0
        const pending: Promise<unknown>[] = []
        const answer = (call: Call | undefined, kind: string): void => {
          if (!call) return
          const { external_id, ...fields } = call.contact
          if (kind === 'done' || kind === 'applied') Object.assign(upstream[external_id] as Fields, fields)
          call.answer(kind === 'applied' ? 'lost' : (kind as 'done'))
        }
        for (const event of steps) {
          if ('who' in event) {
            const { who, field, value } = event
            const key = `${who}.${field}`
            order[key] = ++calls
            values[key] = value
            const mine = calls
            pending.push(
              put(who, { [field]: value }).then(({ kind }) => {
                if (kind === 'delivered') toldAt[key] = Math.max(toldAt[key] ?? 0, mine)
              }),
            )
          } else if ('answer' in event) answer(open[event.which], event.answer)
          else await clock.advance(event.ms)
          await settle()
          const contacts = open.map(({ contact }) => contact.external_id)
          expect(new Set(contacts).size).toBe(contacts.length)
          for (const [key, at] of Object.entries(toldAt)) {
            const [who = '', field = ''] = key.split('.')
            if (at === order[key]) expect(upstream[who]?.[field as keyof Fields], key).toBe(values[key])
          }
        }
        while (open.length) {
          answer(open[0], 'done')
          await settle()
        }
        await clock.advance(8_000)
        await Promise.all(pending)
        expect({ open: open.length, timers: clock.timers() }).toEqual({ open: 0, timers: 0 })
      }),
      200,
    )
  },
)
