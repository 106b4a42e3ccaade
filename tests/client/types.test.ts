import { expectTypeOf, test } from 'vitest'
import type { Orq, Outcome, User } from '../../src/index.ts'

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
