import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import { createUserFollower, type Session } from '../../src/bindings/user-follower.ts'
import type { Orq } from '../../src/index.ts'

const jane = { externalId: 'jane' }
const omar = { externalId: 'omar' }

/** A client that notes what it is told. */
const noting = (): { orq: Orq; told: string[] } => {
  const told: string[] = []
  const orq = {
    identify: ({ externalId }: { externalId: string }) => void told.push(externalId),
    reset: () => void told.push('reset'),
  } as unknown as Orq
  return { orq, told }
}

const follow = (...sessions: Partial<Session<object>>[]): string[] => {
  const { orq, told } = noting()
  const follower = createUserFollower()
  for (const { user, loading } of sessions) follower(orq, { user, loading })
  return told
}

let warn: MockInstance
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => warn.mockRestore())

test('a user is told once for equal content, and again after another', () => {
  expect(follow({ user: jane }, { user: { ...jane } }, { user: omar }, { user: jane })).toEqual([
    'jane',
    'omar',
    'jane',
  ])
})

test('null and false are told as one sign-out, with or without a user before', () => {
  expect(follow({ user: null }, { user: false }, { user: null })).toEqual(['reset'])
  expect(follow({ user: jane }, { user: false }, { user: null }, { user: jane })).toEqual(['jane', 'reset', 'jane'])
})

test('nothing is told while the session loads, and an equal user after it is not told again', () => {
  expect(follow({ user: jane, loading: true }, { user: null, loading: true })).toEqual([])
  const session = { user: jane, loading: false }
  expect(follow(session, { loading: true }, session)).toEqual(['jane'])
})

test('undefined is a sign-out where loading is false, without a warning', () => {
  expect(follow({ loading: false }, { user: jane, loading: false }, { loading: false })).toEqual([
    'reset',
    'jane',
    'reset',
  ])
  expect(warn).not.toHaveBeenCalled()
})

test('undefined without loading is nothing before a user, and a sign-out with one warning after', () => {
  expect(follow({}, { user: jane }, {}, {}, { user: jane }, {})).toEqual(['jane', 'reset', 'jane', 'reset'])
  expect(warn).toHaveBeenCalledTimes(1)
})

test('a new client is told what the former one was told', () => {
  const [former, later] = [noting(), noting()]
  const follower = createUserFollower()
  follower(former.orq, { user: jane, loading: undefined })
  follower(later.orq, { user: jane, loading: undefined })
  follower(former.orq, { user: undefined, loading: undefined })
  follower(later.orq, { user: undefined, loading: undefined })
  expect([former.told, later.told]).toEqual([
    ['jane', 'reset'],
    ['jane', 'reset'],
  ])
})
