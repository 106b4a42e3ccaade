import type { Contact, FieldName } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import { nextDelay, parseRetryAfter } from '../core/retry.ts'
import type { Claim, Store } from '../store/store.ts'
import type { UpsertResult } from '../upstream/upsert.ts'
import type { EventListener } from './events.ts'
import type { Pace } from './pace.ts'
import { isStaleSocket, type Trouble, troubleOf } from './trouble.ts'

/** What one attempt at a claim came to. */
export type Outcome =
  | { kind: 'done'; body: string }
  /** Upstream has `fields` of the claim, but for `refused`; what is left of the claim is due. */
  | { kind: 'parked'; fields: readonly FieldName[]; refused: readonly (keyof Contact)[]; reason: string }
  | { kind: 'retry'; afterMs: number; reason: string; retryAfterMs: number | undefined }
  /** Nothing is known to be wrong: to be claimed anew. */
  | { kind: 'released' }
  /** Another holds the row by now, or it was purged or dropped. */
  | { kind: 'lost' }

/** @param goesOn asked before a second call for the same contact: whether that is still to be sent */
export type Upsert = (contact: Contact, signal: AbortSignal, goesOn: () => Promise<boolean>) => Promise<UpsertResult>

export interface AttemptOptions {
  store: Store
  upsert: Upsert
  clock: Clock
  pace: Pace
  random(): number
  onEvent?: EventListener | undefined
}

export interface AttemptLimits {
  signal: AbortSignal
  /** By the monotonic clock: an upsert, of two calls, that starts later could outlive the lease. */
  startBy: number
  /** Whether another claim of the contact had to end first: it may have been purged or dropped meanwhile. */
  hasWaited: boolean
}

/** The longest that one call takes. */
export const callMs = 10_000

/** Everything else waits no longer than this for a person to fix key, path or firewall. */
const blockedMs = 60_000
/** A clock that was years behind is no reason to give up: a hundred attempts are. */
const patience = { ms: 14 * 86_400_000, attempts: 100 }

/** Delivers a claim: all of it in one call; when that is refused, field by field, so that the rest still gets through. */
export const createAttempt = (options: AttemptOptions): ((claim: Claim, limits: AttemptLimits) => Promise<Outcome>) => {
  const { store, upsert, clock, pace, random, onEvent } = options

  return async (claim, { signal, startBy, hasWaited }) => {
    const { externalId, fields, attempts } = claim
    const names = Object.keys(fields) as FieldName[]

    /** Why a second call was not sent: it could outlive the lease, or the store could not be asked. */
    let stop: 'lost' | 'late' | 'unknown' | undefined
    /** Of the last call, where it had no answer. */
    let trouble: Trouble | undefined
    /**
     * A contact that was purged while POST was on the wire must not be sent by PATCH. Nor by who was stopped meanwhile: the
     * store may have told, before that, of a lease that is over by now.
     */
    const goesOn = async (): Promise<boolean> => {
      stop = 'unknown'
      const isLost = (await store.look(claim)) === 'lost'
      stop = isLost ? 'lost' : clock.monotonic() > startBy + callMs ? 'late' : undefined
      return stop === undefined
    }

    /**
     * @returns undefined when there was no answer, 'late' when nothing was asked: the lease is too old, or it is over;
     * 'lost' when it was not asked to the end, as the contact is not to be sent any more
     */
    const call = async (some: readonly FieldName[]): Promise<UpsertResult | undefined | 'late' | 'lost'> => {
      const contact: Contact = { external_id: externalId }
      for (const name of some) Object.assign(contact, { [name]: fields[name] })
      const start = clock.monotonic()
      if (start > startBy || signal.aborted) return 'late'
      // Who was stopped while the call was on the wire finds its socket closed, and perhaps its lease over.
      const mayRepeat = (error: unknown): boolean =>
        isStaleSocket(error) && !signal.aborted && clock.monotonic() <= startBy
      trouble = undefined
      const result = await upsert(contact, signal, goesOn)
        .catch(async (error) =>
          mayRepeat(error) && (await goesOn()) ? upsert(contact, signal, goesOn) : Promise.reject(error),
        )
        .catch((error) => {
          trouble = troubleOf(error)
          return undefined
        })
      const kind = result?.kind ?? 'retry'
      const ms = clock.monotonic() - start
      onEvent?.({
        type: 'call',
        result: kind,
        status: result?.answer.status,
        trouble,
        ms,
        externalId,
      })
      // Half an upsert says neither that upstream takes calls nor that it does not.
      if (stop === 'lost') return 'lost'
      if (stop) return undefined
      // Nor does one that we have ended before it had its time.
      if (!result && signal.aborted && ms < callMs / 2) return undefined
      if (kind === 'done' || kind === 'refused') pace.passed()
      else pace.failed(externalId, kind, pauseMsOf(result))
      return result
    }

    const retryAfterOf = (result: UpsertResult | undefined): number | undefined =>
      parseRetryAfter(result?.answer.headers.get('retry-after'), clock.now())

    /** 429 and 503 speak for the whole of upstream, any other status for this contact. */
    const pauseMsOf = (result: UpsertResult | undefined): number | undefined =>
      [429, 503].includes(result?.answer.status ?? 0) ? retryAfterOf(result) : undefined

    const fail = (result: UpsertResult | undefined): Outcome => {
      const reason = result ? `${result.answer.status} ${result.kind}` : `no answer: ${trouble ?? 'late'}`
      const isHopeless = clock.now() - claim.pendingSince >= patience.ms && attempts >= patience.attempts
      if (isHopeless && store.isDurable)
        return { kind: 'parked', fields: names, refused: [...names, 'external_id'], reason: `${reason}, expired` }
      const retryAfterMs = retryAfterOf(result)
      const backoffMs = result?.kind === 'blocked' ? blockedMs : (nextDelay({}, attempts, 0, random()) as number)
      return { kind: 'retry', afterMs: Math.max(backoffMs, retryAfterMs ?? 0), reason, retryAfterMs }
    }

    const split = async (first: UpsertResult): Promise<Outcome> => {
      // A newer update may have fixed it; a purged contact must not be sent again.
      const now = await store.look(claim)
      if (now !== 'current') return { kind: now === 'lost' ? 'lost' : 'released' }
      const refused: (keyof Contact)[] = []
      const asked: FieldName[] = []
      let status = first.answer.status
      for (const name of names) {
        // Purged or dropped meanwhile: not one field more.
        if (asked.length && (await store.look(claim)) === 'lost') return { kind: 'lost' }
        // Of one field the answer is known.
        const result = names.length > 1 ? await call([name]) : first
        if (result === 'lost') return { kind: 'lost' }
        if (result === 'late') {
          if (!asked.length || signal.aborted) return fail(undefined)
          break
        }
        if (result?.kind === 'refused') {
          refused.push(name)
          status = result.answer.status
        } else if (result?.kind !== 'done') return fail(result)
        asked.push(name)
      }
      // Nothing was taken, so nobody knows whether there is a contact.
      if (refused.length === asked.length) refused.push('external_id')
      return { kind: 'parked', fields: asked, refused, reason: `${status} refused` }
    }

    if (hasWaited && !(await goesOn())) return { kind: stop === 'lost' ? 'lost' : 'released' }
    const result = await call(names)
    if (result === 'lost') return { kind: 'lost' }
    if (result === 'late') return { kind: 'released' }
    if (result?.kind === 'done') return { kind: 'done', body: result.answer.body }
    return result?.kind === 'refused' ? split(result) : fail(result)
  }
}
