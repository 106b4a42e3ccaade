import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate } from '../../src/store/sqlite/schema.ts'
import { type SqliteOptions, sqlite } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'
import { claimOf, describeDurableStore, describeStore } from './conformance.ts'
import { describeMoving } from './moving.ts'

let folder: string
let path: string
const opened: Store[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-store-'))
  path = join(folder, 'orq.db')
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
  rmSync(folder, { recursive: true, force: true })
})

const open = (options: Partial<SqliteOptions> = {}): Store => {
  const store = sqlite({ path, collectMs: 0, shared: true, ...options })
  opened.push(store)
  return store
}
const put = (store: Store, externalId: string, fields = {}, claim = true) =>
  store.put({ externalId, fields }, { claim })
const filler = 'x'.repeat(20_000)

describeStore('SQLite', (clock) => open({ clock }))
describeDurableStore('SQLite', (clock) => open({ clock }))
let files = 0
describeMoving('SQLite', (clock, key) => open({ path: join(folder, `${++files}.db`), clock, key }))

describe('the file', () => {
  test('is readable by its owner alone, with the two beside it', async () => {
    await put(open(), 'u1')
    for (const file of readdirSync(folder))
      expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600])
    expect(readdirSync(folder)).toContain('orq.db-wal')
  })

  test('has everything again when it is opened anew, and versions go on', async () => {
    const first = open()
    await put(first, 'u1', { email: 'a@b.c' }, false)
    const claim = claimOf(await put(first, 'u2'))
    await first.done(claim)
    await first.close()
    const second = open()
    const [next] = await second.claim(9)
    expect(next).toMatchObject({ externalId: 'u1', fields: { email: 'a@b.c' } })
    expect(await put(second, 'u2')).toEqual({ kind: 'unchanged' })
    const { version } = claimOf(await put(second, 'u3'))
    expect(version).toBeGreaterThan(claim.version)
  })

  test('holds what is delivered no more, a moment later', async () => {
    const store = open()
    await store.done(claimOf(await put(store, 'id-CANARY', { email: 'CANARY@b.c', metadata: { a: filler } })))
    const text = (): string =>
      readdirSync(folder)
        .map((file) => readFileSync(join(folder, file), 'latin1'))
        .join()
    expect(text()).toContain('CANARY')
    await expect.poll(text, { timeout: 5_000 }).not.toContain('CANARY')
    expect(await put(store, 'id-CANARY', { email: 'CANARY@b.c' })).toEqual({ kind: 'unchanged' })
    await store.close()
    expect(text()).not.toContain('CANARY')
  })

  test('loses rows with nothing in them a week after their last update', async () => {
    const clock = fakeClock()
    const store = open({ clock })
    await store.done(claimOf(await put(store, 'empty')))
    await put(store, 'pending', {}, false)
    await store.park(claimOf(await put(store, 'parked', { tags: [] })), ['tags', 'external_id'], '422 refused')
    const count = (): unknown =>
      new DatabaseSync(path, { readOnly: true }).prepare('SELECT count(*) AS n FROM contacts').get()
    await clock.advance(6 * 86_400_000)
    await store.check()
    expect(count()).toMatchObject({ n: 3 })
    await clock.advance(86_400_000 + 120_000)
    await store.check()
    expect(count()).toMatchObject({ n: 2 })
  })
})

describe('one proxy', () => {
  const alone = (at = path): Store => open({ path: at, shared: false, waitMs: 0 })
  const refused = /is used by another proxy; stop that one, or name a file of its own/

  test('keeps another from the file until it is closed, and nobody who shares it', async () => {
    const first = alone()
    await put(first, 'u1', {}, false)
    expect(() => alone()).toThrow(refused)
    expect(await open().stats()).toMatchObject({ pending: 1 })
    await first.close()
    expect(await alone().stats()).toMatchObject({ pending: 1 })
  })

  test('keeps it by whatever link', () => {
    alone()
    symlinkSync(path, join(folder, 'link.db'))
    expect(() => alone(join(folder, 'link.db'))).toThrow(refused)
    expect(() => alone(join(folder, 'other.db'))).not.toThrow()
  })

  test('that cannot open the file leaves it free for the next one', () => {
    writeFileSync(path, 'no database '.repeat(999))
    for (const _ of [1, 2]) expect(() => alone()).toThrow(/damaged/)
  })

  test('changes nothing in a file that another one uses', () => {
    alone()
    const database = new DatabaseSync(path)
    database.exec("UPDATE meta SET value = 0 WHERE name = 'schema'")
    expect(() => alone()).toThrow(refused)
    expect(database.prepare("SELECT value FROM meta WHERE name = 'schema'").get()).toEqual({ value: 0 })
    database.close()
  })

  test('has nothing but an empty lock beside the file, readable by its owner alone', () => {
    alone()
    const { size, mode } = statSync(`${path}-lock`)
    expect([size, mode & 0o777]).toEqual([0, 0o600])
    expect(readdirSync(folder).filter((file) => file.includes('lock'))).toEqual(['orq.db-lock'])
  })

  test('names what lies in the place of its lock', () => {
    writeFileSync(`${path}-lock`, 'something of somebody '.repeat(99))
    expect(() => alone()).toThrow(/orq\.db-lock is no lock of a store; remove it/)
    expect(readFileSync(`${path}-lock`, 'utf8')).toMatch(/^something/)
  })
})

