import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createGroupCommit } from '../../src/store/sqlite/group-commit.ts'
import { fullError } from '../../src/store/sqlite/open.ts'
import { sqlite } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'

let folder: string
let path: string
let store: Store
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-broken-'))
  path = join(folder, 'orq.db')
  store = sqlite({ path, collectMs: 0 })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const people = 300
const put = (n: number) =>
  store.put({ externalId: `u${n}`, fields: { display_name: 'x'.repeat(20_000) } }, { claim: false })

/** More than SQLite keeps in memory, all of it in the file itself. */
const fill = async (bytes = 0): Promise<void> => {
  for (let n = 0; n < people; n++) await put(n)
  const other = new DatabaseSync(path)
  other.exec(`CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(${bytes}))`)
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  other.close()
}

/** Whoever reads finds no page of a database from here on, but for the first ones. */
const damage = (): void => {
  const file = openSync(path, 'r+')
  const garbage = Buffer.alloc(2 ** 20, 0xff)
  for (let at = 2 ** 20; at < 6 * 2 ** 20; at += garbage.length) writeSync(file, garbage, 0, garbage.length, at)
  closeSync(file)
}

/** Uses the file until it is found broken. */
const meet = async (): Promise<void> => {
  const found = await Promise.allSettled(Array.from({ length: people }, (_, n) => put(n)))
  expect(found.map(({ status }) => status)).toContain('rejected')
}
/** The store opens the file anew at most once a second. */
const nextError = async (): Promise<string> => {
  await sleep(1_100)
  return put(0).then(
    () => 'no error',
    (error: Error) => error.message,
  )
}

describe('a file that breaks while it is used', () => {
  test('and is gone: none is made in its place', async () => {
    await fill()
    damage()
    renameSync(path, `${path}.away`)
    await meet()
    expect(await nextError()).toBe(`${path} is gone; put it back, or start again without what waits in it`)
    expect(existsSync(path)).toBe(false)
  })

  test('with another store in its place: nothing is written into that', async () => {
    await fill()
    damage()
    renameSync(path, `${path}.away`)
    const other = sqlite({ path, shared: true })
    await other.close()
    await meet()
    expect(await nextError()).toContain('is another file than the one that was open')
  })

  test('is copied aside, and that is said, also where it is too large to be read at every start', async () => {
    await fill(70 * 2 ** 20)
    damage()
    expect(statSync(path).size).toBeGreaterThan(64 * 2 ** 20)
    await meet()
    const message = await nextError()
    const [copy] = readdirSync(folder).filter((name) => name.includes('.damaged-'))
    expect(message).toContain(`is damaged; a copy of it is ${join(folder, String(copy))}`)
    // It is read to its end once, and copied once.
    for (const name of readdirSync(folder)) if (name.includes('.damaged-')) rmSync(join(folder, name))
    expect(await nextError()).toBe(message)
    expect(readdirSync(folder).join()).not.toContain('.damaged-')
  })
})

test('a clock that was set back is minded also when what is written with the first look fails', async () => {
  const clock = fakeClock()
  const patient = sqlite({ path: join(folder, 'clock.db'), clock, collectMs: 0 })
  onTestFinished(() => patient.close())
  await patient.put({ externalId: 'u1', fields: {} }, { claim: false })
  const [claim] = await patient.claim(1)
  await patient.retry(claim!, clock.now() + 3_000, '500 retry')
  clock.set(clock.now() - 3_600_000)
  // In the same transaction as something that fails.
  const look = patient.claim(9)
  const bad = patient.put({ externalId: 'u2', fields: { metadata: { n: 1n } } as never }, { claim: false })
  await expect(bad).rejects.toThrow(TypeError)
  const claims = [...(await look), ...(await patient.claim(9))]
  expect(claims.map(({ externalId }) => externalId)).toEqual(['u1'])
})

test('what waits for another process keeps its order, also behind one that found no room', async () => {
  const file = join(folder, 'order.db')
  const [mine, other] = [new DatabaseSync(file, { timeout: 0 }), new DatabaseSync(file)]
  mine.exec('CREATE TABLE written (n INTEGER)')
  const insert = mine.prepare('INSERT INTO written VALUES (?)')
  const commits = createGroupCommit({
    connect: () => mine,
    onFailure: () => {},
    begin: () => {},
    end: () => {},
    onCommit: () => {},
    collectMs: 0,
  })
  let tries = 0
  const findsNoRoom = commits.soon(() => {
    // As SQLite does when the disk is full.
    mine.exec('ROLLBACK')
    // The third time it is alone; then somebody else comes.
    if (++tries === 3) other.exec('BEGIN IMMEDIATE')
    throw fullError()
  })
  const others = [1, 2, 3].map((n) => commits.soon(() => insert.run(n)))
  await expect(findsNoRoom).rejects.toThrow('full')
  const last = commits.soon(() => insert.run(4))
  other.exec('COMMIT')
  await Promise.all([...others, last])
  expect(mine.prepare('SELECT n FROM written').all()).toEqual([1, 2, 3, 4].map((n) => ({ n })))
  for (const one of [mine, other]) one.close()
})
