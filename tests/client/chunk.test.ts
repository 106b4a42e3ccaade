import { beforeEach, describe, expect, test } from 'vitest'
import { createDecisions } from '../../src/client/decisions.ts'
import * as engine from '../../src/client/engine/engine.ts'
import type { EngineModule, LoadEngine } from '../../src/client/engine-context.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import { createPipeline } from '../../src/client/pipeline.ts'
import type { Pipeline } from '../../src/client/pipeline-types.ts'
import { sameContract } from '../../src/client/same-contract.ts'
import { type Settings, toSettings } from '../../src/client/settings.ts'
import type { Outcome } from '../../src/index.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { delivered, fakeStorage, refused, tokenFor } from './harness.ts'

const jane = { external_id: 'user_1', email: 'jane@example.com' }

let clock: FakeClock
let storage: ReturnType<typeof fakeStorage>
let requests: { body: Record<string, unknown>; number: number; at: number }[]
let warnings: string[]
/** What the proxy answers; an error is a network failure. */
let answer: () => Response | Error

const bodies = () => requests.map(({ body }) => body)

/** A page whose chunk comes when the test says so. */
const open = (token: ClientOptions['token'] = tokenFor('user_1')) => {
  let arrive = (_module?: EngineModule): void => {}
  let fail = (): void => {}
  const chunk = new Promise<EngineModule>((resolve, reject) => {
    arrive = (module = engine) => resolve(Promise.resolve(module).then(sameContract))
    fail = () => reject(new Error('blocked'))
  })
  // It may fail before anybody has asked for it.
  chunk.catch(() => {})
  const load: LoadEngine = () => chunk
  const settings = toSettings({
    proxyUrl: 'https://app.example/orq',
    token,
    storage,
    clock,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const [, number] = (request.headers.get('orq-update-id') ?? '').split('.')
      requests.push({
        body: (await request.json()) as Record<string, unknown>,
        number: Number(number),
        at: clock.now(),
      })
      const given = answer()
      if (given instanceof Error) throw given
      return given
    },
  }) as Settings
  let isOpen = true
  const { emit } = createDecisions()
  const warnOnce = (text: string) => void warnings.push(text)
  const pipeline = createPipeline(settings, { mayRun: () => isOpen, emit, warnOnce, load })
  const close = (): void => {
    isOpen = false
    pipeline.forget('closed')
  }
  return { pipeline, arrive, fail, close }
}

/** Calls, and gives a look at the outcome so far. */
const call = (pipeline: Pipeline, contact: object = jane): (() => Outcome | 'open') => {
  let outcome: Outcome | 'open' = 'open'
  Promise.resolve(pipeline.identify(contact as typeof jane, false).outcome).then((value) => {
    outcome = value
  })
  return () => outcome
}
const statusOf = (look: () => Outcome | 'open') => {
  const outcome = look()
  return outcome === 'open' ? outcome : [outcome.status, outcome.reason].filter(Boolean).join(': ')
}

/** In steps: what an answer brings takes turns of its own. */
const later = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 250) await clock.advance(Math.min(left, 250))
}

const stored = (): string => [...storage.values.values()].join()

beforeEach(() => {
  clock = fakeClock()
  storage = fakeStorage()
  requests = []
  warnings = []
  answer = delivered
})

describe('before the chunk has come', () => {
  test('a call is kept, and nothing is sent', async () => {
    call(open().pipeline)
    await clock.advance(5_000)
    expect(requests).toEqual([])
    expect(stored()).toContain('jane@example.com')
  })

  test('many calls of one person are one stored entry, the later value of each field', async () => {
    const { pipeline } = open()
    for (let n = 0; n < 500; n++) call(pipeline, { ...jane, metadata: { n } })
    await clock.advance(1)
    expect(stored().length).toBeLessThan(1_000)
    expect(stored()).toContain('{\\"n\\":499}')
    expect(stored()).not.toContain('{\\"n\\":498}')
  })

  test('leaving sends what the token at hand speaks for, once', async () => {
    const { pipeline } = open()
    call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    pipeline.leave()
    await clock.advance(1)
    expect(bodies()).toEqual([jane])
  })

  test('the answer to what was sent on leaving is recorded when the chunk comes after all', async () => {
    const { pipeline, arrive } = open()
    const outcome = call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    arrive()
    await clock.advance(1_000)
    expect(statusOf(outcome)).toBe('delivered')
    expect(bodies()).toEqual([jane])
    expect(stored()).not.toContain('jane')
    const again = call(open().pipeline)
    await clock.advance(1)
    expect(statusOf(again)).toBe('duplicate')
  })

  test('leaving without a token sends nothing, and the next visit delivers', async () => {
    const first = open(() => new Promise(() => {}))
    call(first.pipeline)
    await clock.advance(1)
    first.pipeline.leave()
    await clock.advance(1)
    expect(requests).toEqual([])
    const next = open()
    next.arrive()
    call(next.pipeline)
    await clock.advance(1_000)
    expect(bodies()).toEqual([jane])
  })

  test("leaving never sends with somebody else's token", async () => {
    const { pipeline } = open(tokenFor('somebody_else'))
    call(pipeline)
    await clock.advance(1)
    pipeline.leave()
    await clock.advance(1)
    expect(requests).toEqual([])
  })

  test('a reset drops the call, and the chunk finds nothing to send', async () => {
    const { pipeline, arrive } = open()
    const outcome = call(pipeline)
    pipeline.forget('reset')
    arrive()
    await clock.advance(1_000)
    expect(statusOf(outcome)).toBe('dropped: reset')
    expect(requests).toEqual([])
    expect(stored()).not.toContain('jane')
  })

  test('denied consent leaves no key behind, though the chunk comes later', async () => {
    const { pipeline, arrive } = open()
    call(pipeline)
    pipeline.forget('denied')
    arrive()
    await clock.advance(10_000)
    expect([...storage.values.values()].filter(Boolean)).toEqual([])
  })

  test('is not waited for longer than timeoutMs: then the call goes without it', async () => {
    const outcome = call(open().pipeline)
    await later(9_000)
    expect(requests).toEqual([])
    await later(2_000)
    expect(bodies()).toEqual([jane])
    expect(statusOf(outcome)).toBe('delivered')
  })
})

