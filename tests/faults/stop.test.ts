// @module-tag heavy
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createMachine, pastLeases, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

/** What a new connection meets. */
const knock = ({ url }: Running): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve('open')
    })
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message))
  })

test('F16: SIGTERM with 100 requests in flight: all are answered, the rest is in the store, status 0', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  recorder.delayMs = 4_000
  const first = await machine.start()
  const sent = Array.from({ length: 100 }, (_, i) => machine.send(first, `u${i}`))
  await expect.poll(() => recorder.calls).toBeGreaterThan(30)
  const start = performance.now()
  first.kill('SIGTERM')
  expect(new Set((await Promise.all(sent)).map(({ status }) => status))).toEqual(new Set([202]))
  await expect.poll(first.output).toContain('"event":"stopping"')
  expect(await knock(first)).toBe('ECONNREFUSED')
  expect(await first.ended).toBe(0)
  expect(performance.now() - start).toBeLessThan(10_000)
  recorder.delayMs = 0
  await machine.start()
  // Leases were given back: the next process waits for none.
  await machine.expectDelivered(15_000)
})

test.each([
  ['for two seconds more', 2_000],
  ['until it has ended', undefined],
])(
  'F16: SIGTERM under load while another process holds the file, %s: status 0, and nothing is lost',
  async (_, heldMs) => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const first = await machine.start()
    let isOver = false
    const statuses = new Set<number | undefined>()
    const pages = Array.from({ length: 50 }, async (_, i) => {
      for (let n = 0; !isOver; n++) {
        const { status } = await machine.send(first, `u${i}-${n % 5}`)
        statuses.add(status)
        await sleep(status ? 5 : 50)
      }
    })
    await expect.poll(() => machine.acknowledged.size).toBeGreaterThan(200)
    const other = new DatabaseSync(join(machine.folder, 'orq.db'), { timeout: 5_000 })
    other.exec('BEGIN IMMEDIATE')
    first.kill('SIGTERM')
    if (heldMs !== undefined) {
      await sleep(heldMs)
      other.exec('COMMIT')
    }
    expect(await first.ended).toBe(0)
    isOver = true
    await Promise.all(pages)
    // Nobody is there in the end; before that whoever could not be written was told so.
    expect([...statuses].filter((status) => ![200, 202, 503, undefined].includes(status))).toEqual([])
    if (heldMs === undefined) other.exec('COMMIT')
    other.close()
    // What could not be given back waits for the end of its lease.
    await machine.start({ env: pastLeases })
    await machine.expectDelivered(20_000)
  },
)

test('F17: SIGTERM, then SIGKILL a moment later: nothing is lost', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  recorder.delayMs = 8_000
  const first = await machine.start()
  const sent = Array.from({ length: 80 }, (_, i) => machine.send(first, `u${i}`))
  await Promise.all(sent)
  first.kill('SIGTERM')
  setTimeout(() => first.kill('SIGKILL'), 1_000)
  await first.ended
  recorder.delayMs = 0
  // What was on the wire is sent once more when its lease is over.
  await machine.start({ env: pastLeases })
  await machine.expectDelivered(20_000)
})
