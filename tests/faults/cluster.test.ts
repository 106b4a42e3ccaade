import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alsoInAll, isAll } from '../is-all.ts'
import { announce, isLong } from '../soak.ts'
import { noPostgres, startPostgres } from '../store/postgres-server.ts'
import { startBalancer } from './balancer.ts'
import { createMachine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

const durationMs = isLong ? 1_800_000 : isAll ? 60_000 : 15_000
/** Longer than a lease, where there is time for it. */
const stoppedMs = isAll ? 32_000 : 5_000
const crashEveryMs = isAll ? 12_000 : 5_000
/** The first stop comes so late, and each further one after so long. */
const stopEveryMs = isAll ? 8_000 : 3_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T

// A soak without it would fail, not be silent for half an hour less.
describe.skipIf(noPostgres && !isLong)(
  `three proxies on one PostgreSQL${noPostgres ? ` (${noPostgres})` : ''}`,
  alsoInAll,
  () => {
    test(`of which some always die, ${durationMs / 1_000} s: nothing is lost, nothing goes backwards, nothing is left`, {
      timeout: durationMs + 400_000,
    }, async () => {
      announce('Three proxies on one PostgreSQL, of which some always die', durationMs)
      const server = await startPostgres()
      onTestFinished(() => server.stop())
      const url = await server.createDatabase()
      const recorder = await startRecorder()
      const machine = createMachine(recorder)
      machine.isNumbered = true
      machine.hasFile = false
      const balancer = await startBalancer()
      const statuses = new Map<number | undefined, number>()
      let isOver = false
      let crashes = 0
      let kills = 0
      let stops = 0

      /** A proxy that does not start, because the database is away, is started again. */
      const startProxy = async (): Promise<Running> => {
        for (;;) {
          const proxy = await machine
            .start({ env: { ORQ_STORE: url, ORQ_STORE_TIMEOUT_MS: '2000' } })
            .catch(async (error: Error) => {
              expect(error.message).toMatch(/ORQ_STORE: .*; /)
              await sleep(200)
            })
          if (proxy) {
            balancer.add(proxy.url)
            return proxy
          }
        }
      }
      const proxies = await Promise.all([startProxy(), startProxy(), startProxy()])
      /** Not to be killed while it is stopped or being replaced. */
      const busy = new Set<Running>()

      const replace = async (index: number): Promise<void> => {
        const proxy = proxies[index] as Running
        busy.add(proxy)
        proxy.kill('SIGKILL')
        balancer.remove(proxy.url)
        await proxy.ended
        kills++
        proxies[index] = await startProxy()
        busy.delete(proxy)
      }

      const stopOne = async (): Promise<void> => {
        const free = proxies.filter((proxy) => !busy.has(proxy))
        if (!free.length) return
        const proxy = pick(free)
        busy.add(proxy)
        proxy.kill('SIGSTOP')
        stops++
        // A load balancer notices only after a while.
        await sleep(1_000)
        balancer.remove(proxy.url)
        await sleep(stoppedMs)
        proxy.kill('SIGCONT')
        balancer.add(proxy.url)
        busy.delete(proxy)
      }

      const writers = Array.from({ length: 200 }, async (_, i) => {
        while (!isOver) {
          const { status } = await machine.send(balancer, `u${i}`, i % 2 ? 'tags' : 'display_name')
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          await sleep(100 + Math.random() * 400)
        }
      })
      const killer = async (): Promise<void> => {
        while (!isOver) {
          await sleep(1_000 + Math.random() * 1_000)
          const index = Math.floor(Math.random() * proxies.length)
          if (!isOver && !busy.has(proxies[index] as Running)) await replace(index)
        }
      }
      const crasher = async (): Promise<void> => {
        while (!isOver) {
          await sleep(crashEveryMs)
          await server.crash()
          crashes++
          await sleep(1_000)
          await server.start()
        }
      }
      const stopper = async (): Promise<void> => {
        while (!isOver) {
          await sleep(stopEveryMs)
          if (!isOver) await stopOne()
        }
      }
      const upstream = async (): Promise<void> => {
        while (!isOver) {
          recorder.mode = pick(['ok', 'ok', 'ok', 'down', 'reset_after_applying', 'close_idle'])
          recorder.delayMs = pick([0, 20, 300])
          await sleep(500 + Math.random() * 1_000)
        }
      }
      const troubles = [killer(), crasher(), stopper(), upstream()]
      await Promise.race([sleep(durationMs), Promise.all(troubles)])
      isOver = true
      await Promise.all([...writers, ...troubles])
      recorder.mode = 'ok'
      recorder.delayMs = 0

      // A run without these would prove nothing.
      expect(kills).toBeGreaterThan(0)
      expect(crashes).toBeGreaterThan(0)
      expect(stops).toBeGreaterThan(0)
      const acknowledged = (statuses.get(200) ?? 0) + (statuses.get(202) ?? 0)
      expect(acknowledged).toBeGreaterThan(200)
      console.log(
        `Cluster: ${acknowledged} acknowledged, ${kills} kills, ${crashes} crashes of PostgreSQL, ${stops} stops`,
      )
      await machine.expectDelivered(150_000)
      expect(recorder.overlaps).toBeLessThanOrEqual(stops)
      const admin = new pg.Client({ connectionString: url })
      await admin.connect()
      onTestFinished(() => admin.end())
      const left = async (): Promise<unknown> =>
        (
          await admin.query(
            `SELECT (SELECT count(*)::integer FROM orq.contacts WHERE payload IS NOT NULL OR parked IS NOT NULL) AS rows,
             (SELECT count(*)::integer FROM orq_pgboss.job) AS jobs`,
          )
        ).rows[0]
      await expect.poll(left, { timeout: 150_000, interval: 500 }).toEqual({ rows: 0, jobs: 0 })
      for (const proxy of proxies) proxy.kill('SIGTERM')
      expect(await Promise.all(proxies.map(({ ended }) => ended))).toEqual([0, 0, 0])
    })
  },
)
