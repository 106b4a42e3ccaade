import type { Contact } from '../core/contact.ts'
import type { Emit } from './decisions.ts'
import type { LoadEngine } from './engine-context.ts'
import type { OpenCall } from './open-call.ts'
import type { DroppedReason, Outcome } from './outcome.ts'
import type { WarnOnce } from './warn-once.ts'

/** What the client gives to the pipeline. */
export interface PipelineParts {
  /** False while consent is not given or after `close`. */
  mayRun(): boolean
  emit: Emit
  warnOnce: WarnOnce
  load: LoadEngine
}

/** An answer to a call, which another call with the same arguments gets too while nothing changes. */
export interface Known {
  outcome: Outcome | Promise<Outcome>
  /** By the wall clock, which runs on while a device sleeps, and can be set back. */
  since: number
  until: number
  /** What was stored when it was given. */
  revision: string | undefined
  /** Of a call that is open: while it is. */
  call?: OpenCall
}

/** Takes calls: tells duplicates, keeps the others safe, and has the chunk loaded that does everything else. */
export interface Pipeline {
  identify(contact: Contact, force: boolean): Known
  /** Whether that answer is the same still. */
  holds(known: Known): boolean
  /** Takes up what an earlier page left in the outbox. */
  resume(): void
  /** Sends at once what needs no waiting: the page may be gone in a moment. */
  leave(): void
  /** Ends a back-off that no server ordered. */
  wake(): void
  /** Resolves when nothing can be sent now. Without a document no retry follows by itself. */
  flush(): Promise<void>
  /** Forgets what waits; its calls end as `dropped` with this reason. */
  forget(reason: DroppedReason): void
}
