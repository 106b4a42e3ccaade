// @module-tag heavy
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, type TestContext, test } from 'vitest'
import { createMachine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

const setUp = async ({ onTestFinished }: TestContext) => {
  const recorder = await startRecorder(onTestFinished)
  return { recorder, machine: createMachine(recorder, onTestFinished) }
}
const isStopped = ({ pid }: Running): boolean =>
  execFileSync('ps', ['-o', 'state=', '-p', String(pid)])
    .toString()
    .startsWith('T')

describe.concurrent('F25: a process that is stopped past its lease', () => {
  test.for<[point: string, calls: number]>([
    ['after commit, before reply', 0],
    ['during upstream call', 1],
    ['after upstream ok, before delete', 1],
  ])(
    '%s: another one delivers what came since, and when it wakes it changes nothing',
    async ([point, calls], context) => {
      const { expect } = context
      const { recorder, machine } = await setUp(context)
      // A call that is on the wire all the while.
      if (point === 'during upstream call') recorder.delayMs = 50_000
      const stopped = await machine.start({
        script: 'tests/faults/dies.mjs',
        env: { POINT: point, SIGNAL: 'SIGSTOP' },
      })
      const first = machine.send(stopped, 'victim')
      if (point === 'during upstream call') {
        await expect.poll(() => recorder.callsOf('victim')).toBe(1)
        void stopped.tell({ stops: true })
      }
      await expect.poll(() => isStopped(stopped)).toBe(true)
      await expect.poll(() => recorder.callsOf('victim')).toBe(calls)
      recorder.delayMs = 0

      const other = await machine.start()
      expect(await machine.send(other, 'victim')).toMatchObject({ status: 202 })
      expect(await machine.send(other, 'bystander')).toMatchObject({ status: 200 })
      expect(recorder.callsOf('victim')).toBe(calls)
      await expect
        .poll(() => recorder.numbers.get('victim.display_name')?.at(-1), { timeout: 60_000, interval: 200 })
        .toBe(2)
      expect(recorder.callsOf('victim')).toBe(calls + 1)

      stopped.kill('SIGCONT')
      await first
      // Longer than a back-off and than its looks at what is due.
      await sleep(2_000)
      expect(recorder.callsOf('victim')).toBe(calls + 1)
      expect(recorder.numbers.get('victim.display_name')).toEqual(calls ? [1, 2] : [2])
      expect(recorder.most.perContact).toBe(point === 'during upstream call' ? 2 : 1)
      for (const proxy of [stopped, other]) expect([200, 202]).toContain((await machine.send(proxy, 'victim')).status)
      await machine.expectDelivered(5_000)
    },
  )
})

describe.concurrent('F26: an event loop that stands still for 5 s', () => {
  test('with calls on the wire repeats none more than once, and loses nothing of what came meanwhile', async (context) => {
    const { expect } = context
    const { recorder, machine } = await setUp(context)
    const proxy = await machine.start()
    recorder.delayMs = 500
    const people = Array.from({ length: 20 }, (_, i) => `u${i}`)
    const sent = people.map((who) => machine.send(proxy, who))
    await expect.poll(() => recorder.calls).toBe(20)
    const blocked = proxy.tell({ blockMs: 5_000 })
    await sleep(200)
    const meanwhile = people.map((who) => machine.send(proxy, who, 'tags'))
    await blocked
    for (const { status } of await Promise.all(sent)) expect([200, 202]).toContain(status)
    for (const { status } of await Promise.all(meanwhile)) expect([200, 202]).toContain(status)
    for (const who of people) expect([200, 202]).toContain((await machine.send(proxy, who, 'tags')).status)
    await machine.expectDelivered(10_000)
    expect(recorder.most.perContact).toBe(1)
    for (const who of people) expect(recorder.numbers.get(`${who}.display_name`)?.length).toBeLessThanOrEqual(2)
  })
})

describe.concurrent('F26: an event loop that stands still for longer than a connection may be idle', () => {
  test('answers what was sent meanwhile on connections that were idle before', async (context) => {
    const { expect } = context
    const { recorder, machine } = await setUp(context)
    const proxy = await machine.start()
    const people = Array.from({ length: 20 }, (_, i) => `u${i}`)
    recorder.delayMs = 300 // so that each has a connection of its own
    await Promise.all(people.map((who) => machine.sendDelivered(proxy, who)))
    await machine.expectDelivered(20_000)
    // 5 s, and a second that Node adds.
    const blocked = proxy.tell({ blockMs: 7_000 })
    await sleep(200)
    const calls = recorder.calls
    const meanwhile = people.map((who) => machine.send(proxy, who, 'tags'))
    await sleep(1_000)
    expect(recorder.calls).toBe(calls)
    await blocked
    for (const { status } of await Promise.all(meanwhile)) expect([200, 202]).toContain(status)
    await machine.expectDelivered(10_000)
    expect(recorder.most.perContact).toBe(1)
  })
})

const hourMs = 3_600_000

describe.concurrent('F24: a clock that jumps', () => {
  test.for([
    ['an hour ahead', hourMs],
    ['an hour back', -hourMs],
  ] as const)('%s: what waits is tried at its pace without a busy loop, and arrives', async ([, wallMs], context) => {
    const { expect } = context
    const { recorder, machine } = await setUp(context)
    const proxy = await machine.start()
    recorder.mode = 'down'
    for (let i = 0; i < 20; i++) expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 202 })
    machine.backendAheadMs = wallMs
    const before = await proxy.tell({ clock: { wallMs } })
    const calls = recorder.calls
    const start = performance.now()
    await sleep(3_000)
    const used = (await proxy.tell()).cpuMs - before.cpuMs
    // A loop without a rest would use all of it.
    expect(used / (performance.now() - start)).toBeLessThan(0.5)
    expect(recorder.calls - calls).toBeLessThan(10)
    expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    recorder.mode = 'ok'
    await machine.expectDelivered(20_000)
    expect(await machine.send(proxy, 'u2')).toMatchObject({ status: 200 })
    expect(recorder.most.perContact).toBe(1)
    await machine.expectDelivered(3_000)
  })

  test('an hour back while a call is on the wire: its contact is not called twice at once', async (context) => {
    const { expect } = context
    const { recorder, machine } = await setUp(context)
    const proxy = await machine.start()
    recorder.delayMs = 3_000
    const sent = machine.send(proxy, 'u1')
    await expect.poll(() => recorder.calls).toBe(1)
    await proxy.tell({ clock: { wallMs: -hourMs } })
    await sent
    machine.backendAheadMs = -hourMs
    recorder.delayMs = 0
    expect([200, 202]).toContain((await machine.send(proxy, 'u1')).status)
    await machine.expectDelivered(10_000)
    expect(recorder.most.perContact).toBe(1)
  })

  test('an hour back: a contact that was to wait ten minutes is due now', async (context) => {
    const { expect } = context
    const { recorder, machine } = await setUp(context)
    const proxy = await machine.start()
    // Of this contact alone: 500 says nothing about the others.
    recorder.script = ({ before }) => (before ? undefined : { status: 500, headers: { 'retry-after': '600' } })
    expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    await sleep(2_000)
    expect(recorder.calls).toBe(1)
    await proxy.tell({ clock: { wallMs: -hourMs } })
    await machine.expectDelivered(10_000)
    expect(recorder.calls).toBe(2)
  })

  test('20 s either way: tokens are taken; an hour: they are refused, for they could be anybody’s old ones', async (context) => {
    const { expect } = context
    const { machine } = await setUp(context)
    const proxy = await machine.start()
    const statusAt = async (wallMs: number): Promise<number | undefined> => {
      await proxy.tell({ clock: { wallMs } })
      return (await machine.send(proxy, 'u1')).status
    }
    const lifeMs = 900_000
    expect(await statusAt(lifeMs + 20_000)).toBe(200)
    expect(await statusAt(lifeMs + 40_000)).toBe(401)
    expect(await statusAt(hourMs)).toBe(401)
    expect(await statusAt(-20_000)).toBe(200)
    expect(await statusAt(-40_000)).toBe(401)
    expect(await statusAt(-hourMs)).toBe(401)
    expect(await statusAt(0)).toBe(200)
    await machine.expectDelivered(3_000)
  })
})
