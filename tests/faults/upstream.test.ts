// @module-tag heavy
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, type TestContext, test } from 'vitest'
import { announce, isLong } from '../soak.ts'
import { createMachine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

const setUp = async ({ onTestFinished }: Pick<TestContext, 'onTestFinished'>, env?: Record<string, string>) => {
  const recorder = await startRecorder(onTestFinished)
  const machine = createMachine(recorder, onTestFinished)
  const proxy = await machine.start(env ? { env } : {})
  return { recorder, machine, proxy }
}
/**
 * Time goes by at once: both clocks of the process go forward, to so much ahead of the real ones, which go on as well. What
 * must not have happened yet is looked for long before it is due: on a busy machine seconds pass between two lines.
 */
const pass = (proxy: Running, ms: number) => proxy.tell({ clock: { wallMs: ms, monotonicMs: ms } })
/** Longer than the proxy's look at what is due. */
const aLook = (): Promise<void> => sleep(1_200)
const ready = async (proxy: Running): Promise<number> => (await fetch(`${proxy.adminUrl}/readyz`)).status

test.concurrent('F1: upstream answers 503 for a while: 202, ready all the time, and after it every newest value', {
  timeout: 900_000,
}, async (context) => {
  const downMs = isLong ? 600_000 : 3_000
  announce('Upstream is away under a steady load', downMs)
  const { recorder, machine, proxy } = await setUp(context, { ORQ_UPSTREAM_CONCURRENCY: '8' })
  recorder.mode = 'down'
  const statuses = new Set<number | undefined>()
  const end = performance.now() + downMs
  for (let i = 0; performance.now() < end; i++) {
    const sent = await Promise.all(Array.from({ length: 20 }, (_, j) => machine.send(proxy, `u${j + 20 * (i % 10)}`)))
    for (const { status } of sent) statuses.add(status)
    if (isLong) await sleep(500)
  }
  expect(statuses).toEqual(new Set([202]))
  expect(await ready(proxy)).toBe(200)
  // One probe at a time, not one call per update.
  expect(recorder.calls).toBeLessThan(isLong ? 1_000 : 40)
  recorder.mode = 'ok'
  await machine.expectDelivered(isLong ? 90_000 : 20_000)
  expect(recorder.most).toMatchObject({ perContact: 1 })
  expect(recorder.most.all).toBeLessThanOrEqual(8)
})

const inHalfAMinute = (): string => new Date(Date.now() + 30_000).toUTCString()

describe.concurrent('F2: 429 with Retry-After', () => {
  test.for<[string, string, number, number]>([
    ['30: all contacts wait 30 s', '30', 15_000, 31_000],
    ['of a date: all contacts wait until then', inHalfAMinute(), 15_000, 31_000],
    ['999999: all contacts wait an hour', '999999', 3_590_000, 3_601_000],
  ])('%s', async ([, header, early, late], context) => {
    const { recorder, machine, proxy } = await setUp(context)
    recorder.script = ({ id, before }) =>
      id === 'u1' && !before ? { status: 429, headers: { 'retry-after': header } } : undefined
    context.expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    for (const who of ['u2', 'u3']) context.expect(await machine.send(proxy, who)).toMatchObject({ status: 202 })
    await pass(proxy, early)
    await aLook()
    context.expect(recorder.calls).toBe(1)
    await pass(proxy, late)
    await machine.expectDelivered(10_000)
    context.expect(recorder.calls).toBe(4)
  })

  test.for([
    ['that cannot be read: the usual back-off of that contact', 'soon'],
    ['-1: the same', '-1'],
    ['0: the same', '0'],
  ])('%s', async ([, header], context) => {
    const { recorder, machine, proxy } = await setUp(context)
    recorder.script = ({ id, before }) =>
      id === 'u1' && !before ? { status: 429, headers: { 'retry-after': header as string } } : undefined
    context.expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    context.expect(await machine.send(proxy, 'u2')).toMatchObject({ status: 200 })
    // In real time: nothing waits for a minute here.
    await machine.expectDelivered(10_000)
    context.expect(recorder.callsOf('u1')).toBe(2)
  })
})

describe.concurrent('upstream', () => {
  test('F3: that answers 500, 502, 504 in turn is tried again, and gets the newest value once', async (context) => {
    const { recorder, machine, proxy } = await setUp(context)
    recorder.script = ({ before, fields }) => {
      if (before < 3) return { status: [500, 502, 504][before] as number }
      // On a machine that stands still for seconds the last of the five may not have come yet.
      return fields['display_name'] === '5' ? undefined : { status: 503 }
    }
    const start = performance.now()
    for (let i = 0; i < 5; i++) context.expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
    const hasStoodStill = performance.now() - start > 1_900
    await machine.expectDelivered(20_000)
    context.expect(recorder.numbers.get('u1.display_name')).toEqual([5])
    if (!hasStoodStill) context.expect(recorder.callsOf('u1')).toBe(4)
  })

  test('F4: that refuses one field gets the others; the field is parked with status and code until a later value of it', async (context) => {
    const { recorder, machine, proxy } = await setUp(context)
    const refused = '1'
    recorder.script = ({ fields }) => (fields['display_name'] === refused ? { status: 422 } : undefined)
    recorder.delayMs = 300
    // Joined while the first one of the contact is on the wire.
    const first = machine.send(proxy, 'u1')
    await machine.send(proxy, 'other')
    await Promise.all([first, machine.send(proxy, 'u1', 'tags')])
    await context.expect.poll(() => recorder.numbers.get('u1.tags')).toEqual([3])
    context.expect(recorder.numbers.get('u1.display_name')).toBeUndefined()
    const file = new DatabaseSync(`${machine.folder}/orq.db`, { readOnly: true, timeout: 5_000 })
    context.onTestFinished(() => file.close())
    const parked = file.prepare('SELECT parked FROM contacts WHERE parked IS NOT NULL')
    await context.expect.poll(() => parked.all()).toHaveLength(1)
    const { fields } = JSON.parse(parked.get()?.['parked'] as string)
    const [value, reason, ...times] = fields.display_name
    context.expect(Object.keys(fields)).toEqual(['display_name'])
    context.expect([value, reason]).toEqual([refused, '422 refused'])
    context.expect(times).toEqual([context.expect.any(Number), context.expect.any(Number)])
    await machine.send(proxy, 'u1')
    await machine.expectDelivered(5_000)
    await context.expect.poll(() => parked.all()).toEqual([])
  })

  test.for([401, 403, 404, 302])(
    'F5: that answers %i to one contact gets the others; that one waits a minute',
    async (status, context) => {
      const { recorder, machine, proxy } = await setUp(context)
      recorder.script = ({ id, before }) => (id === 'u1' && !before ? { status } : undefined)
      context.expect(await machine.send(proxy, 'u1')).toMatchObject({ status: 202 })
      for (const who of ['u2', 'u3', 'u4'])
        context.expect(await machine.send(proxy, who)).toMatchObject({ status: 200 })
      await pass(proxy, 40_000)
      await aLook()
      context.expect(recorder.callsOf('u1')).toBe(1)
      await pass(proxy, 61_000)
      await machine.expectDelivered(5_000)
    },
  )

  test.for([401, 403, 404, 302])(
    'F5: that answers %i to all is left alone but for a probe a minute; ready, one line says so, and after the fix all arrive',
    async (status, context) => {
      const { recorder, machine, proxy } = await setUp(context)
      recorder.script = () => ({ status })
      for (let i = 0; i < 10; i++) context.expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 202 })
      context.expect(recorder.calls).toBe(3)
      context.expect(await ready(proxy)).toBe(200)
      const lines = () => proxy.output().match(/turns updates away.*ORQ_API_KEY/g)
      await context.expect.poll(lines).toHaveLength(1)
      await pass(proxy, 61_000)
      await context.expect.poll(() => recorder.calls).toBe(4)
      recorder.script = () => undefined
      // Twice: the answer to the probe may come to be read after the first.
      await pass(proxy, 190_000)
      await aLook()
      await pass(proxy, 320_000)
      await machine.expectDelivered(10_000)
    },
  )
})

test('F12: an idle connection that upstream closes is no failure', async (context) => {
  const { recorder, machine, proxy } = await setUp(context)
  recorder.mode = 'close_idle'
  for (let i = 0; i < 40; i++) {
    await machine.sendDelivered(proxy, `u${i}`)
    // The moment of closing and of the next use come to coincide.
    await sleep(i % 8)
  }
  await machine.expectDelivered(3_000)
})
