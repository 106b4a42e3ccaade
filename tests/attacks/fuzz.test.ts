import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alsoInAll, isAll } from '../is-all.ts'
import { announce, isLong } from '../soak.ts'
import { type Barrage, barrage } from './barrage.ts'
import { isSame } from './contacts.ts'
import { startTarget, type Target } from './target.ts'

const count = isLong ? 300_000 : isAll ? 30_000 : 3_000
const seed = Number(process.env['ORQ_SEED'] ?? Date.now() % 1e9)
/** Of DESIGN, section 3, and of the parser: none of them says that the proxy broke. */
const known = new Set([100, 200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 417, 422, 431])

const said = ['token_refused', 'limited', 'parked', 'warning', 'paused', 'resumed', 'store_failed', 'store_recovered']

/** Tags are a set. */
const expectedOf = (body: Buffer): unknown => {
  try {
    const contact = JSON.parse(body.toString())
    return Array.isArray(contact.tags) ? { ...contact, tags: [...new Set(contact.tags)] } : contact
  } catch {
    return undefined
  }
}

describe(`${count} random requests, again with ORQ_SEED=${seed}`, alsoInAll, () => {
  let target: Target
  let printed: string
  let sent: Barrage
  /** Who was answered 200 or 202. */
  const taken = new Set<string>()
  const overs: (() => void)[] = []

  beforeAll(async () => {
    target = await startTarget(
      {
        env: {
          // In a small heap a leak of some hundred bytes for each of a hundred thousand would end the process; and what
          // is new has little room too, or it would count against the limit and be collected all the time.
          NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=4',
          ORQ_SUBJECT_LIMIT: '60',
          ORQ_ADDRESS_LIMIT: '1000000',
        },
      },
      (task) => overs.push(task),
    )
    printed = target.proxy.output()
    announce(`${count} random requests`, count * 2)
    sent = await barrage(target, { count, seed })
    for (const { answer } of sent.batches)
      for (const [, who = ''] of answer.matchAll(/\{"external_id":"(\w+)","status":"/g)) taken.add(who)
    // 30 000 take a minute on a machine of their own.
  }, 7_200_000)
  afterAll(() => {
    for (const over of overs.reverse()) over()
  })

  test('are answered with the statuses of the contract and of the parser', () => {
    // 503 for want of the store alone, and only while it was held.
    const isKnown = (status: number, isHeld: boolean): boolean => known.has(status) || (isHeld && status === 503)
    const strange = sent.batches.filter(({ statuses, trouble }) =>
      statuses.some((status) => !isKnown(status, trouble === 'held')),
    )
    expect(strange.map(({ number, statuses }) => ({ number, statuses }))).toEqual([])
    const codes = sent.batches.flatMap(({ answer }) => [...answer.matchAll(/ 503 [\s\S]*?\{"code":"(\w+)"/g)])
    // Without any the trouble would have been none.
    expect(new Set(codes.map(([, code]) => code))).toEqual(new Set(['store_unavailable']))
  })

  test('are all taken where nothing is wrong with them', () => {
    // While the contacts API is down, too; not while the store is held.
    const good = sent.batches.filter(({ isGood, trouble }) => isGood && trouble !== 'held')
    expect(good.some(({ trouble }) => trouble === 'down')).toBe(true)
    const refused = good.filter(
      ({ requests, statuses }) =>
        statuses.length !== requests.length + 1 || statuses.some((status) => status !== 200 && status !== 202),
    )
    expect(refused.map(({ number, statuses }) => ({ number, statuses }))).toEqual([])
    expect(good.length).toBeGreaterThan(count / 50)
    // Of the others some are taken, for what was changed does not matter, and most are not.
    expect(taken.size).toBeGreaterThan(count / 4)
    expect(taken.size).toBeLessThan(count / 2)
  })

  test('reach the contacts API with the values that were sent, if they were taken, and for nobody else', async () => {
    const whoIn = (json: Record<string, unknown>): string => String(json['external_id'])
    // A 202 is on its way.
    await expect
      .poll(
        () => {
          const there = new Set(target.upstream.received.map(({ json }) => whoIn(json)))
          return [...taken].filter((who) => !there.has(who))
        },
        { timeout: 60_000 },
      )
      .toEqual([])
    const requests = new Map(sent.batches.flatMap((batch) => batch.requests.map((request) => [request.who, request])))
    const changed = target.upstream.received.filter(
      ({ json }) => !requests.get(whoIn(json))?.bodies.some((body) => isSame(expectedOf(body), json)),
    )
    expect(changed.map(({ body }) => body)).toEqual([])
  })

  test('get no answer for another person, and no secret', () => {
    const mixed = sent.batches.filter(({ requests, answer }) =>
      [...answer.matchAll(/"external_id":"(\w+)"/g)].some(
        ([, who]) => !requests.some((request) => request.who === who),
      ),
    )
    expect(mixed.map(({ number }) => number)).toEqual([])
    expect(sent.batches.filter(({ answer }) => /CANARY/.test(answer)).map(({ number }) => number)).toEqual([])
  })

  test('leave the proxy ready, with no more to say than that tokens were bad and what had failed', async () => {
    expect((await fetch(`${target.proxy.adminUrl}/readyz`)).status).toBe(200)
    const lines = target.proxy.output().slice(printed.length).trim().split('\n')
    for (const line of lines) expect(said).toContain(JSON.parse(line).event)
    expect(lines.length).toBeLessThan(50)
    expect(lines.join()).not.toContain('CANARY')
  })

  test.skipIf(process.platform !== 'linux')('leave the process as large as it was (told by /proc)', () => {
    // Within the first third Node takes what it needs; what it holds at the end is what it held in the middle.
    const third = Math.floor(sent.memoryMb.length / 3)
    const largest = (part: number[]): number => Math.max(0, ...part)
    const [middle, last] = [sent.memoryMb.slice(third, -third), sent.memoryMb.slice(-third)].map(largest)
    expect(last).toBeLessThanOrEqual((middle as number) * 1.15)
  })
})