describe('a chunk that cannot be loaded', () => {
  const openWithout = (token?: ClientOptions['token']): Pipeline & { close(): void } => {
    const { pipeline, fail, close } = open(token)
    fail()
    return { ...pipeline, close }
  }

  test('leaves sending to the bare fetch, after the debounce, and is named once', async () => {
    const pipeline = openWithout()
    const outcome = call(pipeline)
    await later(249)
    expect(requests).toEqual([])
    await later(10)
    expect(bodies()).toEqual([jane])
    expect(statusOf(outcome)).toBe('delivered')
    expect(warnings).toEqual([expect.stringContaining('transport.js')])
  })

  test('makes one request of ten equal calls, none of repeats and of a reload, and leaves nothing personal', async () => {
    const pipeline = openWithout()
    const outcomes = Array.from({ length: 10 }, () => call(pipeline))
    await later(10_000)
    for (let n = 0; n < 10; n++) outcomes.push(call(pipeline))
    const reloaded = openWithout()
    reloaded.resume()
    outcomes.push(call(reloaded))
    await later(10_000)
    expect(requests).toHaveLength(1)
    expect(stored()).not.toContain('jane')
    expect(new Set(outcomes.map(statusOf))).toEqual(new Set(['delivered', 'duplicate']))
  })

  test('joins thirty changes in two seconds into at most four requests to a proxy that is down', async () => {
    answer = () => new TypeError('network')
    const pipeline = openWithout()
    for (let n = 0; n < 30; n++) {
      call(pipeline, { ...jane, metadata: { n } })
      await later(67)
    }
    expect(requests.length).toBeLessThanOrEqual(4)
    answer = delivered
    await later(60_000)
    expect(bodies().at(-1)).toEqual({ ...jane, metadata: { n: 29 } })
    expect(stored()).not.toContain('jane')
  })

  test('repeats the number of a body, over a page load too, and takes a higher one for a later body', async () => {
    answer = () => refused(503, 'store_unavailable')
    const first = openWithout()
    call(first)
    await later(300)
    first.close()
    const next = openWithout()
    next.resume()
    await later(60_000)
    const count = requests.length
    expect(count).toBeGreaterThan(1)
    expect(new Set(requests.map(({ number }) => number)).size).toBe(1)
    call(next, { ...jane, display_name: 'Jane' })
    await later(120_000)
    expect(requests.at(-1)?.number).toBeGreaterThan(requests[0]?.number as number)
  })

  test('backs off over a page load, too', async () => {
    answer = () => new TypeError('network')
    const first = openWithout()
    call(first)
    await later(30_000)
    const before = requests.length
    const last = requests.at(-1)?.at as number
    first.close()
    const next = openWithout()
    next.resume()
    call(next)
    await later(1_000)
    expect(requests).toHaveLength(before)
    await later(60_000)
    expect((requests[before]?.at as number) - last).toBeGreaterThan(5_000)
  })

  test('forgets what is older than outboxTtlMs', async () => {
    answer = () => new TypeError('network')
    call(openWithout())
    await later(1_000)
    await clock.advance(8 * 86_400_000)
    const before = requests.length
    const next = openWithout()
    next.resume()
    await later(120_000)
    expect(requests).toHaveLength(before)
    expect(stored()).not.toContain('jane')
  })

  test('acknowledges by an answer of ours alone', async () => {
    answer = () => new Response('{"status":"ok"}', { status: 200 })
    const outcome = call(openWithout())
    await later(12_000)
    expect(statusOf(outcome)).toBe('pending: unreachable')
    expect(stored()).toContain('jane')
  })

  test('asks for a token no more often than it tries', async () => {
    let asked = 0
    answer = () => new TypeError('network')
    const pipeline = openWithout(() => {
      asked++
      return tokenFor('user_1')
    })
    for (let n = 0; n < 10; n++) call(pipeline)
    await later(10_000)
    expect(asked).toBeLessThanOrEqual(requests.length + 1)
  })

  test('of another contract counts as one that cannot be loaded', async () => {
    const { pipeline, arrive } = open()
    const outcome = call(pipeline)
    arrive({ ...engine, contractVersion: -1 })
    await later(1_000)
    expect(statusOf(outcome)).toBe('delivered')
  })

  test('lets a flush end, which sends', async () => {
    const pipeline = openWithout()
    call(pipeline)
    await later(1)
    await pipeline.flush()
    await later(1)
    expect(bodies()).toEqual([jane])
  })
})
