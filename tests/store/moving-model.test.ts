import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite.ts'
import type { Claim, Store } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'
import { playSchedules, scheduled } from '../schedules.ts'
import { exportLines, importLines } from './moving.ts'

const who = fc.constantFrom('a', 'b')
const field = fc.constantFrom('display_name', 'tags')
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ put: who, field }) },
  { weight: 3, arbitrary: fc.record({ send: fc.constantFrom('done', 'done', 'retry', 'park') }) },
  { weight: 2, arbitrary: fc.record({ import: fc.nat(9), until: fc.nat(3) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const steps = fc.array(step, { maxLength: 20 })

/**
 * A proxy accepts and sends, is copied from time to time, and stops; another one accepts and sends on the other store,
 * while the whole export comes in piece by piece, more than once, and copies of before again.
 */
test.each([
  ['a store that the move made', true],
  ['a store that was there before', false],
])(
  'into %s, in any order and as often as one likes: nothing is lost, no value goes backwards',
  scheduled,
  async (name, isHeir) => {
    await playSchedules(
      `Model of moving, into ${name}`,
      fc.asyncProperty(steps, steps, async (before, after) => {
        const folder = mkdtempSync(join(tmpdir(), 'orq-moving-'))
        const clock = fakeClock()
        const open = (name: string, key?: Uint8Array): Store =>
          sqlite({ path: join(folder, name), collectMs: 0, clock, key })
        const from = open('from.db')
        const to = open('to.db', isHeir ? from.moving?.key() : undefined)
        try {
          let value = 0
          /** By contact and field: what was accepted last, what upstream has, and what it refused for good. */
          const accepted = new Map<string, number>()
          const upstream = new Map<string, number>()
          const refused = new Set<number>()
          const numberOf = (of: unknown): number => Number([of].flat()[0])

          const put = async (store: Store, externalId: string, name: string): Promise<void> => {
            await clock.advance(1)
            const fields = { [name]: name === 'tags' ? [`${++value}`] : `${++value}` }
            await store.put({ externalId, fields }, { claim: false })
            accepted.set(`${externalId}.${name}`, value)
          }
          const send = async (store: Store, claim: Claim, how: string): Promise<void> => {
            await clock.advance(1)
            const names = Object.keys(claim.fields) as 'tags'[]
            if (how === 'retry') return store.retry(claim, clock.now() + 10, '503 retry')
            const values = names.map((name) => [`${claim.externalId}.${name}`, numberOf(claim.fields[name])] as const)
            if (how === 'park' || values.some(([, number]) => refused.has(number))) {
              for (const [, number] of values) refused.add(number)
              return store.park(claim, [...names, 'external_id'], '422 refused')
            }
            for (const [key, number] of values) {
              expect(number, `${key} goes backwards`).toBeGreaterThanOrEqual(upstream.get(key) ?? 0)
              upstream.set(key, number)
            }
            await store.done(claim)
          }
          const sendOne = async (store: Store, how: string): Promise<void> => {
            for (const claim of await store.claim(1)) await send(store, claim, how)
          }
          const copies: string[][] = []
          const run = async (
            store: Store,
            list: readonly Step[],
            move: (step: Extract<Step, { import: number }>) => unknown,
          ) => {
            for (const one of list) {
              if ('put' in one) await put(store, one.put, one.field)
              else if ('send' in one) await sendOne(store, one.send)
              else await move(one)
            }
          }
          // Copies of a store in use: only into one that nobody sends from yet, and that knows what was delivered since.
          await run(from, before, async ({ until }) => {
            copies.push(await exportLines(from))
            if (isHeir) await importLines(to, copies.at(-1)?.slice(0, until) ?? [], true)
          })
          const whole = await exportLines(from)
          let isMoved = false
          if (isHeir && copies.length) {
            await importLines(to, whole, true)
            isMoved = true
          }
          await run(to, after, async ({ import: which, until }) => {
            const old = copies[which]
            if (old && isMoved && isHeir) await importLines(to, old, true)
            else await importLines(to, whole.slice(0, until), isHeir)
          })
          await importLines(to, whole, isHeir)
          await importLines(to, whole, isHeir)

          for (let rounds = 0; (await to.stats()).pending > 0; rounds++) {
            expect(rounds).toBeLessThan(50)
            await clock.advance(20)
            await sendOne(to, 'done')
          }
          const parked = new Map<string, number>()
          for (const { externalId, parked: some } of await to.list({ limit: 99 }))
            for (const [name, one] of Object.entries(some)) parked.set(`${externalId}.${name}`, numberOf(one.value))
          for (const [key, number] of accepted)
            expect([key, refused.has(number) ? parked.get(key) : upstream.get(key)]).toEqual([key, number])
        } finally {
          await from.close()
          await to.close()
          rmSync(folder, { recursive: true, force: true })
        }
      }),
      30,
    )
  },
)
