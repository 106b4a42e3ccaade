// @module-tag heavy
import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

const rows = 3_600
const pageBytes = 4_096
/** Above this the start does not read the whole file, which would take seconds. */
const largestCheckedBytes = 64 * 2 ** 20

test('F21: a file above 64 MB that is damaged in the middle: the start refuses, or all stops where it is met, with a copy and a line that says so', async () => {
  const recorder = await startRecorder()
  const machine = createMachine(recorder)
  const path = join(machine.folder, 'orq.db')
  const store = sqlite({ path })
  for (let i = 0; i < rows; i += 200)
    await Promise.all(
      Array.from({ length: 200 }, (_, j) =>
        store.put(
          {
            externalId: `u${i + j}`,
            fields: { display_name: `${i + j + 1}`, metadata: { filler: 'x'.repeat(20_000) } },
          },
          { claim: false },
        ),
      ),
    )
  await store.close()
  const { size } = statSync(path)
  expect(size).toBeGreaterThan(largestCheckedBytes)
  const file = openSync(path, 'r+')
  // More pages than a row takes: the last one of a row alone is no damage of the file, but a row that cannot be read.
  const bytes = 8 * pageBytes
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, Math.floor(size / 2 / pageBytes) * pageBytes)
  closeSync(file)
  const started = await machine.start().catch((error: Error) => error.message)
  if (typeof started === 'string') {
    expect(started).toMatch(/ORQ_STORE: .* is damaged; a copy of it is /)
    return
  }
  // Too large to be read whole at the start, it goes on until it meets the damage; then nothing more is taken or sent.
  const problems = () =>
    started
      .output()
      .split('\n')
      .filter((line) => line.includes('"store_failed"'))
      .map((line) => JSON.parse(line).problem)
  await expect.poll(problems, { timeout: 60_000 }).toContainEqual(expect.stringMatching(/damaged; a copy of it is /))
  expect(recorder.numbers.size).toBeGreaterThan(0)
  expect((await fetch(`${started.adminUrl}/readyz`)).status).toBe(503)
  expect(await machine.send(started, 'new')).toMatchObject({ status: 503 })
})
