import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Contact } from '../../src/core/contact.ts'
import type { Entry } from '../../src/store/entry.ts'
import type { Claim, PutResult, Store } from '../../src/store/store.ts'
import { type FakeClock, fakeClock } from '../clock.ts'

const day = 86_400_000
const client = 'client-0123456789'

export const claimOf = (result: PutResult): Claim => {
  if (result.kind !== 'stored' || !result.claim) throw new Error(`no claim: ${result.kind}`)
  return result.claim
}

const listed = async (store: Store): Promise<Entry[]> => store.list({ limit: 99 })
const entryOf = async (store: Store): Promise<Entry> => {
  const [entry] = await listed(store)
  if (!entry) throw new Error('nothing is listed')
  return entry
}

/** What every store promises. `open` gives an empty one whose time is the clock's. */
export const describeStore = (name: string, open: (clock: FakeClock) => Store | Promise<Store>): void => {
  describe(`the ${name} store`, () => {
    let clock: FakeClock
    let store: Store
    beforeEach(async () => {
      clock = fakeClock()
      store = await open(clock)
    })
    afterEach(() => store.close())

    const put = (externalId: string, fields = {}, id?: { client?: string; number: number; force?: boolean }) =>
      store.put(
        {
          externalId,
          fields,
          ...(id && { id: { client: id.client ?? client, number: id.number, force: !!id.force } }),
        },
        { claim: true },
      )
    const putWithoutClaim = (externalId: string, fields = {}): Promise<PutResult> =>
      store.put({ externalId, fields }, { claim: false })
    const deliver = async (fields = {}): Promise<void> => store.done(claimOf(await put('u1', fields)))

    describe('a claim', () => {
      test('holds every undelivered field, and is only given once', async () => {
        await putWithoutClaim('u1', { email: 'a@b.c', tags: ['x'] })
        const claim = claimOf(await put('u1', { tags: [] }))
        expect(claim).toMatchObject({ externalId: 'u1', fields: { email: 'a@b.c', tags: [] }, attempts: 0 })
        expect(await put('u1', { email: null })).toMatchObject({ kind: 'stored', claim: undefined, waits: 'leased' })
        expect(await store.claim(9)).toEqual([])
      })

      test('is given to the oldest first, as many as asked for', async () => {
        for (const id of ['c', 'a', 'b']) {
          await putWithoutClaim(id)
          await clock.advance(1)
        }
        expect((await store.claim(2)).map(({ externalId }) => externalId)).toEqual(['c', 'a'])
        expect((await store.claim(2)).map(({ externalId }) => externalId)).toEqual(['b'])
      })

      test('is not given when it is not asked for', async () => {
        expect(await putWithoutClaim('u1')).toEqual({ kind: 'stored', version: expect.any(Number) })
      })

      test('says since when something waits', async () => {
        const start = clock.now()
        await putWithoutClaim('u1')
        await clock.advance(5_000)
        expect(claimOf(await put('u1', { tags: [] })).pendingSince).toBe(start)
      })

      test.each(['done', 'park'] as const)('ends by %s, and a newer version is due at once', async (how) => {
        const claim = claimOf(await put('u1', { email: 'a@b.c', tags: [] }))
        await put('u1', { email: 'b@b.c' })
        if (how === 'done') await store.done(claim)
        else await store.park(claim, ['email'], '422 refused')
        expect(await store.claim(9)).toMatchObject([{ externalId: 'u1', fields: { email: 'b@b.c' }, attempts: 0 }])
      })

      test('that ends with a part of its fields leaves the others due', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c', tags: [], display_name: 'A' }))
        await store.park({ ...claim, fields: { email: 'a@b.c', tags: [] } }, ['email'], '422 refused')
        const [rest] = await store.claim(9)
        expect(rest?.fields).toEqual({ display_name: 'A' })
        await store.done(rest as Claim)
        expect(await put('u1', { tags: [], display_name: 'A' })).toEqual({ kind: 'unchanged' })
      })

      test('whose lease is lost has no effect', async () => {
        const old = claimOf(await put('u1', { email: 'a@b.c' }))
        await store.release([old])
        const [current] = (await store.claim(1)) as [Claim]
        await store.done(old)
        await store.park(old, ['email'], 'r')
        await store.retry(old, 0, 'r')
        await store.release([old])
        expect(await store.look(old)).toBe('lost')
        expect(await store.look(current)).toBe('current')
        expect(await store.claim(1)).toEqual([])
        await store.release([current])
        expect(await store.claim(1)).toMatchObject([{ fields: { email: 'a@b.c' } }])
      })

      test('knows whether a newer version has come', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        await put('u1', { email: 'a@b.c' })
        expect(await store.look(claim)).toBe('newer')
        await store.done(claim)
        expect(await store.look(claim)).toBe('lost')
      })

      test('that is released is as if it had not been taken', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        await store.release([claim])
        expect(await store.claim(1)).toMatchObject([{ version: claim.version, fields: claim.fields, attempts: 0 }])
      })
    })

    describe('versions', () => {
      test('grow and are never used again, even for a row that is gone', async () => {
        const seen: number[] = []
        for (let i = 0; i < 4; i++) {
          const claim = claimOf(await put('u1', { tags: [`${i}`] }))
          seen.push(claim.version)
          await store.done(claim)
          if (i % 2) await store.purge('u1', 0)
        }
        expect(new Set(seen).size).toBe(4)
        expect([...seen].sort((a, b) => a - b)).toEqual(seen)
      })
    })

    describe('unchanged', () => {
      test('is what was delivered, a part of it, and the id alone', async () => {
        await deliver({ email: 'a@b.c', metadata: { a: 1, b: 2 } })
        expect(await put('u1', { metadata: { a: 1, b: 2 }, email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
        expect(await put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
        expect(await put('u1')).toEqual({ kind: 'unchanged' })
        expect(await put('u1', { email: null })).toMatchObject({ kind: 'stored' })
      })

      test('ends a day after the delivery, and no hit prolongs it', async () => {
        await deliver({ email: 'a@b.c' })
        await clock.advance(day - 1)
        expect(await put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
        await clock.advance(1)
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })

      test('counts from the delivery and not from the call', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        await clock.advance(9_000)
        await store.done(claim)
        await clock.advance(day - 1)
        expect(await put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
      })

      test.each(['retry', 'park'] as const)('is not what came to %s', async (how) => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        if (how === 'retry') await store.retry(claim, clock.now() + 1_000, 'r')
        else await store.park(claim, ['email', 'external_id'], 'r')
        expect(await store.claim(1)).toEqual([])
        expect(await put('u1')).toMatchObject({ kind: 'stored' })
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })

      test('is not what was sent under another value since, whatever became of it', async () => {
        await deliver({ email: 'a@b.c' })
        const claim = claimOf(await put('u1', { email: 'b@b.c' }))
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
        await store.retry(claim, 0, 'r')
        for (const next of await store.claim(1)) await store.retry(next, 0, 'r')
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })

      test('is not known of a field that waits, but of the others', async () => {
        await deliver({ email: 'a@b.c', tags: [] })
        await put('u1', { tags: ['x'] })
        expect(await put('u1', { tags: ['x'] })).toMatchObject({ kind: 'stored' })
      })

      test('is overruled by force', async () => {
        await deliver({ email: 'a@b.c' })
        expect(await put('u1', { email: 'a@b.c' }, { number: 1, force: true })).toMatchObject({ kind: 'stored' })
      })
    })

    describe('numbers', () => {
      test('of the 8 latest clients are kept per contact', async () => {
        for (let i = 0; i < 9; i++) await put('u1', { tags: [`${i}`] }, { client: `client-${i}-0123456789`, number: 5 })
        expect(await put('u1', { tags: ['x'] }, { client: 'client-1-0123456789', number: 4 })).toEqual({
          kind: 'superseded',
          number: 5,
        })
        expect(await put('u1', { tags: ['x'] }, { client: 'client-0-0123456789', number: 4 })).toMatchObject({
          kind: 'stored',
        })
      })

      test('that are superseded write nothing', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }, { number: 5 }))
        await put('u1', { email: 'b@b.c' }, { number: 4 })
        await store.done(claim)
        expect(await store.claim(1)).toEqual([])
      })

      test('that are equal pass, and of an update that changed nothing are remembered', async () => {
        await store.done(claimOf(await put('u1', { email: 'a@b.c' }, { number: 5 })))
        expect(await put('u1', { email: 'a@b.c' }, { number: 7 })).toEqual({ kind: 'unchanged' })
        expect(await put('u1', { email: 'b@b.c' }, { number: 6 })).toEqual({ kind: 'superseded', number: 7 })
        expect(await put('u1', { email: 'b@b.c' }, { number: 7 })).toMatchObject({ kind: 'stored' })
      })
    })

    describe('purge', () => {
      const putWith = (issuedAt?: number): Promise<PutResult> =>
        store.put({ externalId: 'u1', fields: { tags: [] }, issuedAt }, { claim: true })

      test('leaves nothing to deliver, and what was on the wire has no effect any more', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }, { number: 9 }))
        await putWithoutClaim('u1', { tags: ['x'] })
        await store.purge('u1', 0)
        expect(await store.look(claim)).toBe('lost')
        await store.done(claim)
        expect(await store.claim(9)).toEqual([])
        expect(await store.stats()).toEqual({ pending: 0, parked: 0 })
        expect(await put('u1', { email: 'a@b.c' }, { number: 1 })).toMatchObject({ kind: 'stored' })
      })

      test('of what is being sent: what comes next waits until that has ended, so as not to be overtaken', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        await store.purge('u1', 0)
        await store.purge('u1', 0)
        expect(await put('u1', { tags: [] })).toMatchObject({ kind: 'stored', claim: undefined, waits: 'leased' })
        expect(await store.look(claim)).toBe('lost')
        expect(await store.claim(9)).toEqual([])
        await store.release([claim])
        expect(await store.claim(9)).toMatchObject([{ externalId: 'u1', fields: { tags: [] } }])
      })

      test('refuses older tokens, and those of unknown age, for a day; and a token made since is taken', async () => {
        const notBefore = clock.now() + 30_000
        await store.purge('u1', notBefore)
        expect(await putWith(notBefore - 1)).toEqual({ kind: 'revoked' })
        expect(await putWith()).toEqual({ kind: 'revoked' })
        expect(await putWith(notBefore)).toMatchObject({ kind: 'stored' })
        expect(await putWith(notBefore - 1)).toEqual({ kind: 'revoked' })
        expect(await store.put({ externalId: 'u2', fields: {} }, { claim: true })).toMatchObject({ kind: 'stored' })
        await clock.advance(day + 30_000)
        expect(await putWith()).toMatchObject({ kind: 'stored' })
      })
    })

    describe('the list', () => {
      test('says what waits and since when, and that it is due or held', async () => {
        const since = clock.now()
        await putWithoutClaim('u1', { email: 'a@b.c', tags: [] })
        await clock.advance(1_000)
        const entry = await entryOf(store)
        expect(entry).toEqual({
          id: expect.stringMatching(/^[0-9a-f]{16,}$/),
          state: 'queued',
          externalId: 'u1',
          fields: { email: 'a@b.c', tags: [] },
          parked: {},
          attempts: 0,
          reason: undefined,
          since,
          due: expect.any(Number),
        })
        await put('u1')
        expect(await listed(store)).toEqual([{ ...entry, state: 'leased', due: clock.now() + store.leaseMs }])
      })

      test('holds nothing that is delivered or purged', async () => {
        await deliver({ email: 'a@b.c' })
        await putWithoutClaim('u2')
        await store.purge('u2', clock.now())
        expect(await listed(store)).toEqual([])
      })

      test('has pages in the order of ids, and finds what an id begins with', async () => {
        for (let i = 0; i < 20; i++) await putWithoutClaim(`u${i}`)
        const all = await listed(store)
        expect(new Set(all.map(({ externalId }) => externalId)).size).toBe(20)
        const paged: Entry[] = []
        for (let page: Entry[] = []; ; paged.push(...page)) {
          page = await store.list({ after: paged.at(-1)?.id, limit: 7 })
          if (!page.length) break
          expect(page.length).toBeLessThanOrEqual(7)
        }
        expect(paged).toEqual(all)
        expect(paged.map(({ id }) => id)).toEqual(paged.map(({ id }) => id).sort())
        for (const prefix of ['', 'a', all[7]!.id.slice(0, 5), all[7]!.id, 'f00'])
          expect(await store.list({ prefix, limit: 99 })).toEqual(all.filter(({ id }) => id.startsWith(prefix)))
      })
    })

    describe('requeue', () => {
      test('leaves what is being sent where it is', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        const entry = await entryOf(store)
        expect(await store.requeue(entry.id)).toEqual(entry)
        expect(await store.claim(9)).toEqual([])
        await store.done(claim)
        expect(await listed(store)).toEqual([])
      })

      test('knows nobody of whom nothing waits', async () => {
        await putWithoutClaim('u1')
        const { id } = await entryOf(store)
        for (const claim of await store.claim(9)) await store.done(claim)
        expect(await store.requeue(id)).toBeUndefined()
        expect(await store.drop(id)).toBeUndefined()
        expect(await put('u1')).toEqual({ kind: 'unchanged' })
      })
    })

    describe('drop', () => {
      test('leaves nothing to deliver, says what it was, and leaves others alone', async () => {
        await putWithoutClaim('u1', { email: 'a@b.c' })
        const entry = await entryOf(store)
        await putWithoutClaim('u2')
        expect(await store.drop(entry.id)).toEqual(entry)
        expect((await listed(store)).map(({ externalId }) => externalId)).toEqual(['u2'])
        expect(await store.claim(9)).toMatchObject([{ externalId: 'u2' }])
        expect(await store.drop(entry.id)).toBeUndefined()
      })

      test('of what is being sent: it ends without effect', async () => {
        const claim = claimOf(await put('u1', { email: 'a@b.c' }))
        await store.drop((await entryOf(store)).id)
        expect(await store.look(claim)).toBe('lost')
        await store.retry(claim, 0, 'r')
        await store.done(claim)
        expect(await store.claim(9)).toEqual([])
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })

      test.each(['done', 'retry', 'release'] as const)(
        'of what is being sent: what comes next waits for its end, by %s, so as not to be overtaken',
        async (end) => {
          const claim = claimOf(await put('u1', { email: 'a@b.c' }))
          await store.drop((await entryOf(store)).id)
          expect(await put('u1', { tags: ['x'] })).toMatchObject({ kind: 'stored', claim: undefined, waits: 'leased' })
          expect(await store.look(claim)).toBe('lost')
          expect(await store.claim(9)).toEqual([])
          if (end === 'done') await store.done(claim)
          else if (end === 'retry') await store.retry(claim, clock.now(), 'r')
          else await store.release([claim])
          expect(await store.claim(9)).toMatchObject([{ externalId: 'u1', fields: { tags: ['x'] } }])
        },
      )

      test('keeps what is known to be upstream, and the numbers of clients', async () => {
        await store.done(claimOf(await put('u1', { tags: ['x'] }, { number: 4 })))
        const claim = claimOf(await put('u1', { email: 'a@b.c' }, { number: 5 }))
        await store.drop((await entryOf(store)).id)
        await store.done(claim)
        expect(await put('u1', { email: 'b@b.c' }, { number: 4 })).toEqual({ kind: 'superseded', number: 5 })
        await store.done(claimOf(await put('u1')))
        expect(await put('u1', { tags: ['x'] })).toEqual({ kind: 'unchanged' })
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })
    })

    test('counts what waits, and since when', async () => {
      expect(await store.stats()).toEqual({ pending: 0, parked: 0 })
      const oldestPendingSince = clock.now()
      await putWithoutClaim('u1')
      await clock.advance(1_000)
      await put('u2')
      expect(await store.stats()).toEqual({ pending: 2, parked: 0, oldestPendingSince })
      await store.check()
    })

    test('keeps every value as it is', async () => {
      const fields = {
        display_name: null,
        avatar_url: null,
        tags: ['a\u2028"\'', '😀'],
        metadata: { 'a.b': [{ c: -0.5 }] },
      }
      const externalId = '%_\\"\'\u00e9 \u0065\u0301'
      await putWithoutClaim(externalId, fields)
      await putWithoutClaim(externalId.normalize('NFC'), {})
      expect(await store.claim(9)).toMatchObject([
        { externalId, fields },
        { externalId: externalId.normalize('NFC'), fields: {} },
      ])
    })
  })
}

