// In a clone: `npm install && npm run build && npx vitest run examples/testing`. What to look at is here: your own calls of
// orq.identify against a backend that is in the test, with faults and a clock that it sets.
import { createOrq } from 'orq-identify'
import { createTestBackend } from 'orq-identify/testing'
import { expect, test } from 'vitest'

test('a changed plan reaches Orq, once', async () => {
  const backend = createTestBackend('user_1')
  const orq = createOrq(backend.options)
  orq.identify('user_1', { name: 'Jane', plan: 'free' })
  orq.identify('user_1', { name: 'Jane', plan: 'pro' })
  await backend.clock.advance(250) // the debounce

  expect(backend.contacts()).toMatchObject([{ external_id: 'user_1', display_name: 'Jane', metadata: { plan: 'pro' } }])
  expect(backend.requests).toHaveLength(1)
  expect(await orq.identify('user_1', { name: 'Jane', plan: 'pro' })).toEqual({ status: 'duplicate' })
})

test('while Orq is down the page keeps the contact, and the next visit brings it', async () => {
  const backend = createTestBackend('user_1')
  backend.setFault('down')
  const orq = createOrq(backend.options)
  const outcome = orq.identify('user_1', { name: 'Jane' })
  await backend.clock.advance(12_000)
  expect(await outcome).toEqual({ status: 'pending', reason: 'server' })
  orq.close()

  backend.setFault('ok')
  createOrq(backend.options) // another page of the same browser
  await backend.clock.advance(60_000)
  expect(backend.contacts()).toMatchObject([{ display_name: 'Jane' }])
})
