import { describe, expect, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import type { Claim, PutResult, Store } from '../../src/store/store.ts'
import { fakeClock } from '../clock.ts'

const day = 86_400_000
const client = 'client-0123456789'

const setUp = (maxRows?: number) => {
  const clock = fakeClock()
  const store = memory({ clock, ...(maxRows !== undefined && { maxRows }) })
  const put = (externalId: string, fields = {}, id?: { client?: string; number: number; force?: boolean }) =>
    store.put(
      { externalId, fields, ...(id && { id: { client: id.client ?? client, number: id.number, force: !!id.force } }) },
      { claim: true },
    )
  return { clock, store, put }
}

const claimOf = (result: PutResult): Claim => {
  if (result.kind !== 'stored' || !result.claim) throw new Error(`no claim: ${result.kind}`)
  return result.claim
}
const putWithoutClaim = (store: Store, externalId: string, fields = {}): Promise<PutResult> =>
  store.put({ externalId, fields }, { claim: false })

describe('a claim', () => {
  test('holds every undelivered field, and is only given once', async () => {
    const { store, put } = setUp()
    await putWithoutClaim(store, 'u1', { email: 'a@b.c', tags: ['x'] })
    const claim = claimOf(await put('u1', { tags: [] }))
    expect(claim).toMatchObject({ externalId: 'u1', fields: { email: 'a@b.c', tags: [] } })
    expect(await put('u1', { email: null })).toMatchObject({ kind: 'stored', claim: undefined })
    expect(await store.claim(9)).toEqual([])
  })

  test('is given to the oldest first, as many as asked for', async () => {
    const { store } = setUp()
    for (const id of ['a', 'b', 'c']) await putWithoutClaim(store, id)
    expect((await store.claim(2)).map(({ externalId }) => externalId)).toEqual(['a', 'b'])
    expect((await store.claim(2)).map(({ externalId }) => externalId)).toEqual(['c'])
  })

  test.each(['done', 'park', 'retry'] as const)('ends by %s, and a newer version is due at once', async (how) => {
    const { store, put } = setUp()
    const claim = claimOf(await put('u1', { email: 'a@b.c', tags: [] }))
    await put('u1', { email: 'b@b.c' })
    const end = {
      done: () => store.done(claim),
      park: () => store.park(claim, ['email'], 'r'),
      retry: () => store.retry(claim, 0, 'r'),
    }
    await end[how]()
    expect(await store.claim(9)).toMatchObject([{ externalId: 'u1', fields: { email: 'b@b.c' } }])
  })

  test('whose lease is lost has no effect', async () => {
    const { store, put } = setUp()
    const old = claimOf(await put('u1', { email: 'a@b.c' }))
    await store.release([old])
    const [current] = (await store.claim(1)) as [Claim]
    await store.done(old)
    await store.park(old, ['email'], 'r')
    await store.retry(old, 0, 'r')
    await store.release([old])
    expect(await store.claim(1)).toEqual([])
    await store.release([current])
    expect(await store.claim(1)).toMatchObject([{ fields: { email: 'a@b.c' } }])
  })

  test('that is released is as if it had not been taken', async () => {
    const { store, put } = setUp()
    const claim = claimOf(await put('u1', { email: 'a@b.c' }))
    await store.release([claim])
    expect(await store.claim(1)).toMatchObject([{ version: claim.version, fields: claim.fields }])
  })
})

describe('versions', () => {
  test('grow and are never used again, even for a row that is gone', async () => {
    const { store, put } = setUp(0)
    const seen: number[] = []
    for (let i = 0; i < 4; i++) {
      const claim = claimOf(await put('u1', { tags: [`${i}`] }))
      seen.push(claim.version)
      await store.done(claim)
      await putWithoutClaim(store, 'u2') // prunes the first row
    }
    expect(new Set(seen).size).toBe(4)
    expect([...seen].sort((a, b) => a - b)).toEqual(seen)
  })
})

describe('unchanged', () => {
  const deliver = async ({ store, put }: ReturnType<typeof setUp>, fields = {}): Promise<void> =>
    store.done(claimOf(await put('u1', fields)))

  test('is what was delivered, a part of it, and the id alone', async () => {
    const world = setUp()
    await deliver(world, { email: 'a@b.c', metadata: { a: 1, b: 2 } })
    expect(await world.put('u1', { metadata: { a: 1, b: 2 }, email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
    expect(await world.put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
    expect(await world.put('u1')).toEqual({ kind: 'unchanged' })
    expect(await world.put('u1', { email: null })).toMatchObject({ kind: 'stored' })
  })

  test('ends a day after the delivery, and no hit prolongs it', async () => {
    const world = setUp()
    await deliver(world, { email: 'a@b.c' })
    await world.clock.advance(day - 1)
    expect(await world.put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
    await world.clock.advance(1)
    expect(await world.put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
  })

  test('counts from the delivery and not from the call', async () => {
    const world = setUp()
    const claim = claimOf(await world.put('u1', { email: 'a@b.c' }))
    await world.clock.advance(9_000)
    await world.store.done(claim)
    await world.clock.advance(day - 1)
    expect(await world.put('u1', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
  })

  test.each(['retry', 'park', 'withdraw'] as const)('is not what came to %s', async (how) => {
    const { store, put } = setUp()
    const claim = claimOf(await put('u1', { email: 'a@b.c' }))
    if (how === 'retry') await store.retry(claim, 0, 'r')
    if (how === 'park') await store.park(claim, ['email', 'external_id'], 'r')
    if (how === 'withdraw') {
      await store.release([claim])
      store.withdraw?.('u1', claim.version)
    }
    expect(await store.claim(1)).toEqual([])
    expect(await put('u1')).toMatchObject({ kind: 'stored' })
    expect(await put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
  })

  test('is not what was sent under another value since, whatever became of it', async () => {
    const world = setUp()
    await deliver(world, { email: 'a@b.c' })
    const claim = claimOf(await world.put('u1', { email: 'b@b.c' }))
    expect(await world.put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
    await world.store.retry(claim, 0, 'r')
    for (const next of await world.store.claim(1)) await world.store.retry(next, 0, 'r')
    expect(await world.put('u1', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
  })

  test('is not known of a field that waits, but of the others', async () => {
    const world = setUp()
    await deliver(world, { email: 'a@b.c', tags: [] })
    await world.put('u1', { tags: ['x'] })
    expect(await world.put('u1', { tags: ['x'] })).toMatchObject({ kind: 'stored' })
  })

  test('is overruled by force', async () => {
    const world = setUp()
    await deliver(world, { email: 'a@b.c' })
    expect(await world.put('u1', { email: 'a@b.c' }, { number: 1, force: true })).toMatchObject({ kind: 'stored' })
  })
})

describe('numbers', () => {
  test('of the 8 latest clients are kept per contact', async () => {
    const { put } = setUp()
    for (let i = 0; i < 9; i++) await put('u1', { tags: [`${i}`] }, { client: `client-${i}-0123456789`, number: 5 })
    expect(await put('u1', { tags: ['x'] }, { client: 'client-1-0123456789', number: 4 })).toMatchObject({
      kind: 'superseded',
      number: 5,
    })
    expect(await put('u1', { tags: ['x'] }, { client: 'client-0-0123456789', number: 4 })).toMatchObject({
      kind: 'stored',
    })
  })

  test('that are superseded write nothing', async () => {
    const { store, put } = setUp()
    const claim = claimOf(await put('u1', { email: 'a@b.c' }, { number: 5 }))
    await put('u1', { email: 'b@b.c' }, { number: 4 })
    await store.done(claim)
    expect(await store.claim(1)).toEqual([])
  })
})

test('rows are bounded: the oldest with nothing pending go first, and none that has something', async () => {
  const { store, put } = setUp(2)
  await putWithoutClaim(store, 'pending', { email: 'a@b.c' })
  for (const id of ['a', 'b', 'c']) await store.done(claimOf(await put(id, { email: 'a@b.c' })))
  expect(await put('c', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
  expect(await put('a', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
  expect(await store.claim(1)).toMatchObject([{ externalId: 'pending', fields: { email: 'a@b.c' } }])
})
