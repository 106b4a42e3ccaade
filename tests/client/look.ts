import { vi } from 'vitest'
import type { EngineModule } from '../../src/client/engine-context.ts'
import { createClient } from '../../src/client/orq.ts'
import { sameContract } from '../../src/client/same-contract.ts'
import { hash } from '../../src/core/hash.ts'
import type { ClientOptions, Orq, Outcome } from '../../src/index.ts'
import type { FakeClock } from '../clock.ts'
import type { Posted, World } from './harness.ts'

/** Calls with anything, as a page without types does. */
export type CallAnything = (...args: unknown[]) => Promise<Outcome>

/** Gives what a call has come to so far: `open`, `rejected`, or its outcome as `pending: server` or `delivered, refused email`. */
export const look = (call: Promise<Outcome>): (() => string) => {
  let text = 'open'
  call.then(
    ({ status, reason, refused }) => {
      text = `${status}${reason ? `: ${reason}` : ''}${refused ? `, refused ${refused.join(' ')}` : ''}`
    },
    () => {
      text = 'rejected'
    },
  )
  return () => text
}

/** Lets time pass in steps: what an answer brings takes turns of its own. */
export const later = async (clock: FakeClock, ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 250) await clock.advance(Math.min(left, 250))
}

/** Keeps the console quiet, until `vi.restoreAllMocks`. @returns what is printed from now on */
export const hearConsole = (): string[] => {
  const lines: string[] = []
  for (const level of ['warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((text) => void lines.push(String(text)))
  return lines
}

/** The proxy answers so until it is told otherwise. */
export const answerAlways = (world: World, answer: World['replies'][number]): void => {
  world.replies = Array.from({ length: 10_000 }, () => answer)
}

/** What was posted, by one of its fields. */
export const valuesOf = (posts: Posted[], field: string): unknown[] => posts.map(({ body }) => body[field])

const withChunk =
  (load: () => Promise<EngineModule>) =>
  (options: ClientOptions): Orq => {
    const client = createClient({ load })
    client.init(options)
    return client
  }

/** For `world.load`: a client whose chunk neither comes nor fails. */
export const neverChunk: (options: ClientOptions) => Orq = withChunk(() => new Promise(() => {}))
/** The same, whose chunk cannot be loaded. */
export const noChunk: (options: ClientOptions) => Orq = withChunk(() => Promise.reject(new Error('blocked')))

/** The same, whose chunk is of another build. */
export const chunkOfOtherBuild: (options: ClientOptions) => Orq = withChunk(async () =>
  sameContract({ contractVersion: -1 } as EngineModule),
)

/** The keys of the proxy of `createWorld`. */
export const ledgerKey: string = `orq.2.ledger.${hash('', 'https://app.example/orq')}`
export const outboxKey: string = `orq.2.outbox.${hash('', 'https://app.example/orq')}`

/** A text as the client stores it: what is damaged behind a right checksum still has to be looked at. */
export const sealed = (json: string): string => hash('', json) + json

/** Rows for `test.each`: a short name, and the text. */
export const named = (texts: readonly string[]): [name: string, text: string][] =>
  texts.map((text) => [text.length > 120 ? `${text.slice(0, 120)}…` : text, text])

/** The stored outbox, parsed; empty where there is none. */
export const storedContacts = ({ storage }: World): [id: string, fields: Record<string, unknown>][] => {
  const text = storage.values.get(outboxKey)
  return text ? JSON.parse(text.slice(16)).unsent : []
}
