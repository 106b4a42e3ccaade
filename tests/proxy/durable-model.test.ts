import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Update } from '../../src/store/store.ts'
import { playSchedules, scheduled } from '../schedules.ts'
import { createAcceptance } from './acceptance.ts'
import { createMachine, type Process } from './durable-harness.ts'
import { createOpenRequests, type OpenRequest, type OpenRequests } from './open-requests.ts'
import { createUpstreamOracle, fields, fieldsWith } from './upstream-oracle.ts'

const who = fc.constantFrom('a', 'b', 'c')
const via = fc.nat(1)
const put = fc.record({
  who,
  field: fc.constantFrom(...fields),
  via,
  client: fc.constantFrom(undefined, 'page-of-one-browser', 'page-of-another-one'),
  /** How many numbers its page has given since: it was held up on its way, or is sent again. */
  late: fc.constantFrom(0, 0, 1, 2),
  force: fc.constantFrom(false, false, false, true),
  /** The value that was accepted last, once more. */
  isSame: fc.constantFrom(false, false, true),
  tokenAgeMs: fc.constantFrom(0, 0, 40_000),
})
const answers = [
  ...(['done', 'done', 'done', 'done', 'done', 'done'] as const),
  ...(['retry', 'blocked', 'lost', 'applied', 'paused', 'stale', 'conflict'] as const),
] as const
const common = [
  { weight: 6, arbitrary: fc.record({ put }) },
  { weight: 9, arbitrary: fc.record({ answer: fc.constantFrom(...answers), via, which: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ ms: fc.constantFrom(20, 500, 2_000, 31_000) }) },
  { weight: 1, arbitrary: fc.record({ end: fc.constantFrom('kill', 'killed late', 'stop'), via }) },
  { weight: 1, arbitrary: fc.record({ purge: who, via }) },
  { weight: 1, arbitrary: fc.record({ requeueVia: via }) },
  { weight: 1, arbitrary: fc.record({ overwrite: who }) },
  { weight: 1, arbitrary: fc.record({ isMended: fc.boolean() }) },
] as const
const withLeaps = fc.oneof(...common, {
  weight: 1,
  arbitrary: fc.record({ clockBy: fc.constantFrom(-3_600_000, 3_600_000) }),
})
type Step = typeof withLeaps extends fc.Arbitrary<infer T> ? T : never
type Put = Extract<Step, { put: unknown }>['put']

