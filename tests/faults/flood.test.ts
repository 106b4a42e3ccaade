// @module-tag heavy
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite.ts'
import { announce, isLong } from '../soak.ts'
import { createMachine, type Machine, pastLeases, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

const smallHeap = ['--max-old-space-size=64']
const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

test('F31: a hot contact has one call on the wire, few in all, and delays no other', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  recorder.delayMs = 50
  let isOver = false
  let updates = 0
  const start = performance.now()
  const hot = Array.from({ length: 50 }, async () => {
    while (!isOver) {
      await machine.send(proxy, 'hot')
      updates++
    }
  })
  /** How many calls of the hot contact began while another contact waited for its answer; upstream is the clock. */
  const waits: number[] = []
  for (let i = 0; i < 20; i++) {
    const before = { updates, calls: recorder.callsOf('hot') }
    await machine.sendDelivered(proxy, `cold${i}`)
    waits.push(recorder.callsOf('hot') - before.calls)
    // It is really being written all the while.
    await expect.poll(() => updates).toBeGreaterThan(before.updates)
  }
  isOver = true
  await Promise.all(hot)
  const tookMs = performance.now() - start
  await machine.expectDelivered(5_000)
  const calls = recorder.callsOf('hot')
  console.log(
    `F31: ${Math.round((updates / tookMs) * 1_000)} updates/s of one contact in ${calls} calls; at most ${Math.max(...waits)} of them while another waited`,
  )
  // A call of its own takes as long as one of the hot contact: it waits for no more than the two that it may overlap, and
  // not for the second that 20 of them take.
  expect(Math.max(...waits)).toBeLessThan(20)
  expect(recorder.most.perContact).toBe(1)
  // One at a time, each as long as upstream takes; what comes meanwhile is joined.
  expect(calls).toBeLessThanOrEqual(tookMs / 49 + 2)
  expect(calls).toBeLessThan(updates / 5)
})

const backlog = Number(process.env['ORQ_BACKLOG'] ?? (isLong ? 1_000_000 : 20_000))

test(`F32: ${backlog} contacts wait when upstream returns: oldest first, and no more memory than for a few`, {
  timeout: 3_600_000,
}, async () => {
  // Some minutes to fill the file with a million, some more to empty it: about 3 000 a second each.
  announce(`${backlog} contacts wait when upstream returns`, (backlog / 3_000) * 2_000)
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const store = sqlite({ path: join(machine.folder, 'orq.db') })
  for (let i = 0; i < backlog; i += 1_000)
    await Promise.all(
      Array.from({ length: Math.min(1_000, backlog - i) }, (_, j) =>
        store.put({ externalId: `u${i + j}`, fields: { display_name: `${i + j}` } }, { claim: false }),
      ),
    )
  await store.close()
  recorder.mode = 'down'
  const proxy = await machine.start({ flags: ['--expose-gc'] })
  expect(await machine.send(proxy, 'late')).toMatchObject({ status: 202 })
  await sleep(1_000)
  const { heapUsed: atFirst, cpuMs } = await proxy.tell()
  const hasFailed = new Set<string>()
  for (let i = 0; i < backlog; i++) if (recorder.callsOf(`u${i}`)) hasFailed.add(`u${i}`)
  recorder.mode = 'ok'
  const start = performance.now()
  let most = atFirst
  while (recorder.numbers.size < backlog + 1) {
    await sleep(500)
    most = Math.max(most, (await proxy.tell()).heapUsed)
  }
  const rate = Math.round((backlog / (performance.now() - start)) * 1_000)
  const usedMs = Math.round((await proxy.tell()).cpuMs - cpuMs)
  console.log(
    `F32: ${backlog} delivered at ${rate}/s, ${usedMs} ms of processor time; ${megabytes(atFirst)} MB of heap in use at first, at most ${megabytes(most)} MB`,
  )
  expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(200)
  // What failed while upstream was away comes when its back-off is over, and makes room for the others.
  let behind = 0
  let position = 0
  for (const key of recorder.numbers.keys()) {
    const [, number] = /^u(\d+)\./.exec(key) ?? []
    if (number !== undefined && !hasFailed.has(`u${number}`)) behind = Math.max(behind, position - Number(number))
    position++
  }
  expect(behind).toBeLessThan(1_000)
  expect(most).toBeLessThan(atFirst + 32 * 2 ** 20)
  expect(recorder.most.perContact).toBe(1)
  await machine.expectDelivered(60_000)
})

describe('F33: a heap of 64 MB', () => {
  const ballast = { metadata: { filler: 'x'.repeat(20_000) } }
  /** 100 pages that send large updates one after the other, until told. */
  const flood = (machine: Machine, to: () => Running) => {
    let isOver = false
    const statuses = new Map<number | undefined, number>()
    const pages = Array.from({ length: 100 }, async (_, i) => {
      for (let n = 0; !isOver; n++) {
        const { status } = await machine.send(to(), `u${i + 100 * (n % 5)}`, 'display_name', ballast)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (!status) await sleep(50)
      }
    })
    return {
      statuses,
      end: async () => {
        isOver = true
        await Promise.all(pages)
      },
    }
  }

  const floodMs = isLong ? 60_000 : 2_000
  test('under a flood of large updates holds, and takes them all', { timeout: floodMs + 120_000 }, async () => {
    announce('A flood of large updates on a heap of 64 MB', floodMs)
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const proxy = await machine.start({ flags: smallHeap })
    recorder.mode = 'down'
    const flooding = flood(machine, () => proxy)
    await sleep(floodMs)
    await flooding.end()
    console.log(`F33: ${flooding.statuses.get(202)} updates of 20 kB, ${megabytes((await proxy.tell()).rss)} MB`)
    expect([...flooding.statuses.keys()]).toEqual([202])
    recorder.mode = 'ok'
    await machine.expectDelivered(60_000)
  })

  test('that is full ends the process in the middle of a flood, and nothing is lost', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    let current = await machine.start({ flags: smallHeap })
    const flooding = flood(machine, () => current)
    await sleep(1_000)
    void current.tell({ exhausts: true }).catch(() => {})
    expect(await current.ended).not.toBe(0)
    expect(current.output()).toMatch(/heap out of memory/)
    current = await machine.start({ flags: smallHeap, env: pastLeases })
    await sleep(1_000)
    await flooding.end()
    expect(machine.acknowledged.size).toBeGreaterThan(50)
    await machine.expectDelivered(20_000)
  })
})
