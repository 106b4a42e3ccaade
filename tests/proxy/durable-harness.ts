import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Contact, Fields } from '../../src/core/contact.ts'
import type { Upsert } from '../../src/proxy/attempt.ts'
import { createDispatcher, type Dispatcher } from '../../src/proxy/dispatcher.ts'
import type { ProxyEvent } from '../../src/proxy/events.ts'
import { sqlite } from '../../src/store/sqlite.ts'
import type { Store, Update } from '../../src/store/store.ts'
import type { UpsertResult } from '../../src/upstream/upsert.ts'
import { type FakeClock, fakeClock } from '../clock.ts'

export type Answer = UpsertResult['kind'] | 'lost'

export interface OpenCall {
  contact: Contact
  /** Whether a PATCH of it may still be sent. */
  goesOn(): Promise<boolean>
  answer(kind: Answer, status?: number, headers?: Record<string, string>): void
  fail(error: unknown): void
}

/** One process: its dispatcher on the common file, and its calls that upstream has not answered. */
export interface Process {
  dispatcher: Dispatcher
  store: Store
  open: OpenCall[]
  /** All calls in order. */
  calls: Contact[]
  events: ProxyEvent[]
  put(externalId: string, fields?: Fields, more?: Partial<Update>): ReturnType<Dispatcher['deliver']>
  /** As by SIGSTOP and SIGCONT: time has passed, and no timer of it has run yet. */
  wakeAfter(ms: number): void
  /** As by kill -9: nothing it does from now on has an effect. */
  kill(): void
}

const upsertMs = 19_999
const statuses = { done: 200, retry: 500, refused: 422, blocked: 403 }

const settle = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Processes on one SQLite file and one clock, whose upstream answers when told. */
export const createMachine = () => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-machine-'))
  const path = join(folder, 'orq.db')
  const clock: FakeClock = fakeClock()
  const running = new Set<Process>()

  /** @param given in place of its open calls, which are whole upserts */
  const start = ({ concurrency = 4, upsert: given }: { concurrency?: number; upsert?: Upsert } = {}): Process => {
    let isAlive = true
    let stoppedMs = 0
    const never = new Promise<never>(() => {})
    const file = sqlite({ path, clock, collectMs: 0, shared: true })
    const ifAlive =
      <A extends unknown[], T>(call: (...all: A) => Promise<T>) =>
      (...all: A): Promise<T> =>
        isAlive ? call(...all).then((value) => (isAlive ? value : never)) : never
    const store: Store = {
      ...file,
      put: ifAlive(file.put),
      claim: ifAlive(file.claim),
      look: ifAlive(file.look),
      done: ifAlive(file.done),
      park: ifAlive(file.park),
      retry: ifAlive(file.retry),
      release: ifAlive(file.release),
    }
    const open: OpenCall[] = []
    const calls: Contact[] = []
    const events: ProxyEvent[] = []
    const upsert: Upsert = (contact, signal, goesOn) =>
      new Promise((resolve, reject) => {
        const leave = (): boolean => open.includes(call) && open.splice(open.indexOf(call), 1).length > 0
        const call: OpenCall = {
          contact,
          goesOn,
          answer: (kind, status, headers = {}) => {
            if (!leave()) return
            if (kind === 'lost') reject(new Error('lost'))
            else
              resolve({
                kind,
                answer: { status: status ?? statuses[kind], headers: new Headers(headers), body: '{}' },
              })
          },
          fail: (error) => leave() && reject(error),
        }
        signal.addEventListener('abort', () => call.fail(signal.reason))
        // POST and PATCH, each with its own timeout.
        clock.after(upsertMs, () => call.fail(new Error('timeout')))
        calls.push(contact)
        open.push(call)
      })
    const dispatcher = createDispatcher({
      store,
      concurrency,
      random: () => 0.5,
      onEvent: (event) => events.push(event),
      clock: {
        ...clock,
        monotonic: () => clock.monotonic() + stoppedMs,
        after: (ms, task) => clock.after(ms, () => isAlive && task()),
      },
      upsert: given ?? upsert,
    })
    const process: Process = {
      dispatcher,
      store,
      open,
      calls,
      events,
      put: (externalId, fields = {}, more = {}) => dispatcher.deliver({ externalId, fields, ...more }),
      wakeAfter: (ms) => {
        stoppedMs += ms
      },
      kill: () => {
        isAlive = false
        open.length = 0
        running.delete(process)
        void file.close()
      },
    }
    running.add(process)
    return process
  }

  const end = async (): Promise<void> => {
    for (const process of running) await process.dispatcher.close()
    rmSync(folder, { recursive: true, force: true })
  }

  return { clock, start, settle, running, path, end }
}

/** A machine for one test. */
export const setUpMachine = () => {
  const machine = createMachine()
  onTestFinished(machine.end)
  return machine
}
