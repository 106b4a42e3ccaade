// @module-tag heavy
import { readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runQueue } from '../node/run-queue.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

/** How many processes hold a file open or wait for it, as the kernel lists them. */
const usersOf = (path: string): number => {
  const opens = (pid: string): boolean => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path)
    } catch {
      return false // it has ended, or closed the file meanwhile
    }
  }
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && opens(name)).length
}

describe.concurrent('a second proxy on the same file', () => {
  test('refuses in one line with a hint, while the first goes on and queue commands work beside it', async ({
    onTestFinished,
  }) => {
    const recorder = await startRecorder(onTestFinished)
    const machine = createMachine(recorder, onTestFinished)
    const first = await machine.start()
    let isOver = false
    const second = machine.run().finally(() => {
      isOver = true
    })
    let sent = 0
    for (; !isOver; sent++) {
      expect(await machine.send(first, `u${sent % 9}`)).toMatchObject({ status: 200 })
      expect(await runQueue(machine.folder, ['stats'])).toMatchObject({ status: 0, err: '' })
    }
    const { status, output } = await second
    expect(output).toMatch(
      /^ORQ_STORE: the store .*orq\.db is used by another proxy; stop that one, or name a file of its own.*PostgreSQL.*\n$/,
    )
    expect(status).toBe(2)
    expect(sent).toBeGreaterThan(1)
    await machine.expectDelivered(5_000)
  })

  test.skipIf(process.platform !== 'linux')(
    'waits for the first to end that was told to, and goes on with what that one leaves',
    async ({ onTestFinished }) => {
      const recorder = await startRecorder(onTestFinished)
      const machine = createMachine(recorder, onTestFinished)
      recorder.delayMs = 6_000
      const first = await machine.start()
      const sent = Array.from({ length: 80 }, (_, i) => machine.send(first, `u${i}`))
      await expect.poll(() => recorder.calls).toBe(64)
      let hasStarted = false
      const second = machine.start().then(() => {
        hasStarted = true
      })
      const lock = join(realpathSync(machine.folder), 'orq.db-lock')
      await expect.poll(() => usersOf(lock)).toBe(2)
      expect(hasStarted).toBe(false)
      first.kill('SIGTERM')
      expect(new Set((await Promise.all(sent)).map(({ status }) => status))).toEqual(new Set([202]))
      expect(await first.ended).toBe(0)
      recorder.delayMs = 0
      await second
      await machine.expectDelivered(10_000)
      expect(recorder.most.perContact).toBe(1)
    },
  )

  test('starts when the first was killed, however often', async ({ onTestFinished }) => {
    const recorder = await startRecorder(onTestFinished)
    const machine = createMachine(recorder, onTestFinished)
    for (let round = 0; round < 3; round++) {
      const proxy = await machine.start()
      expect(await machine.send(proxy, `u${round}`)).toMatchObject({ status: 200 })
      proxy.kill('SIGKILL')
      await proxy.ended
    }
  })
})
