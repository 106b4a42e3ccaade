// @module-tag heavy
import { describe, expect, onTestFinished, test } from 'vitest'
import { startPostgres } from '../store/postgres-server.ts'
import { isPoll, startTap, withoutBackground } from '../store/postgres-tap.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

describe('an undisturbed update on PostgreSQL', () => {
  test('costs at most two transactions before its answer, and two in all', async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const tap = await startTap(await server.createDatabase())
    onTestFinished(() => tap.stop())
    const machine = createMachine(await startRecorder())
    machine.hasFile = false
    const proxy = await machine.start({ env: { ORQ_STORE: tap.url } })
    const { transactions } = tap
    // A tap that saw nothing would prove nothing; and the start goes on for a while.
    expect(transactions.flat()).toContainEqual(expect.stringMatching(/CREATE TABLE contacts/))
    await expect.poll(() => transactions.slice(-3).every(isPoll)).toBe(true)

    /** Sends an update; what it cost, or undefined where a poll took place meanwhile or the machine stood still. */
    const sendOne = async (who: string) => {
      const from = transactions.length
      const { status } = await machine.sendDelivered(proxy, who)
      if (status === 202) return undefined
      const beforeAnswer = withoutBackground(transactions.slice(from)).length
      // The delivery is recorded after the answer.
      await expect.poll(() => withoutBackground(transactions.slice(from)).length).toBeGreaterThanOrEqual(2)
      const all = transactions.slice(from)
      return withoutBackground(all).length === all.length ? { beforeAnswer, all } : undefined
    }

    const costs = { insert: 0, update: 0 }
    for (let person = 0; costs.insert < 5 || costs.update < 5; person++) {
      // First a new contact, then the same one with another value.
      for (const how of ['insert', 'update'] as const) {
        const cost = await sendOne(`u${person}`)
        if (!cost) continue
        costs[how]++
        expect([1, 2]).toContain(cost.beforeAnswer)
        expect(cost.all).toEqual([
          ['BEGIN', 'orq_lock', `orq_${how}`, 'COMMIT'],
          ['BEGIN', 'orq_lock', 'orq_update', 'COMMIT'],
        ])
      }
    }
    proxy.kill('SIGTERM')
    expect(await proxy.ended).toBe(0)
  })
})
