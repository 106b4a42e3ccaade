import { expectTypeOf, test } from 'vitest'
import type { Decision, DroppedReason, Orq, Outcome, PendingReason, User } from '../../src/index.ts'

declare const orq: Orq

// Never called: `npm run check` compiles it, and each line that must not compile says so.
const calls = (): void => {
  // @ts-expect-error an id is required
  orq.identify()
  // @ts-expect-error an id is required
  orq.identify({})
  // @ts-expect-error an id is required
  orq.identify({ email: 'a@example.com' })
  // @ts-expect-error an e-mail is a text or null
  orq.identify({ externalId: 'u', email: 5 })
  // @ts-expect-error tags are a list, [] clears
  orq.identify({ externalId: 'u', tags: null })
  // @ts-expect-error no such option
  orq.init({ debounce: 5 })
  orq.identify({ externalId: 'u', email: null, displayName: undefined, avatarUrl: null, tags: [], metadata: {} })
  orq.identify({ external_id: 'u', display_name: null, avatar_url: null })
  orq.identify({ externalId: 42 }, { force: true })
  orq.identify('u')
  orq.identify('u', null)
  orq.identify('u', { name: 'Jane', avatar: null, plan: 'pro', nested: { a: 1 } }, { force: true })
  orq.on('decision', ({ kind, reason, contact, at }) => void [kind, reason, contact, at])
}

interface Plan {
  plan: 'pro' | 'team'
}

test('what must not compile does not', () => {
  expectTypeOf(calls).toBeFunction()
})

// Never called either.
const callsWithPlan = (metadata: Plan): void => {
  // @ts-expect-error no such plan
  orq.identify<Plan>({ externalId: 'u', metadata: { plan: 'free' } })
  // @ts-expect-error a plan is no number
  orq.identify<Plan>({ externalId: 'u', metadata: { plan: 5 } })
  // @ts-expect-error the plan is missing
  orq.identify<Plan>({ externalId: 'u', metadata: {} })
  // @ts-expect-error no such key
  orq.identify<Plan>({ externalId: 'u', metadata: { plan: 'pro', seats: 5 } })
  // @ts-expect-error metadata is an object
  orq.identify({ externalId: 'u', metadata: 'pro' })
  // @ts-expect-error {} clears
  orq.identify({ externalId: 'u', metadata: null })
  // @ts-expect-error no primitive is metadata
  orq.identify<string>({ externalId: 'u' })
  orq.identify({ externalId: 'u', metadata })
}

test('metadata of an interface of the app is accepted as it is, and nothing else in its place', () => {
  const metadata: Plan = { plan: 'pro' }
  const call = (): Promise<Outcome> => orq.identify<Plan>({ externalId: 'u', metadata })
  expectTypeOf(call).returns.resolves.toEqualTypeOf<Outcome>()
  expectTypeOf(callsWithPlan).toBeFunction()
  expectTypeOf<User<Plan>['metadata']>().toEqualTypeOf<Plan | undefined>()
})

interface Profile {
  name: string
  plan: 'free' | 'pro'
  since?: Date
}

// Never called either.
// biome-ignore lint/suspicious/noExplicitAny: apps have such values
const callsInAnyShape = (profile: Profile, record: Record<string, unknown>, anything: any): void => {
  orq.identify({ externalId: 'u', metadata: record })
  orq.identify({ externalId: 'u', metadata: anything })
  orq.identify({ externalId: 'u', metadata: { text: 'a', when: new Date(), list: [1, { a: null }], none: undefined } })
  orq.identify('u', profile)
  orq.identify('u', record)
  orq.identify('u', { plan: 'pro' })
  const wrapped = (...args: Parameters<Orq['identify']>): Promise<Outcome> => orq.identify(...args)
  wrapped({ externalId: 'u', metadata: { plan: 'pro' } }, { force: true })
  wrapped('u', profile)
  wrapped('u', { plan: 'pro' })
  // @ts-expect-error JSON has no maps
  orq.identify({ externalId: 'u', metadata: new Map() })
  // @ts-expect-error JSON has no sets
  orq.identify({ externalId: 'u', metadata: { plans: new Set(['pro']) } })
  // @ts-expect-error JSON has no functions
  orq.identify({ externalId: 'u', metadata: { plan: () => 'pro' } })
  // @ts-expect-error JSON has no bigints
  orq.identify({ externalId: 'u', metadata: { a: { b: 1n } } })
  // @ts-expect-error JSON has no functions
  orq.identify('u', { plan: () => 'pro' })
  // @ts-expect-error JSON has no maps
  orq.identify('u', new Map())
  // @ts-expect-error a name is a text
  orq.identify('u', { name: 5 })
  // @ts-expect-error tags are a list
  orq.identify('u', { tags: 'pro' })
}

test('traits of an interface are accepted, and nothing that JSON cannot hold', () => {
  expectTypeOf(callsInAnyShape).toBeFunction()
})

test('a decision has a reason exactly when it is pending or dropped', () => {
  expectTypeOf<Extract<Decision, { kind: 'sent' }>['reason']>().toEqualTypeOf<undefined>()
  expectTypeOf<Extract<Decision, { kind: 'pending' }>['reason']>().toEqualTypeOf<PendingReason>()
  expectTypeOf<Extract<Decision, { kind: 'dropped' }>['reason']>().toEqualTypeOf<DroppedReason>()
})

test('an outcome has a reason exactly when it is pending or dropped', () => {
  expectTypeOf<Extract<Outcome, { status: 'pending' }>['reason']>().toEqualTypeOf<
    | 'offline'
    | 'no_token'
    | 'other_person'
    | 'token_refused'
    | 'token_source'
    | 'unreachable'
    | 'rate_limited'
    | 'server'
    | 'timeout'
  >()
  expectTypeOf<Extract<Outcome, { status: 'duplicate' }>['reason']>().toEqualTypeOf<never>()
})
