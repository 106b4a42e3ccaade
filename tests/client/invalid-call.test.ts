import { beforeEach, describe, expect, test } from 'vitest'
import type { Contact, Orq } from '../../src/index.ts'
import { createWorld, tokenFor, type World } from './harness.ts'
import { told, watchConsole } from './site.ts'

const ann = { externalId: 'ann', email: 'ann@example.com' }
let world: World
beforeEach(() => {
  world = createWorld()
  world.person = 'ann'
  watchConsole()
})

const throwing = {
  get externalId(): string {
    throw new Error('mine')
  },
}
/** Arguments of a call that is dropped, and whom it may seem to name. */
const invalid: [string, unknown[]][] = [
  ['undefined', [undefined]],
  ['nothing', []],
  ['null', [null]],
  ['no text', ['']],
  ['false', [false]],
  ['NaN', [Number.NaN]],
  ['the text NaN', ['NaN']],
  ['blanks and null', [{ externalId: ' null\t' }]],
  ['a number that is not safe', [2 ** 53]],
  ['a negative number', [{ externalId: -1 }]],
  ['an empty list', [[]]],
  ['a symbol', [Symbol('bob')]],
  ['a getter that throws', [throwing]],
  ['another person, with a bad e-mail address', ['bob', { email: 'none' }]],
  ['another person, too large', ['bob', { text: 'x'.repeat(33_000) }]],
  ['another person, with what JSON cannot hold', ['bob', { when: new Map() }]],
  ['the same person, with a bad tag', [{ externalId: 'ann', tags: [5] }]],
  ['an id that names another contact', [{ externalId: 'contact_01H8XGJWBWBAQ4N1N0V3S5T6Y7' }]],
]
const identify = (orq: Orq, args: unknown[]): Promise<string> =>
  (orq.identify as (...given: unknown[]) => ReturnType<Orq['identify']>)(...args).then(told)

describe('an invalid call changes nothing', () => {
  test.each(invalid)('%s, right after a good one: that one is sent', async (_, args) => {
    const { orq } = world.load()
    const good = orq.identify(ann)
    const bad = identify(orq, args)
    await world.clock.advance(5_000)
    expect([told(await good), await bad]).toEqual(['delivered', 'dropped: invalid'])
    expect(world.posts.map(({ body }) => body)).toEqual([{ external_id: 'ann', email: 'ann@example.com' }])
    expect(world.tokenCalls).toBe(1)
  })

  test.each(invalid)('%s, while a request fails: that one is tried again', async (_, args) => {
    world.replies = [() => new TypeError('network')]
    const { orq } = world.load()
    const good = orq.identify(ann)
    await world.clock.advance(300)
    identify(orq, args)
    await world.clock.advance(5_000)
    expect(told(await good)).toBe('delivered')
    expect(world.posts).toHaveLength(2)
  })

  test.each(invalid)('%s, while consent is pending: the good one waits on', async (_, args) => {
    const { orq } = world.load({ consent: 'pending' })
    const good = orq.identify(ann)
    identify(orq, args)
    await world.clock.advance(1_000)
    expect(world.storage.values.size).toBe(0)
    orq.consent('granted')
    await world.clock.advance(5_000)
    expect(told(await good)).toBe('delivered')
  })

  test.each(invalid)('%s, with an opaque token: the person stays the current one', async (_, args) => {
    world.tokens = () => 'opaque'
    const { orq } = world.load()
    orq.identify(ann)
    identify(orq, args)
    await world.clock.advance(5_000)
    expect(world.posts.map(({ body }) => body.external_id)).toEqual(['ann'])
  })
})

describe('what beforeSend drops changes nothing', () => {
  const dropsBob = (contact: Contact): Contact | null => (contact.external_id === 'bob' ? null : contact)
  test.each<[string, (contact: Contact) => Contact | null]>([
    ['by null', dropsBob],
    [
      'by a throw',
      (contact) => {
        if (contact.external_id === 'bob') throw new Error('mine')
        return contact
      },
    ],
    ['by a contact that is none', (contact) => (contact.external_id === 'bob' ? ({} as Contact) : contact)],
  ])('%s: another person, right after a good call', async (_, beforeSend) => {
    const { orq } = world.load({ beforeSend, token: () => tokenFor('ann') })
    const good = orq.identify(ann)
    expect(told(await orq.identify('bob'))).toBe('dropped: before_send')
    await world.clock.advance(5_000)
    expect(told(await good)).toBe('delivered')
    expect(world.posts).toHaveLength(1)
  })
})
