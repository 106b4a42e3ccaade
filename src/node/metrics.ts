import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../core/ports.ts'
import { type RefusalCode, statusOf } from '../core/wire.ts'
import type { ProxyEvent } from '../proxy/events.ts'
import type { Store, StoreStats } from '../store/store.ts'

export interface Metrics {
  /** Counts. Costs about a microsecond per request in all. */
  onEvent(event: ProxyEvent): void
  /** What `/metrics` answers, in the text format of Prometheus; the store is asked then, at most once a second. */
  render(): Promise<{ text: string; contentType: string }>
}

export interface MetricsOptions {
  store: Store
  clock: Clock
  /** Adds memory, CPU, event loop and garbage collection of the process. @defaultValue false */
  ofProcess?: boolean | undefined
}

/** Counting what waits reads all of its index. */
const keptMs = 1_000
/** A store that is held up must not keep the other metrics from being read. */
const patienceMs = 1_000

const pauses = ['retry_after', 'failing', 'blocked'] as const
// From a group commit on a fast disk to the timeout of a call with its second request.
const commitBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
const callBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]
const waitBuckets = [0.05, 0.25, 1, 5, 30, 60, 300, 1_800, 3_600, 21_600, 86_400]

/** The metrics of one server, in a registry of its own. Labels are codes of ours: no value of a request becomes one. */
export const createMetrics = ({ store, clock, ofProcess = false }: MetricsOptions): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  if (ofProcess) collectDefaultMetrics({ register: registry })

  /** Counts in plain numbers, a tenth of the cost, and hands them over when somebody looks. */
  const tally = (
    name: string,
    help: string,
    { label, known = [], more = () => ({}) }: { label?: string; known?: string[]; more?(value: string): object } = {},
  ): ((value?: string) => void) => {
    // What has not happened yet is 0, so that its first time is an increase.
    const counts = new Map(label === undefined ? [['', 0]] : known.map((value) => [value, 0]))
    const labelNames = label === undefined ? [] : [label, ...Object.keys(more(''))]
    new Counter({
      name: `orq_${name}_total`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [value, count] of counts)
          this.inc(label === undefined ? {} : { [label]: value, ...more(value) }, count)
      },
    })
    return (value = '') => void counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `orq_${name}_seconds`, help, buckets, registers })

  const countUpdate = tally('updates', 'Updates handed to the store, by what it said; stored ones are accepted', {
    label: 'result',
    known: ['stored', 'unchanged', 'superseded', 'revoked', 'failed'],
  })
  const countAnswer = tally('answers', 'Answered requests, by status and code', {
    label: 'code',
    more: (code) => ({ status: statusOf[code as RefusalCode] ?? (code === 'delivered' ? 200 : 202) }),
  })
  const countToken = tally('token_failures', 'Requests without a valid token, by code', {
    label: 'code',
    known: ['token_missing', 'token_invalid', 'token_expired'],
  })
  const countLimited = tally('rate_limited', 'Requests over a limit, by whose', {
    label: 'by',
    known: ['subject', 'address'],
  })
  const countCall = tally('upstream_calls', 'Calls to the contacts API, by what came of them', {
    label: 'result',
    known: ['done', 'refused', 'retry', 'blocked'],
  })
  const countDelivery = tally('deliveries', 'Claims that the contacts API has, each with all updates joined in it')
  const countParked = tally('parked', 'Claims with fields that the contacts API refused for good')
  const countStoreFailure = tally('store_failures', 'Calls of the store that failed, besides puts, by what was asked', {
    label: 'operation',
    known: ['claim', 'look', 'done', 'park', 'retry', 'release', 'upkeep'],
  })
  const countFailure = tally('failures', 'Requests that failed unexpectedly and were answered 500')
  const commitTime = histogram('commit', 'Until an update was durable, its whole transaction included', commitBuckets)
  const callTime = histogram('upstream', 'Of a call to the contacts API', callBuckets)
  const waitTime = histogram('delivery', 'From the first acceptance to the delivery of a claim', waitBuckets)
  const paused = new Gauge({
    name: 'orq_dispatcher_paused',
    help: '1 while calls to the contacts API pause or are made one at a time, by why; blocked wants a person',
    labelNames: ['why'],
    registers,
  })

  const askStore = (): Promise<StoreStats | undefined> =>
    new Promise((resolve) => {
      const cancel = clock.after(patienceMs, () => resolve(undefined))
      store
        .stats()
        .catch(() => undefined)
        .then((stats) => {
          cancel()
          resolve(stats)
        })
    })
  let last: { at: number; stats: Promise<StoreStats | undefined> } | undefined
  const stats = (): Promise<StoreStats | undefined> => {
    const now = clock.monotonic()
    if (!last || now - last.at >= keptMs) last = { at: now, stats: askStore() }
    return last.stats
  }
  /** Asked for when somebody looks; without an answer there is no value rather than an old one. */
  const gauge = (name: string, help: string, read: (stats: StoreStats) => number): void => {
    new Gauge({
      name: `orq_${name}`,
      help,
      registers,
      async collect() {
        const found = await stats()
        if (found) this.set(read(found))
        else this.remove()
      },
    })
  }
  gauge('pending_contacts', 'Contacts with something undelivered', ({ pending }) => pending)
  gauge('parked_contacts', 'Contacts with fields that the contacts API refused for good', (found) => found.parked)
  gauge('oldest_pending_age_seconds', 'How long the longest waiting contact has waited; 0 when none waits', (found) =>
    found.oldestPendingSince === undefined ? 0 : Math.max(0, clock.now() - found.oldestPendingSince) / 1_000,
  )
  new Gauge({
    name: 'orq_store_up',
    help: '1 when the store could be asked',
    registers,
    async collect() {
      this.set((await stats()) ? 1 : 0)
    },
  })
  if (store.fileBytes)
    new Gauge({
      name: 'orq_store_bytes',
      help: 'Of the database file, and of its write-ahead log, which grows while another process reads',
      labelNames: ['file'],
      registers,
      collect() {
        const { file, log } = store.fileBytes?.() ?? { file: 0, log: 0 }
        this.set({ file: 'database' }, file)
        this.set({ file: 'log' }, log)
      },
    })

  const setPaused = (now?: (typeof pauses)[number]): void => {
    for (const why of pauses) paused.set({ why }, why === now ? 1 : 0)
  }
  setPaused()

  return {
    onEvent: (event) => {
      switch (event.type) {
        case 'put':
          countUpdate(event.result)
          return commitTime.observe(event.ms / 1_000)
        case 'call':
          countCall(event.result)
          return callTime.observe(event.ms / 1_000)
        case 'delivered':
          countDelivery()
          return waitTime.observe(event.ms / 1_000)
        case 'answered':
          return countAnswer(event.code)
        case 'parked':
          return countParked()
        case 'paused':
          return setPaused(event.why)
        case 'resumed':
          return setPaused()
        case 'refused':
          return countToken(event.code)
        case 'limited':
          return countLimited(event.by)
        case 'store_failed':
          return countStoreFailure(event.operation)
        case 'failed':
          return countFailure()
      }
    },
    render: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  }
}
