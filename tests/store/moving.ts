import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { movedLine, parseLine } from '../../src/node/commands/queue/moved-line.ts'
import type { Moved, Moving, TakeResult } from '../../src/store/moving.ts'
import type { Claim, PutResult, Store } from '../../src/store/store.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { claimOf } from './conformance.ts'

export type OpenKeyed = (clock: FakeClock, key?: Uint8Array) => Store | Promise<Store>

const movingOf = (store: Store): Moving => {
  if (!store.moving) throw new Error('it moves nothing')
  return store.moving
}

/** Every row as it travels: in lines of text, read page by page. */
export const exportLines = async (store: Store, pageRows = 3): Promise<string[]> => {
  const lines: string[] = []
  for (let after: string | undefined; ; ) {
    const page = await movingOf(store).page(after, pageRows)
    lines.push(...page.moved.map(movedLine))
    if (page.next === undefined) return lines
    after = page.next
  }
}

export const importLines = (store: Store, lines: readonly string[], hasSameKey: boolean): Promise<TakeResult[]> =>
  Promise.all(lines.map((line) => movingOf(store).take(parseLine(line) as Moved, { hasSameKey })))

/** What every durable store promises who moves to another one. `open` gives an empty one with this key. */
export const describeMoving = (name: string, open: OpenKeyed): void => {
  describe(`from and to the ${name} store`, () => {
    let clock: FakeClock
    let from: Store
    /** Made by the move. */
    let heir: Store
    /** Was there before. */
    let other: Store
    beforeEach(async () => {
      clock = fakeClock()
      from = await open(clock)
      heir = await open(clock, movingOf(from).key())
      other = await open(clock)
    })
    afterEach(async () => {
      for (const store of [from, heir, other]) await store.close()
    })

    const put = async (store: Store, fields = {}, number?: number, externalId = 'u1'): Promise<PutResult> => {
      await clock.advance(1)
      const id = number === undefined ? {} : { id: { client: 'client-0123456789', number, force: false } }
      return store.put({ externalId, fields, ...id }, { claim: true })
    }
    const leave = async (store: Store, fields = {}): Promise<void> => store.release([claimOf(await put(store, fields))])
    const deliver = async (store: Store, fields = {}): Promise<void> => store.done(claimOf(await put(store, fields)))
    const refuse = async (store: Store, fields = {}): Promise<void> =>
      store.park(claimOf(await put(store, fields)), ['email'], '422 refused')
    const move = async (to: Store): Promise<TakeResult[]> => importLines(to, await exportLines(from), to === heir)
    const claim = async (store: Store): Promise<Claim> => {
      const claims = await store.claim(9)
      expect(claims).toHaveLength(1)
      return claims[0] as Claim
    }

    test('what is undelivered arrives, due, with its age and attempts, and a second time changes nothing', async () => {
      const since = clock.now() + 1
      await from.retry(claimOf(await put(from, { email: 'a@b.c', tags: ['x'] })), clock.now() + 60_000, '503 retry')
      for (const to of [heir, other]) {
        expect(await move(to)).toEqual(['taken'])
        expect(await move(to)).toEqual(['known'])
        expect(await claim(to)).toMatchObject({
          externalId: 'u1',
          fields: { email: 'a@b.c', tags: ['x'] },
          attempts: 1,
          pendingSince: since,
        })
      }
    })

    test('what was refused arrives with its reason, and can be tried again', async () => {
      await refuse(from, { email: 'bad@b.c' })
      for (const to of [heir, other]) {
        expect([await move(to), await move(to)]).toEqual([['taken'], ['known']])
        const [entry] = await to.list({ limit: 9 })
        expect(entry).toMatchObject({ state: 'parked', externalId: 'u1', parked: { email: { value: 'bad@b.c' } } })
        expect(entry?.parked.email?.reason).toBe('422 refused')
        await to.requeue(entry?.id as string)
        expect(await claim(to)).toMatchObject({ fields: { email: 'bad@b.c' } })
      }
    })

    test('a store made with the same key also knows what was delivered, the numbers, and who was purged', async () => {
      await from.done(claimOf(await put(from, { email: 'a@b.c' }, 5)))
      await from.purge('u2', clock.now() + 30_000)
      expect(await move(heir)).toEqual(['taken', 'taken'])
      expect(await move(heir)).toEqual(['known', 'known'])
      expect(await put(heir, { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
      expect(await put(heir, { email: 'b@b.c' }, 4)).toEqual({ kind: 'superseded', number: 5 })
      const issuedAt = clock.now()
      expect(await heir.put({ externalId: 'u2', fields: {}, issuedAt }, { claim: true })).toEqual({ kind: 'revoked' })
    })

    test('a store with another key says of which rows nobody can tell whose they are', async () => {
      await deliver(from, { email: 'a@b.c' })
      expect(await move(other)).toEqual(['nameless'])
      expect(await put(other, { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
    })

    test('numbers come along with what waits, and never fall', async () => {
      await put(from, { email: 'a@b.c' }, 5)
      await put(other, { tags: [] }, 7)
      await move(other)
      expect(await put(other, { email: 'b@b.c' }, 6)).toEqual({ kind: 'superseded', number: 7 })
      await move(heir)
      expect(await put(heir, { email: 'b@b.c' }, 4)).toEqual({ kind: 'superseded', number: 5 })
    })

    test.each<[string, (store: Store) => Promise<void>, object[]]>([
      ['waits', (store) => leave(store, { email: 'new@b.c' }), [{ fields: { email: 'new@b.c', tags: ['x'] } }]],
      ['is delivered', (store) => deliver(store, { email: 'new@b.c' }), [{ fields: { tags: ['x'] } }]],
      ['was refused', (store) => refuse(store, { email: 'new@b.c' }), [{ fields: { tags: ['x'] } }]],
    ])('a newer value that %s here stays, and fields that are new here come', async (_, have, left) => {
      await put(from, { email: 'old@b.c', tags: ['x'] })
      for (const to of [heir, other]) {
        await have(to)
        expect([await move(to), await move(to)]).toEqual([['taken'], ['known']])
        expect(await to.claim(9)).toMatchObject(left)
      }
    })

    test.each<[string, (store: Store) => Promise<void>]>([
      ['waits', (store) => leave(store, { email: 'old@b.c' })],
      ['is delivered', (store) => deliver(store, { email: 'old@b.c' })],
      ['was refused', (store) => refuse(store, { email: 'old@b.c' })],
    ])('an older value that %s here gives way', async (_, have) => {
      for (const to of [heir, other]) await have(to)
      await put(from, { email: 'new@b.c' })
      for (const to of [heir, other]) {
        expect(await move(to)).toEqual(['taken'])
        expect(await claim(to)).toMatchObject({ fields: { email: 'new@b.c' } })
        expect(await to.stats()).toMatchObject({ parked: 0 })
      }
    })

    test('an older value that waits here is not sent after a newer one that was delivered there', async () => {
      await leave(from, { email: 'old@b.c' })
      await move(heir)
      await from.done(await claim(from))
      await deliver(from, { email: 'new@b.c' })
      expect(await move(heir)).toEqual(['taken'])
      expect(await heir.claim(9)).toEqual([])
    })

    test('what came from there and was delivered there since is not sent once more', async () => {
      await leave(from, { email: 'a@b.c' })
      await move(heir)
      await from.done(await claim(from))
      expect(await move(heir)).toEqual(['taken'])
      expect(await heir.claim(9)).toEqual([])
      expect(await put(heir, { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
    })

    test('what was dropped here does not come back', async () => {
      await put(from, { email: 'a@b.c' })
      await move(heir)
      await heir.drop((await heir.list({ limit: 1 }))[0]?.id as string)
      expect(await move(heir)).toEqual(['known'])
      expect(await heir.list({ limit: 1 })).toEqual([])
    })

    test('who was purged here does not come back, and who was purged there is erased here', async () => {
      await put(from, { email: 'a@b.c' })
      await other.purge('u1', clock.now() + 30_000)
      await move(other)
      expect(await other.list({ limit: 1 })).toEqual([])
      await move(heir)
      const held = await claim(heir)
      await from.purge('u1', clock.now() + 30_000)
      expect(await move(heir)).toEqual(['taken'])
      expect(await heir.list({ limit: 1 })).toEqual([])
      expect(await heir.look(held)).toBe('lost')
    })

    test('who is erased here while it is being sent: what comes next waits until that has ended', async () => {
      await put(from, { email: 'a@b.c' })
      await move(heir)
      const held = await claim(heir)
      await clock.advance(1)
      await from.purge('u1', clock.now())
      expect(await move(heir)).toEqual(['taken'])
      await heir.put({ externalId: 'u1', fields: { tags: [] }, issuedAt: clock.now() }, { claim: false })
      expect(await heir.claim(9)).toEqual([])
      await heir.release([held])
      expect(await heir.claim(9)).toMatchObject([{ fields: { tags: [] } }])
    })

    test('what is being sent here and was delivered there: what comes next waits until that has ended', async () => {
      await leave(from, { email: 'a@b.c' })
      await move(heir)
      const held = await claim(heir)
      await from.done(await claim(from))
      expect(await move(heir)).toEqual(['taken'])
      await clock.advance(1)
      await heir.put({ externalId: 'u1', fields: { email: 'b@b.c' } }, { claim: false })
      expect(await heir.claim(9)).toEqual([])
      await heir.release([held])
      expect(await heir.claim(9)).toMatchObject([{ fields: { email: 'b@b.c' } }])
    })

    test('what is being sent here ends as usual, and what came meanwhile follows', async () => {
      const held = claimOf(await put(other, { display_name: 'old', tags: ['x'] }))
      await put(from, { display_name: 'new' })
      await move(other)
      expect(await other.look(held)).toBe('newer')
      await other.done(held)
      expect(await claim(other)).toMatchObject({ fields: { display_name: 'new' } })
    })

    test('every contact comes once, whatever the pages', async () => {
      for (let i = 0; i < 20; i++) await put(from, {}, undefined, `u${i}`)
      for (const size of [1, 7, 20, 21]) expect(new Set(await exportLines(from, size)).size).toBe(20)
      await move(other)
      expect((await other.claim(99)).map(({ externalId }) => externalId).sort()).toEqual(
        Array.from({ length: 20 }, (_, i) => `u${i}`).sort(),
      )
    })
  })
}
