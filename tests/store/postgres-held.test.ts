import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Fields } from '../../src/core/contact.ts'
import { type PostgresOptions, postgres } from '../../src/store/postgres.ts'
import type { PutResult } from '../../src/store/store.ts'
import { startWire } from '../faults/wire.ts'
import { heavy } from '../is-all.ts'
import { claimOf } from './conformance.ts'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

describe('PostgreSQL, held up', heavy, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  /** A store behind a wire, and a session of an operator beside it. */
  const open = async (options: Partial<PostgresOptions> = {}) => {
    const url = await server.createDatabase()
    const wire = await startWire(url)
    const wired = new URL(url)
    wired.port = new URL(wire.url).port
    const store = await postgres({ url: wired.href, collectMs: 0, ...options })
    let closing: Promise<void> | undefined
    const close = (): Promise<void> => {
      closing ??= store.close()
      return closing
    }
    onTestFinished(close)
    const admin = new pg.Client({ connectionString: url })
    admin.on('error', () => {}) // a test stops the server
    await admin.connect()
    onTestFinished(() => admin.end().catch(() => {}))
    const put = (externalId: string, fields: Fields = {}, claim = false): Promise<PutResult> =>
      store.put({ externalId, fields }, { claim })
    const keyOf = (externalId: string): string => store.pseudonym?.(externalId) as string
    return { url, store, close, wire, admin, put, keyOf }
  }

  /** How a promise stands. */
  const watch = <T>(promise: Promise<T>): { state: 'open' | 'kept' | 'broken' } => {
    const watched: { state: 'open' | 'kept' | 'broken' } = { state: 'open' }
    promise.then(
      () => (watched.state = 'kept'),
      () => (watched.state = 'broken'),
    )
    return watched
  }

  describe('by a network that swallows packets', () => {
    const timeoutMs = 1_000
    /** The time-out and a second for PostgreSQL's own, twice, on a machine that is busy. */
    const patienceMs = 6_000

    test('answers each put in time, keeps none that it has answered, and goes on by itself', async () => {
      const { store, wire, admin, put } = await open({ timeoutMs })
      await put('before')
      wire.fault = { hangs: true }
      const times: number[] = []
      let unanswered = 0
      let most = 0
      const sent: Promise<string>[] = []
      const send = async (id: string): Promise<string> => {
        const start = performance.now()
        most = Math.max(most, ++unanswered)
        const state = await put(id).then(
          () => 'kept',
          () => 'broken',
        )
        unanswered--
        times.push(performance.now() - start)
        return state
      }
      const [rounds, perRound] = [60, 60]
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < perRound; i++) sent.push(send(`u${round}-${i}`))
        await sleep(150)
      }
      expect(new Set(await Promise.all(sent))).toEqual(new Set(['broken']))
      expect(Math.max(...times)).toBeLessThan(patienceMs)
      expect(most).toBeLessThan((rounds * perRound) / 3)
      wire.fault = {}
      const again = () =>
        put('after').then(
          () => 'kept',
          () => 'broken',
        )
      await expect.poll(again).toBe('kept')
      // What was rejected is not written later.
      expect((await admin.query('SELECT FROM orq.contacts')).rowCount).toBe(2)
      expect((await store.claim(9)).map(({ externalId }) => externalId).sort()).toEqual(['after', 'before'])
    })

    test('takes no more than so many at once', async () => {
      const { close, wire, put } = await open({ timeoutMs: 60_000 })
      wire.fault = { hangs: true }
      const sent = Array.from({ length: 12_000 }, (_, i) => watch(put(`u${i}`)))
      await sleep(0)
      expect(sent.filter(({ state }) => state === 'broken')).toHaveLength(2_000)
      await close()
      await expect.poll(() => sent.every(({ state }) => state === 'broken')).toBe(true)
    })

    test('closes all the same', async () => {
      const { close, wire, put } = await open({ timeoutMs: 60_000 })
      wire.fault = { hangs: true }
      const waits = watch(put('u1'))
      await sleep(100)
      const later = watch(put('u2'))
      await close()
      await sleep(0)
      expect([waits.state, later.state]).toEqual(['broken', 'broken'])
    })
  })

  describe('by somebody who holds the row of one contact', () => {
    test('writes those of all others, and that one when it is free, in the order in which they came', async () => {
      const { store, admin, put, keyOf } = await open({ timeoutMs: 30_000 })
      await put('held')
      await admin.query('BEGIN')
      await admin.query('SELECT FROM orq.contacts WHERE key = $1 FOR UPDATE', [keyOf('held')])
      const held = [watch(put('held', { tags: ['1'] }))]
      for (let round = 2; round < 12; round++) {
        const others = Array.from({ length: 20 }, (_, i) => put(`u${round}-${i % 15}`))
        held.push(watch(put('held', { tags: [`${round}`] })))
        expect((await Promise.all(others)).every(({ kind }) => kind === 'stored')).toBe(true)
      }
      expect(held.every(({ state }) => state === 'open')).toBe(true)
      await admin.query('COMMIT')
      await expect.poll(() => held.every(({ state }) => state === 'kept')).toBe(true)
      const claims = await store.claim(999)
      expect(claims).toHaveLength(151)
      expect(claims.find(({ externalId }) => externalId === 'held')).toMatchObject({ fields: { tags: ['11'] } })
    })

    test('for longer than its time-out gives up that one, and does not write it later', async () => {
      const { store, admin, put, keyOf } = await open({ timeoutMs: 3_000 })
      await put('held', { tags: ['old'] })
      await admin.query('BEGIN')
      await admin.query('SELECT FROM orq.contacts WHERE key = $1 FOR UPDATE', [keyOf('held')])
      const held = watch(put('held', { tags: ['new'] }))
      while (held.state === 'open') await put('other')
      expect(held.state).toBe('broken')
      await admin.query('COMMIT')
      expect(await put('held', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      expect(await store.claim(9)).toMatchObject([
        { externalId: 'held', fields: { tags: ['old'], email: 'a@b.c' } },
        { externalId: 'other' },
      ])
    })

    test('takes what others have, and gives back and ends what it holds', async () => {
      const { store, admin, put, keyOf } = await open()
      for (const id of ['held', 'u1', 'u2']) await put(id)
      await admin.query('BEGIN')
      await admin.query('SELECT FROM orq.contacts WHERE key = $1 FOR UPDATE', [keyOf('held')])
      const claims = await store.claim(9)
      expect(claims.map(({ externalId }) => externalId)).toEqual(['u1', 'u2'])
      await Promise.all(claims.map((claim) => store.done(claim)))
      await admin.query('COMMIT')
      await expect.poll(() => store.claim(9)).toMatchObject([{ externalId: 'held' }])
    })
  })

  test.each(['makes its row', 'has its job'])('by somebody who %s writes those of all others', async (how) => {
    const { store, admin, put, keyOf } = await open({ timeoutMs: 30_000 })
    await put('held', { tags: ['0'] })
    await admin.query('BEGIN')
    if (how === 'has its job') await admin.query('SELECT FROM orq_pgboss.job WHERE id = $1 FOR UPDATE', [keyOf('held')])
    else {
      const { rows } = await admin.query('DELETE FROM orq.contacts RETURNING *')
      await admin.query('COMMIT; BEGIN')
      await admin.query('INSERT INTO orq.contacts SELECT * FROM json_populate_record(NULL::orq.contacts, $1)', [
        rows[0],
      ])
    }
    // In one transaction at first, with what is not held.
    const held = [1, 2, 3].map((i) => watch(put('held', { tags: [`${i}`] }, true)))
    const others = [1, 2, 3].map((i) => put(`u${i}`))
    for (let i = 0; i < 20; i++) await put(`v${i}`)
    expect((await Promise.all(others)).every(({ kind }) => kind === 'stored')).toBe(true)
    expect(held.every(({ state }) => state === 'open')).toBe(true)
    await admin.query('ROLLBACK')
    await expect.poll(() => held.every(({ state }) => state === 'kept')).toBe(true)
    const { rows } = await admin.query('SELECT payload FROM orq.contacts WHERE key = $1', [keyOf('held')])
    expect(JSON.parse(rows[0].payload).fields.tags[0]).toEqual(['3'])
    // The first of the three is claimed with its put.
    expect(await store.claim(99)).toHaveLength(23)
  })

  test('by many who make the rows of its contacts, one after the other, writes them all', async () => {
    const { url, store, admin, put, keyOf } = await open({ timeoutMs: 30_000 })
    const ids = Array.from({ length: 12 }, (_, i) => `u${i}`).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    await Promise.all(ids.map((id) => put(id, { tags: ['0'] })))
    const { rows } = await admin.query('DELETE FROM orq.contacts RETURNING *')
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    const makers: pg.Client[] = []
    for (const id of ids) {
      const maker = new pg.Client({ connectionString: url })
      maker.on('error', () => {}) // when the server is stopped before
      await maker.connect()
      makers.push(maker)
      await maker.query('BEGIN')
      await maker.query('INSERT INTO orq.contacts SELECT * FROM json_populate_record(NULL::orq.contacts, $1)', [
        rows.find(({ key }) => key.replaceAll('-', '') === keyOf(id)),
      ])
    }
    const sent = Promise.all(ids.map((id) => put(id, { tags: ['1'] })))
    const watched = watch(sent)
    for (const maker of makers) {
      const isInTheWay = async () => (await admin.query(waiting)).rowCount === 1
      await expect.poll(async () => watched.state !== 'open' || (await isInTheWay()), { interval: 5 }).toBe(true)
      await maker.query('COMMIT')
      await maker.end()
    }
    expect((await sent).map(({ kind }) => kind)).toEqual(ids.map(() => 'stored'))
    const claims = await store.claim(99)
    expect(claims.map(({ fields }) => fields)).toEqual(ids.map(() => ({ tags: ['1'] })))
  })

  test('F27: by a database that is away, makes calls fail; when it is back all goes on, with what was accepted', async () => {
    const { store, put } = await open({ timeoutMs: 3_000 })
    await put('u1', { email: 'a@b.c' })
    const held = claimOf(await put('u2', { email: 'a@b.c' }, true))
    await server.crash()
    await expect(put('u3')).rejects.toThrow()
    await expect(store.check()).rejects.toThrow()
    await expect(store.claim(9)).rejects.toThrow()
    await expect(store.done(held)).rejects.toThrow()
    await server.start()
    await expect
      .poll(
        () =>
          store.check().then(
            () => 'well',
            () => 'away',
          ),
        { timeout: 60_000 },
      )
      .toBe('well')
    expect(await store.claim(9)).toMatchObject([{ externalId: 'u1' }])
    await store.done(held)
    expect(await put('u2', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
  })
})
