import { expect, test } from 'vitest'
import { memory } from '../../src/store/memory.ts'
import { fakeClock } from '../clock.ts'
import { claimOf, describeStore } from './conformance.ts'

describeStore('memory', (clock) => memory({ clock }))

const put = (store: ReturnType<typeof memory>, externalId: string, fields = {}, claim = true) =>
  store.put({ externalId, fields }, { claim })

test('what fails or is withdrawn is forgotten, and what came since is due at once', async () => {
  const store = memory()
  const claim = claimOf(await put(store, 'u1', { email: 'a@b.c', tags: [] }))
  await put(store, 'u1', { email: 'b@b.c' })
  await store.retry(claim, Number.POSITIVE_INFINITY, '503 unavailable')
  const [next] = await store.claim(9)
  expect(next?.fields).toEqual({ email: 'b@b.c' })
  await store.release([next!])
  store.withdraw?.('u1', next!.version)
  expect(await store.claim(9)).toEqual([])
  expect(await put(store, 'u1', { email: 'b@b.c' })).toMatchObject({ kind: 'stored' })
})

test('rows are bounded: the oldest with nothing pending go first, and none that has something', async () => {
  const store = memory({ clock: fakeClock(), maxRows: 2 })
  await put(store, 'pending', { email: 'a@b.c' }, false)
  for (const id of ['a', 'b', 'c']) await store.done(claimOf(await put(store, id, { email: 'a@b.c' })))
  expect(await put(store, 'c', { email: 'a@b.c' })).toEqual({ kind: 'unchanged' })
  expect(await put(store, 'a', { email: 'a@b.c' })).toMatchObject({ kind: 'stored' })
  expect(await store.claim(1)).toMatchObject([{ externalId: 'pending', fields: { email: 'a@b.c' } }])
})
