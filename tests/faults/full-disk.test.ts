// @module-tag heavy
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMachine, type Running } from './machine.ts'
import { createMount, noMount } from './mount.ts'
import { startRecorder } from './recorder.ts'

const readiness = async (proxy: Running): Promise<number> => (await fetch(`${proxy.adminUrl}/readyz`)).status

describe.skipIf(noMount)(`a file system of its own${noMount ? ` (${noMount})` : ''}`, () => {
  test('F18: that is really full: 503, the process goes on; with room again it recovers alone, and nothing is lost', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const { folder, fill, empty } = createMount(16_000)
    const proxy = await machine.start({ folder })
    recorder.mode = 'down'
    const ballast = { metadata: { filler: 'x'.repeat(20_000) } }
    const send = async (who: string): Promise<number | undefined> =>
      (await machine.send(proxy, who, 'display_name', ballast)).status
    for (let i = 0; i < 50; i++) expect(await send(`u${i}`)).toBe(202)
    fill()
    // Room that SQLite has already is used up first.
    const statuses: (number | undefined)[] = []
    while (statuses.length < 2_000 && statuses.at(-1) !== 503) statuses.push(await send(`more${statuses.length}`))
    expect(statuses.filter((status) => status !== 202)).toEqual([503])
    expect((await fetch(`${proxy.url}/livez`)).status).toBe(200)
    empty()
    recorder.mode = 'ok'
    await expect.poll(() => readiness(proxy)).toBe(200)
    expect(await send('u1')).toBeLessThan(203)
    // What was on the wire when the disk was full waits for the end of its lease.
    await proxy.tell({ clock: { wallMs: 31_000 } })
    await machine.expectDelivered(40_000, folder)
  })

  test('F18: that is really full: what waits is delivered, and makes room, without anybody’s help', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const { folder } = createMount(16_000)
    const proxy = await machine.start({ folder })
    recorder.mode = 'down'
    const ballast = { metadata: { filler: 'x'.repeat(20_000) } }
    const send = async (who: string): Promise<number | undefined> =>
      (await machine.send(proxy, who, 'display_name', ballast)).status
    const statuses: (number | undefined)[] = []
    while (statuses.length < 2_000 && statuses.at(-1) !== 503) statuses.push(await send(`u${statuses.length}`))
    expect(statuses.at(-1)).toBe(503)
    recorder.mode = 'ok'
    await machine.expectDelivered(60_000, folder)
    // The log is emptied in the first quiet second.
    await expect.poll(() => send('u1'), { timeout: 10_000 }).toBeLessThan(203)
  })

  test('F19: that is read-only at the start: 503 and not ready; writable again it recovers alone, and all is delivered', async () => {
    const recorder = await startRecorder()
    const machine = createMachine(recorder)
    const { folder, remount } = createMount(16_000)
    recorder.mode = 'down'
    const before = await machine.start({ folder })
    for (let i = 0; i < 10; i++) expect(await machine.send(before, `u${i}`)).toMatchObject({ status: 202 })
    before.kill('SIGTERM')
    expect(await before.ended).toBe(0)
    remount('ro')
    recorder.mode = 'ok'
    const proxy = await machine.start({ folder })
    for (let i = 0; i < 5; i++) expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 503 })
    expect(await readiness(proxy)).toBe(503)
    expect((await fetch(`${proxy.url}/livez`)).status).toBe(200)
    remount('rw')
    await expect.poll(() => readiness(proxy)).toBe(200)
    // One that is not in its back-off.
    await machine.sendDelivered(proxy, 'after')
    await machine.expectDelivered(15_000, folder)
  })

  test('F19: that is read-only and has no file yet: the start refuses, and one line says what to do', async () => {
    const machine = createMachine(await startRecorder())
    const { folder, remount } = createMount(1_000)
    remount('ro')
    const { status, output } = await machine.run({ ORQ_STORE: `sqlite:${join(folder, 'orq.db')}` })
    expect(output).toMatch(/^ORQ_STORE: .*cannot be made \(EROFS\).*folder that you may write to.*\n$/)
    expect(status).toBe(2)
  })
})
