import { beforeEach, describe, expect, test } from 'vitest'
import { createDecisions } from '../../src/client/decisions.ts'
import * as engine from '../../src/client/engine.ts'
import { createPipeline, type EngineModule, type LoadEngine, type Pipeline } from '../../src/client/intake.ts'
import { toSettings } from '../../src/client/options.ts'
import type { Outcome } from '../../src/index.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { delivered, fakeStorage, tokenFor } from './harness.ts'

const jane = { external_id: 'user_1', email: 'jane@example.com' }

let clock: FakeClock
let storage: ReturnType<typeof fakeStorage>
let bodies: Record<string, unknown>[]

/** A page whose chunk comes when the test says so. */
const open = (token: string | (() => Promise<string>) = tokenFor('user_1')) => {
  let arrive = (_module?: EngineModule): void => {}
  let fail = (): void => {}
  const chunk = new Promise<EngineModule>((resolve, reject) => {
    arrive = (module = engine) => resolve(module)
    fail = () => reject(new Error('blocked'))
  })
  const load: LoadEngine = () => chunk
  const settings = toSettings({
    proxyUrl: 'https://app.example/orq',
    token,
    storage,
    clock,
    fetch: async (input, init) => {
      bodies.push((await new Request(input, init).json()) as Record<string, unknown>)
      return delivered()
    },
  })
  const { emit } = createDecisions()
  const pipeline = createPipeline(settings, { mayRun: () => true, emit, say: () => {} }, load)
  return { pipeline, arrive, fail }
}

/** Calls, and gives a look at the outcome so far. */
const call = (pipeline: Pipeline): (() => Outcome | 'open' | 'duplicate') => {
  let outcome: Outcome | 'open' | 'duplicate' = 'open'
  const result = pipeline.identify(jane, false)
  if (typeof result === 'number') outcome = 'duplicate'
  else
    result.then((value) => {
      outcome = value
    })
  return () => outcome
}

const stored = (): string => [...storage.values.values()].join()

beforeEach(() => {
  clock = fakeClock()
  storage = fakeStorage()
  bodies = []
})

describe('before the chunk has come', () => {
  test('a call is kept, and nothing is sent', async () => {
    call(open().pipeline)
    await clock.advance(5_000)
    expect(bodies).toEqual([])
    expect(stored()).toContain('jane@example.com')
  })

  test('leaving sends what the token at hand speaks for, once', async () => {
    const { pipeline } = open()
    call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    pipeline.leave()
    await clock.advance(1)
    expect(bodies).toEqual([jane])
  })

  test('the answer to what was sent on leaving is recorded when the chunk comes after all', async () => {
    const { pipeline, arrive } = open()
    const outcome = call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    arrive()
    await clock.advance(1_000)
    expect(outcome()).toEqual({ status: 'delivered' })
    expect(bodies).toEqual([jane])
    expect(stored()).not.toContain('jane')
    expect(call(open().pipeline)()).toBe('duplicate')
  })

  test('leaving without a token sends nothing, and the next visit delivers', async () => {
    const first = open(() => new Promise(() => {}))
    call(first.pipeline)
    await clock.advance(1)
    first.pipeline.leave()
    await clock.advance(1)
    expect(bodies).toEqual([])
    const next = open()
    next.arrive()
    call(next.pipeline)
    await clock.advance(1_000)
    expect(bodies).toEqual([jane])
  })

  test("leaving never sends with somebody else's token", async () => {
    const { pipeline } = open(tokenFor('somebody_else'))
    call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    await clock.advance(1)
    expect(bodies).toEqual([])
  })

  test('a reset drops the call, and the chunk finds nothing to send', async () => {
    const { pipeline, arrive } = open()
    const outcome = call(pipeline)
    pipeline.forget('reset')
    arrive()
    await clock.advance(1_000)
    expect(outcome()).toEqual({ status: 'dropped', reason: 'reset' })
    expect(bodies).toEqual([])
    expect(stored()).not.toContain('jane')
  })

  test('a call that is still open ends as pending at its deadline', async () => {
    const outcome = call(open().pipeline)
    await clock.advance(12_000)
    expect(outcome()).toEqual({ status: 'pending', reason: 'timeout' })
  })
})

describe('a chunk that cannot be loaded', () => {
  test('leaves one sending to the bare fetch, after the debounce', async () => {
    const { pipeline, fail } = open()
    fail()
    call(pipeline)
    await clock.advance(249)
    expect(bodies).toEqual([])
    await clock.advance(1)
    expect(bodies).toEqual([jane])
    pipeline.leave()
    await clock.advance(60_000)
    expect(bodies).toEqual([jane])
  })

  test('claims no more than is known: the call is pending, and kept for the next visit', async () => {
    const { pipeline, fail } = open()
    fail()
    const outcome = call(pipeline)
    await clock.advance(12_000)
    expect(outcome()).toEqual({ status: 'pending', reason: 'unreachable' })
    const next = open()
    next.arrive()
    next.pipeline.resume()
    call(next.pipeline)
    await clock.advance(1_000)
    expect(stored()).not.toContain('jane')
    expect(call(open().pipeline)()).toBe('duplicate')
  })

  test('lets a flush end', async () => {
    const { pipeline, fail } = open()
    fail()
    call(pipeline)
    await clock.advance(1)
    await pipeline.flush()
  })
})
