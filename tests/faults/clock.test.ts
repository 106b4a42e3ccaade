import { setTimeout as sleep } from 'node:timers/promises'
import { describe, type TestContext, test } from 'vitest'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

const hourMs = 3_600_000

describe.concurrent('F24: a clock that jumps', () => {
  const setUp = async ({ onTestFinished }: TestContext) => {
    const recorder = await startRecorder(onTestFinished)
    const machine = createMachine(recorder, onTestFinished)
    return { recorder, machine, proxy: await machine.start() }
  }

  test.for([
    ['an hour ahead', hourMs],
    ['an hour back', -hourMs],
  ] as const)('%s: what waits is tried at its pace without a busy loop, and arrives', async ([, wallMs], context) => {
    const { expect } = context
    const { recorder, machine, proxy } = await setUp(context)
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
    const { recorder, machine, proxy } = await setUp(context)
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
    const { recorder, machine, proxy } = await setUp(context)
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
    const { machine, proxy } = await setUp(context)
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
