import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite.ts'
import { isAll } from '../is-all.ts'
import { createMachine, isLong, type Machine, pastLeases, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

const smallHeap = ['--max-old-space-size=64']
const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

test('F31: a hot contact has one call on the wire, few in all, and delays no other', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const proxy = await machine.start()
  recorder.delayMs = 50
  const hot: Promise<unknown>[] = []
  const start = performance.now()
  let isOver = false
  const heat = (async () => {
    // A thousand a second, whether they are answered or not.
    for (let i = 0; !isOver; i++) {
      while (hot.length < performance.now() - start && hot.length < (i + 1) * 50) hot.push(machine.send(proxy, 'hot'))
      await sleep(10)
    }
  })()
  const times: number[] = []
  for (let i = 0; i < 20; i++) {
    const asked = performance.now()
    expect((await machine.send(proxy, `cold${i}`)).status).toBe(200)
    times.push(performance.now() - asked)
    await sleep(50)
  }
  isOver = true
  await heat
  await Promise.all(hot)
  await machine.expectDelivered(5_000)
  const calls = recorder.callsOf('hot')
  console.log(
    `F31: ${Math.round((hot.length / (performance.now() - start)) * 1_000)} updates/s of one contact in ${calls} calls; others at most ${Math.round(Math.max(...times))} ms`,
  )
  expect(Math.max(...times)).toBeLessThan(1_000)
  expect(recorder.most.perContact).toBe(1)
  expect(calls).toBeLessThan(hot.length / 5)
})

const backlog = isLong ? 1_000_000 : isAll ? 20_000 : 3_000

test(`F32: ${backlog} contacts wait when upstream returns: oldest first, and no more memory than for a few`, {
  timeout: 3_600_000,
}, async () => {
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
  const proxy = await machine.start({ flags: smallHeap })
  expect(await machine.send(proxy, 'late')).toMatchObject({ status: 202 })
  const atFirst = (await proxy.tell()).rss
  await sleep(2_000)
  const failed = new Set(Array.from({ length: backlog }, (_, i) => `u${i}`).filter((id) => recorder.callsOf(id)))
  recorder.mode = 'ok'
  const start = performance.now()
  let most = 0
  while (recorder.numbers.size < backlog + 1) {
    await sleep(500)
    most = Math.max(most, (await proxy.tell()).rss)
    expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(200)
  }
  const rate = Math.round((backlog / (performance.now() - start)) * 1_000)
  console.log(
    `F32: ${backlog} delivered at ${rate}/s; ${megabytes(atFirst)} MB at first, at most ${megabytes(most)} MB`,
  )
  // What failed while upstream was away comes when its back-off is over.
  const order = [...recorder.numbers.keys()].map((key) => key.split('.')[0] as string).filter((id) => !failed.has(id))
  const behind = order.map((id, position) => (id === 'late' ? 0 : position - Number(id.slice(1))))
  expect(Math.max(...sample(behind))).toBeLessThan(2_000)
  expect(most).toBeLessThan(300 * 2 ** 20)
  expect(recorder.most.perContact).toBe(1)
  await machine.expectDelivered(60_000)
})

/** `Math.max` takes no million arguments. */
const sample = (values: readonly number[]): number[] => [values.reduce((most, value) => Math.max(most, value), 0)]

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

  test('under a flood of large updates holds, and takes them all', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const proxy = await machine.start({ flags: smallHeap })
    recorder.mode = 'down'
    const flooding = flood(machine, () => proxy)
    await sleep(isLong ? 60_000 : 3_000)
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
