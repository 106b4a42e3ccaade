// @module-tag heavy
import { describe, type TestContext, test } from 'vitest'
import { createMachine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'
import { startWire } from './wire.ts'

/** The connections between proxy and upstream do what they like; what is acknowledged arrives all the same. */
describe.concurrent('the network', () => {
  const setUp = async ({ onTestFinished }: TestContext) => {
    const recorder = await startRecorder(onTestFinished)
    const wire = await startWire(recorder.url, onTestFinished)
    const machine = createMachine(recorder, onTestFinished)
    const proxy = await machine.start({ env: { ORQ_SERVER_URL: wire.url, ORQ_UPSTREAM_CONCURRENCY: '8' } })
    const sendAll = async (count: number, to: Running = proxy): Promise<Set<number | undefined>> => {
      const sent = await Promise.all(Array.from({ length: count }, (_, i) => machine.send(to, `u${i}`)))
      return new Set(sent.map(({ status }) => status))
    }
    return { recorder, wire, machine, proxy, sendAll }
  }

  test('F6: a call that hangs is given up after 10 s and made again; the page has had its 202 long before', async (context) => {
    const { recorder, wire, machine, sendAll } = await setUp(context)
    wire.fault = { hangs: true }
    const start = performance.now()
    context.expect(await sendAll(1)).toEqual(new Set([202]))
    const answeredMs = performance.now() - start
    wire.fault = {}
    await machine.expectDelivered(30_000)
    const deliveredMs = performance.now() - start
    context.expect(recorder.calls).toBe(1)
    context.expect(answeredMs).toBeLessThan(deliveredMs)
    context.expect(deliveredMs).toBeGreaterThan(9_900)
  })

  test('F7: a connection that is reset before the request arrives: made again', async (context) => {
    const { recorder, wire, machine, sendAll } = await setUp(context)
    wire.fault = { resets: 'before' }
    context.expect(await sendAll(4)).toEqual(new Set([202]))
    context.expect(recorder.calls).toBe(0)
    wire.fault = {}
    await machine.expectDelivered(20_000)
    context.expect(recorder.most.perContact).toBe(1)
  })

  test('F8: a connection that is reset after the update was applied: sent again, same final state', async (context) => {
    const { recorder, wire, machine, proxy } = await setUp(context)
    wire.fault = { resets: 'after' }
    for (let i = 0; i < 3; i++) context.expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    context.expect(recorder.numbers.get('u1.display_name')?.at(-1)).toBeGreaterThan(0)
    wire.fault = {}
    await machine.expectDelivered(20_000)
    context.expect(recorder.numbers.get('u1.display_name')?.at(-1)).toBe(3)
  })

  test('F9: answers that take 5 s: 202 for all, no more connections than the cap, and every newest value', async (context) => {
    const { recorder, wire, machine, sendAll } = await setUp(context)
    wire.fault = { latencyMs: [4_500, 6_000] }
    context.expect(await sendAll(40)).toEqual(new Set([202]))
    context.expect(await sendAll(40)).toEqual(new Set([202]))
    wire.fault = {}
    await machine.expectDelivered(60_000)
    context.expect(wire.most).toBeLessThanOrEqual(8)
    context.expect(recorder.most.all).toBeLessThanOrEqual(8)
    context.expect(recorder.most.perContact).toBe(1)
  })

  test.for([1, 1_024])(
    'F9: answers of %i bytes a second: 202, no more connections than the cap, and every newest value',
    async (bytesPerSecond, context) => {
      const { wire, machine, sendAll } = await setUp(context)
      wire.fault = { bytesPerSecond }
      const statuses = await sendAll(24)
      // At 1 kB/s an answer takes a fifth of a second, and eight at a time are in time for some.
      context.expect([...statuses].filter((status) => status !== 202 && status !== 200)).toEqual([])
      if (bytesPerSecond === 1) context.expect(statuses).toEqual(new Set([202]))
      wire.fault = {}
      await machine.expectDelivered(40_000)
      context.expect(wire.most).toBeLessThanOrEqual(16)
    },
  )

  test.for([
    ['in its status line', 7],
    ['in its headers', 40],
    ['in its body', -15],
  ] as const)('F10: an answer cut short %s says nothing: sent again', async ([, answerBytes], context) => {
    const { recorder, wire, machine, sendAll } = await setUp(context)
    wire.fault = { answerBytes }
    context.expect(await sendAll(2)).toEqual(new Set([202]))
    context.expect(recorder.callsOf('u0')).toBeGreaterThan(0)
    wire.fault = {}
    await machine.expectDelivered(20_000)
    context.expect(recorder.callsOf('u0')).toBeGreaterThan(1)
  })
})