describe('one transaction', () => {
  test('of many puts: one that fails, fails alone', async () => {
    const store = open()
    const results = await Promise.allSettled([
      put(store, 'u1', { email: 'a@b.c' }),
      store.put({ externalId: 'u2', fields: { metadata: { n: 1n as never } } }, { claim: true }),
      put(store, 'u3', { email: 'a@b.c' }),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await store.stats()).toMatchObject({ pending: 2 })
  })

  test('waits for another process that holds the file, in order, and no put is lost', async () => {
    const store = open()
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const puts = [put(store, 'u1', { tags: ['1'] }, false), put(store, 'u1', { tags: ['2'] }, false)]
    await new Promise((resolve) => setTimeout(resolve, 120))
    puts.push(put(store, 'u1', { tags: ['3'] }, false))
    other.exec('COMMIT')
    other.close()
    await Promise.all(puts)
    expect(await store.claim(9)).toMatchObject([{ fields: { tags: ['3'] } }])
  })
})

describe('a disk', () => {
  test('F18: that is full makes puts fail; deliveries go on, make room, and then puts pass again', async () => {
    const store = open({ maxBytes: 400_000 })
    let stored = 0
    for (; ; stored++)
      if (!(await put(store, `u${stored}`, { metadata: { a: filler } }, false).catch(() => false))) break
    expect(stored).toBeGreaterThan(5)
    await expect(put(store, 'late', { metadata: { a: filler } })).rejects.toThrow()
    const claims = await store.claim(99)
    expect(claims).toHaveLength(stored)
    for (const claim of claims) await store.done(claim)
    expect(await put(store, 'late', { metadata: { a: filler } })).toMatchObject({ kind: 'stored' })
    expect(await store.stats()).toMatchObject({ pending: 1 })
  })

  test('that is full fails nobody but the put that finds no room', async () => {
    const store = open({ maxBytes: 400_000 })
    const results = await Promise.allSettled([
      put(store, 'small', {}, false),
      put(store, 'huge', { metadata: { a: 'x'.repeat(1_200_000) } }, false),
      put(store, 'other', {}, false),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await store.stats()).toMatchObject({ pending: 2 })
  })
})

describe('a file that cannot be used', () => {
  const fill = async (): Promise<void> => {
    const store = open()
    for (let i = 0; i < 20; i++) await put(store, `u${i}`, { metadata: { a: filler } }, false)
    await store.close()
  }
  const flip = (at: number): void => {
    const bytes = readFileSync(path)
    bytes[at] = (bytes[at] as number) ^ 0xff
    writeFileSync(path, bytes)
  }

  test.each<[string, () => void]>([
    ['truncated', () => truncateSync(path, 20_000)],
    ['with a byte of its header flipped', () => flip(3)],
    ['with a byte of its first table flipped', () => flip(4096 * 2 + 3)],
    [
      'overwritten',
      () => writeFileSync(path, 'not a database at all, but long enough to be looked at as one'.repeat(99)),
    ],
  ])('F21: %s: the start refuses and keeps a copy, each time, and nothing is replaced', async (_, damage) => {
    await fill()
    damage()
    const damaged = readFileSync(path)
    for (const _ of [1, 2]) expect(() => open()).toThrow(/damaged; a copy of it is .*orq\.db\.damaged-/)
    const copies = readdirSync(folder).filter((file) => /^orq\.db\.damaged-\w+$/.test(file))
    expect(copies).toHaveLength(1)
    expect(readFileSync(join(folder, copies[0] as string)).equals(damaged)).toBe(true)
    expect(existsSync(path)).toBe(true)
  })

  test('F22: of a later version: the start refuses and changes nothing', async () => {
    await fill()
    const database = new DatabaseSync(path)
    database.exec("UPDATE meta SET value = 99 WHERE name = 'schema'")
    database.close()
    expect(() => open()).toThrow(/later version of orq-identify \(schema 99/)
  })

  test('in a folder that is not there: the start says so', () => {
    expect(() => open({ path: join(folder, 'no', 'orq.db') })).toThrow(/cannot be made \(ENOENT\)/)
  })

  test('whose row cannot be read holds up no other contact', async () => {
    await fill()
    const database = new DatabaseSync(path)
    database.exec("UPDATE contacts SET payload = '{' WHERE id = 1")
    database.close()
    expect(await open().claim(99)).toHaveLength(19)
  })

  test('of an earlier schema is brought forward in one transaction, or not at all', async () => {
    const database = new DatabaseSync(path)
    migrate(database, path, { all: ['CREATE TABLE a (x)'] })
    expect(() =>
      migrate(database, path, { all: ['CREATE TABLE a (x)', 'CREATE TABLE b (x)', 'CREATE TABLE b (x)'] }),
    ).toThrow()
    const tables = (): unknown[] =>
      database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .all()
        .map((row) => row['name'])
    expect(tables()).toEqual(['a', 'meta'])
    migrate(database, path, { all: ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'] })
    expect(tables()).toEqual(['a', 'b', 'meta'])
    expect(database.prepare("SELECT value FROM meta WHERE name = 'schema'").get()).toMatchObject({ value: 2 })
    database.close()
  })
})

test('two files have different keys: a hash of one tells nothing about the other', async () => {
  const other = join(folder, 'other.db')
  const [first, second] = [open(), open({ path: other })]
  for (const store of [first, second]) await store.done(claimOf(await put(store, 'u1', { email: 'a@b.c' })))
  await first.close()
  await second.close()
  copyFileSync(path, `${path}.copy`)
  const rowOf = (file: string): unknown =>
    new DatabaseSync(file, { readOnly: true }).prepare('SELECT hex(key) AS key, ledger FROM contacts').get()
  expect(rowOf(path)).not.toEqual(rowOf(other))
})