const play = async (steps: readonly Step[], count: number): Promise<void> => {
  const machine = createMachine()
  const { clock } = machine
  const acceptance = createAcceptance()
  const upstream = createUpstreamOracle()
  /** What cannot be checked where it is seen, as nobody there would hear of it. */
  const failures: unknown[] = []
  const checking = (check: () => void): void => {
    try {
      check()
    } catch (error) {
      failures.push(error)
    }
  }
  const begin = (): Process & { requests: OpenRequests } => {
    const requests = createOpenRequests(clock, ({ contact }) => checking(() => upstream.begins(contact)))
    return { ...machine.start({ upsert: requests.upsert }), requests }
  }
  const processes = Array.from({ length: count }, begin)
  const at = (via: number) => processes[via % count] as (typeof processes)[number]
  let values = 0
  const numbers = new Map<string, number>()

  const send = async ({ who, field, via, client, late, force, isSame, tokenAgeMs }: Put): Promise<void> => {
    const key = `${who}.${field}`
    const last = upstream.last(key)
    const isAgain = isSame && last !== undefined
    const value = isAgain ? last : ++values
    const given = numbers.get(`${client}`) ?? 0
    if (!late) numbers.set(`${client}`, given + 1)
    const number = Math.max(1, late ? given + 1 - late : given + 1)
    const id = client === undefined ? undefined : { client, number, force }
    const update: Update = { externalId: who, fields: fieldsWith(field, value), id, issuedAt: clock.now() - tokenAgeMs }
    const refusal = acceptance.judge(update, clock.now())
    if (refusal && !isAgain) upstream.refused(value)
    const { events, put } = at(via)
    const before = events.length
    let delivery: { kind: string } | undefined
    void put(who, update.fields, update).then((result) => {
      delivery = result
      if (result.kind === 'delivered' && !upstream.wasDelivered(key, value))
        failures.push(new Error(`${key}: ${value} is said to be delivered`))
    })
    await machine.settle()
    const stored = events.slice(before).find(({ type }) => type === 'put')
    if (refusal) {
      expect(delivery).toEqual(refusal)
      return
    }
    const isForced = id?.force === true
    expect(isForced ? ['stored'] : ['stored', 'unchanged']).toContain(stored && 'result' in stored && stored.result)
    if (stored && 'result' in stored && stored.result === 'stored') upstream.accepted(key, value)
    else upstream.expectKnown(key, value)
  }

  const answer = (request: OpenRequest | undefined, how: (typeof answers)[number]): void => {
    if (!request) return
    const { method, contact } = request
    const takes = how === 'done' || how === 'applied' || (how === 'conflict' && method === 'PATCH')
    if (how === 'conflict' && method === 'POST') return request.answer(409)
    if (takes && upstream.refuses(contact)) return request.answer(422)
    if (takes) upstream.applies(contact)
    if (how === 'applied' || how === 'lost') return request.fail()
    if (how === 'stale') return request.fail('UND_ERR_SOCKET')
    if (how === 'paused') return request.answer(429, { 'retry-after': '7' })
    request.answer(takes ? 200 : how === 'retry' ? 500 : 403)
  }

  const check = (): void => {
    if (failures.length) throw failures[0]
    const ids = processes.flatMap(({ requests }) => requests.open.map(({ contact }) => contact.external_id))
    expect(new Set(ids).size, 'requests at once for one contact').toBe(ids.length)
  }
  const requeueAll = async (via: number): Promise<void> => {
    const { store } = at(via)
    for (const { id } of await store.list({ limit: 99 })) await store.requeue(id)
  }

  for (const step of steps) {
    if ('put' in step) await send(step.put)
    else if ('answer' in step) {
      const { open } = at(step.via).requests
      answer(open[step.which % Math.max(1, open.length)], step.answer)
    } else if ('ms' in step) await clock.advance(step.ms)
    else if ('clockBy' in step) clock.set(clock.now() + step.clockBy)
    else if ('purge' in step) {
      const notBefore = clock.now() + 30_000
      await at(step.via).store.purge(step.purge, notBefore)
      acceptance.purge(step.purge, notBefore)
      upstream.purge(step.purge, values)
    } else if ('requeueVia' in step) await requeueAll(step.requeueVia)
    else if ('overwrite' in step) upstream.overwrites(step.overwrite)
    else if ('isMended' in step) upstream.isMended = step.isMended
    else {
      const { kill, dispatcher, requests } = at(step.via)
      // What was on the wire has reached upstream, and nobody is left to hear of it.
      if (step.end === 'killed late')
        for (const { contact } of requests.open) if (!upstream.refuses(contact)) upstream.applies(contact)
      if (step.end === 'stop') await dispatcher.close()
      else kill()
      processes[step.via % count] = begin()
    }
    await machine.settle()
    check()
  }

  // Upstream is well again and takes everything: everything arrives, what it refused too.
  upstream.isMended = true
  const { store } = at(0)
  for (let i = 0; i < 100; i++) {
    for (const { requests } of processes) for (const request of [...requests.open]) answer(request, 'done')
    await machine.settle()
    check()
    const { pending, parked } = await store.stats()
    if (!pending && !parked) break
    // Not before all is delivered: it would end every back-off, too.
    if (!pending) await requeueAll(0)
    await clock.advance(i < 20 ? 500 : 5_000)
  }
  const left = await store.stats()
  await machine.end()
  expect(left).toMatchObject({ pending: 0, parked: 0 })
  upstream.expectEverything()
}

/** Pages with numbers, upstream's answers, operators, kills and time in any order: promises 1 to 3 of the proxy. */
test.each<[string, number, fc.Arbitrary<Step>]>([
  ['one process, whose clock leaps', 1, withLeaps],
  // A leap ends the lease of the other one early, as database time would not.
  ['two processes on one file', 2, fc.oneof(...common)],
])(
  '%s: what was accepted last is there in the end, nothing goes backwards, nothing refused or purged goes out',
  scheduled,
  async (name, count, step) => {
    // Long ones from the beginning: a bias towards short ones parks and requeues next to nothing.
    const steps = fc.noBias(fc.array(step, { maxLength: 60, size: 'max' }))
    await playSchedules(
      `Model of the proxy, ${name}`,
      fc.asyncProperty(steps, (list) => play(list, count)),
      40,
    )
  },
)