/** What a store promises besides when it is durable. */
export const describeDurableStore = (name: string, open: (clock: FakeClock) => Store | Promise<Store>): void => {
  describe(`the ${name} store is durable:`, () => {
    let clock: FakeClock
    let store: Store
    beforeEach(async () => {
      clock = fakeClock()
      store = await open(clock)
    })
    afterEach(() => store.close())
    const put = (externalId: string, fields = {}, claim = true): Promise<PutResult> =>
      store.put({ externalId, fields }, { claim })

    test('what failed waits until it is due, and counts its attempts', async () => {
      const claim = claimOf(await put('u1', { email: 'a@b.c' }))
      await store.retry(claim, clock.now() + 500, '503 unavailable')
      expect(await put('u1', { tags: [] })).toMatchObject({ kind: 'stored', claim: undefined, waits: 'later' })
      await clock.advance(499)
      expect(await store.claim(9)).toEqual([])
      await clock.advance(1)
      expect(await store.claim(9)).toMatchObject([
        { fields: { email: 'a@b.c', tags: [] }, attempts: 1, pendingSince: claim.pendingSince },
      ])
    })

    test('a newer version does not cut a back-off short', async () => {
      const claim = claimOf(await put('u1', { email: 'a@b.c' }))
      await put('u1', { email: 'b@b.c' })
      await store.retry(claim, clock.now() + 500, '503 unavailable')
      expect(await store.claim(9)).toEqual([])
    })

    test('a lease that ran out is given again, and its former holder has no effect', async () => {
      const old = claimOf(await put('u1', { email: 'a@b.c' }))
      await clock.advance(store.leaseMs - 1)
      expect(await store.claim(9)).toEqual([])
      await clock.advance(1)
      const [current] = (await store.claim(9)) as [Claim]
      expect(current.fields).toEqual({ email: 'a@b.c' })
      await store.done(old)
      expect(await store.look(current)).toBe('current')
    })

    test('what follows a dropped update waits no longer than the lease that it had', async () => {
      const claim = claimOf(await put('u1', { email: 'a@b.c' }))
      await store.drop((await entryOf(store)).id)
      await clock.advance(store.leaseMs - 1_000)
      expect(await put('u1', { tags: [] })).toMatchObject({ waits: 'leased' })
      await clock.advance(999)
      expect(await store.claim(9)).toEqual([])
      await clock.advance(1)
      const [current] = await store.claim(9)
      expect(current?.fields).toEqual({ tags: [] })
      await store.done(claim)
      expect(await store.look(current as Claim)).toBe('current')
    })

    test('a clock set back delays nothing by more than its own back-off', async () => {
      const [a, b] = [claimOf(await put('a')), claimOf(await put('b'))]
      await store.retry(a, clock.now() + 500, '503 unavailable')
      await store.claim(9)
      clock.set(clock.now() - 3_600_000)
      await expect.poll(() => store.claim(9)).toMatchObject([{ externalId: 'a' }])
      // Held by somebody who runs: for no longer than a lease.
      expect(await store.look(b)).toBe('current')
      await clock.advance(store.leaseMs)
      expect((await store.claim(9)).map(({ externalId }) => externalId).sort()).toEqual(['a', 'b'])
    })

    test('what upstream refused is parked, and a new value of the field takes its place', async () => {
      const claim = claimOf(await put('u1', { email: 'a@b.c', tags: [] }))
      await store.park(claim, ['email'], '422 refused')
      expect(await store.stats()).toEqual({ pending: 0, parked: 1 })
      expect(await put('u1', { tags: [] }, false)).toEqual({ kind: 'unchanged' })
      const next = claimOf(await put('u1', { email: 'b@b.c' }))
      expect(next.fields).toEqual({ email: 'b@b.c' })
      await store.done(next)
      expect(await store.stats()).toEqual({ pending: 0, parked: 0 })
    })

    describe('an operator', () => {
      const park = async (fields: object, refused: readonly (keyof Contact)[]): Promise<void> =>
        store.park(claimOf(await put('u1', fields)), refused, '422 refused')

      test('sees what waits for a back-off, and requeues it', async () => {
        const since = clock.now()
        await store.retry(claimOf(await put('u1', { email: 'a@b.c' })), clock.now() + 9_000, '503 retry')
        const entry = await entryOf(store)
        expect(entry).toMatchObject({ state: 'backoff', attempts: 1, reason: '503 retry', since, due: since + 9_000 })
        expect(await store.claim(9)).toEqual([])
        await clock.advance(2_000)
        const now = { ...entry, state: 'queued', due: clock.now() }
        expect(await store.requeue(entry.id)).toEqual(now)
        expect(await listed(store)).toEqual([now])
        expect(await store.claim(9)).toMatchObject([{ fields: { email: 'a@b.c' }, attempts: 1, pendingSince: since }])
      })

      test('sees what was refused, and requeues it as an update of now', async () => {
        await park({ email: 'a@b.c', tags: [] }, ['email', 'external_id'])
        const at = clock.now()
        await clock.advance(5_000)
        const entry = await entryOf(store)
        const reason = '422 refused'
        expect(entry).toMatchObject({
          state: 'parked',
          externalId: 'u1',
          fields: {},
          parked: { email: { value: 'a@b.c', reason, at }, external_id: { value: 'u1', reason, at } },
          since: at,
          due: undefined,
        })
        expect(await store.requeue(entry.id)).toMatchObject({ state: 'queued', fields: { email: 'a@b.c' }, parked: {} })
        expect(await store.stats()).toEqual({ pending: 1, parked: 0, oldestPendingSince: clock.now() })
        const [claim] = (await store.claim(9)) as [Claim]
        expect(claim).toMatchObject({ fields: { email: 'a@b.c' }, attempts: 0, pendingSince: clock.now() })
        await store.done(claim)
        expect(await put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
      })

      test('requeues what was refused beside a newer value of another field, which is being sent', async () => {
        await park({ email: 'a@b.c', tags: ['old'] }, ['email', 'tags'])
        const claim = claimOf(await put('u1', { tags: ['new'] }))
        const { id } = await entryOf(store)
        expect(await store.requeue(id)).toMatchObject({
          state: 'leased',
          fields: { email: 'a@b.c', tags: ['new'] },
          parked: {},
        })
        expect(await store.look(claim)).toBe('newer')
        await store.done(claim)
        expect(await store.claim(9)).toMatchObject([{ externalId: 'u1', fields: { email: 'a@b.c' } }])
      })

      test('drops what was refused', async () => {
        await park({ email: 'a@b.c' }, ['email'])
        const entry = await entryOf(store)
        expect(await store.drop(entry.id)).toEqual(entry)
        expect(await store.stats()).toEqual({ pending: 0, parked: 0 })
        expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
      })
    })

    test('many puts at once of one contact join in their order', async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => put('u1', { tags: [`${i}`] }, false)))
      expect(await store.claim(9)).toMatchObject([{ fields: { tags: ['49'] } }])
    })
  })
}
