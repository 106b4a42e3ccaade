import { byteLength, type Contact, maxBodyBytes, type Problem, parseContact } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { isAcknowledged, markSent } from '../core/ledger.ts'
import { type Intake, outlivesPage, type Post, type Send, type Shared } from './intake.ts'
import { covers, entryOf, isEmpty, joinFields, type Line, toBody, toFields } from './line.ts'
import { type DroppedReason, dropped, type Outcome } from './outcome.ts'
import { ledgerOf, nextNumber, type Records, type Waiting, type WaitingFields } from './records.ts'
import type { Token } from './tokens.ts'

/** A body on the wire, and what it carries. */
export interface Flight extends Post {
  line: Line
  fields: WaitingFields
}

/** What waits in this tab, and how it gets into a body. */
export interface Lines {
  all: Map<string, Line>
  /** Nothing is tried before this time: like the outbox's not-before, but on this page alone, by the monotonic clock. */
  quietUntil: number
  lineOf(id: string): Line
  /** Joins calls to what waits. @returns their line and fields, or undefined when nothing is to be sent for them */
  take(intake: Intake): Pick<Flight, 'line' | 'fields'> | undefined
  /** Takes up what is stored. */
  takeUp(): void
  /**
   * Joins what is stored in, and leaves out what another tab has sent or called later. Without the lock another tab may
   * be sending what is stored: then only our own stays.
   */
  refresh(line: Line, isLocked?: boolean): void
  /** Numbers a body, takes its fields out of the ledger, and posts it. Without `send` only what outlives the page. */
  launch(line: Line, token: Token, send?: Send): Flight | undefined
  /** Ends the calls that this request carries; with 0 those that none does, without a number all. */
  settle(line: Line, outcome: Outcome, carrier?: number): void
  /** Forgets a line that holds nothing any more. */
  release(line: Line): void
  drop(line: Line, reason: DroppedReason): void
  /** Saves the records, just read, without what no longer waits. */
  save(records: Records): void
}

/** How many contacts the ledger remembers. */
const maxContacts = 20

/** Checks what the core let through, which has no rules of its own. */
const check = (contact: Contact): Contact | Problem => {
  if (/^\s*(undefined|null|NaN)?\s*$/.test(contact.external_id)) return parseContact({ external_id: '' })
  const parsed = parseContact(contact)
  return byteLength(JSON.stringify(parsed)) > maxBodyBytes
    ? { path: 'contact', hint: `at most ${maxBodyBytes} bytes` }
    : parsed
}

export const createLines = (shared: Shared): Lines => {
  const { store, emit, say, post, clock, dedupeTtlMs = 864e5, outboxTtlMs = 6048e5, debug } = shared
  const all = new Map<string, Line>()

  const save: Lines['save'] = (records) => {
    records.unsent = records.unsent.filter(
      ([head, fields]) => typeof head !== 'string' || !isEmpty(fields as WaitingFields),
    )
    const seen = Object.entries(records.seen).filter(([, ledger]) => !isEmpty(ledger))
    records.seen = Object.fromEntries(seen.slice(-maxContacts))
    // Of calls that came to nothing nothing stays, not even the browser's ids; but a reset has to be seen by all tabs.
    if (seen[0] || records.unsent[0] || records.epoch) store.save()
    else for (const n of [0, 1] as const) store.put(n)
  }

  const settle: Lines['settle'] = ({ id, calls }, outcome, carrier) => {
    emit(id, outcome.status, outcome.reason)
    for (const call of calls)
      if (carrier === undefined || call.carrier === carrier) {
        calls.delete(call)
        call.end(outcome)
      }
  }

  const drop: Lines['drop'] = (line, reason) => {
    line.cancelDebounce?.()
    all.delete(line.id)
    // Only a close gives up on what is on the wire: otherwise its real outcome is about to come.
    settle(line, dropped(reason), reason === 'closed' ? undefined : 0)
  }

  const lineOf = (id: string): Line => {
    const { epoch } = store.recall()
    let line = all.get(id)
    // Another tab has reset: what waited here belonged to the session before.
    if (line && line.epoch !== epoch) line = drop(line, 'reset') as undefined
    line ??= { id, epoch, fields: {}, carriers: {}, calls: new Set(), sent: [] }
    all.set(id, line)
    return line
  }

  const release: Lines['release'] = ({ id, fields }) => {
    if (isEmpty(fields)) all.delete(id)
  }

  /** Joins what pages have kept and no engine has taken yet, ours or another's; leaves out what is too old. */
  const absorb = (): Records => {
    const records = store.recall()
    const kept = records.unsent
    records.unsent = []
    for (const [head, ...rest] of kept) {
      let id = head as string
      let fields = rest[0] as WaitingFields
      if (typeof head !== 'string') {
        const contact = check(head)
        if ('path' in contact) continue
        id = contact.external_id
        fields = toFields(contact, ...(rest as [number, boolean]))
      }
      for (const field of Object.keys(fields)) if (clock.now() - fields[field]![1] >= outboxTtlMs) delete fields[field]
      const stored = entryOf(records, id)
      Object.assign(stored, joinFields(stored, fields))
    }
    return records
  }

  /** The fields of a call as they will wait, or undefined when all is known and nothing different waits. */
  const newsOf = (id: string, fields: WaitingFields, own: WaitingFields): WaitingFields | undefined => {
    const records = absorb()
    const ledger = ledgerOf(records, id)
    const waiting = joinFields(entryOf(records, id), own)
    let isNews = false
    let isExpired: 1 | 0 = 0
    for (const field of Object.keys(fields)) {
      const [json, , force] = fields[field]!
      const known = ledger[field]
      const digest = hash(records.salt, json)
      const isKnown = isAcknowledged(known, digest, clock.now(), dedupeTtlMs)
      if (force || !isKnown || (waiting[field] && waiting[field][0] !== json)) isNews = true
      // Known but expired: somebody else may have changed it, and the proxy's own ledger must not call it unchanged.
      if (!isKnown && known?.[0] === digest) isExpired = 1
    }
    for (const field of Object.keys(fields)) fields[field]![2] ||= isExpired || own[field]?.[2] || 0
    return isNews ? fields : undefined
  }

  const take: Lines['take'] = ({ contact: given, calledAt, force, epoch, end, post: sent }) => {
    if (epoch !== store.recall().epoch) {
      end(emit(given.external_id, 'dropped', 'reset'))
      return undefined
    }
    const contact = check(given)
    if ('path' in contact) {
      say(`identify: ${contact.path} must be ${contact.hint}`)
      end(emit('', 'dropped', 'invalid'))
      return undefined
    }
    if (debug && contact.metadata) say('metadata replaces what is stored as a whole, it is not merged', 'warn')
    const id = contact.external_id
    const line = lineOf(id)
    const fields = newsOf(id, toFields(contact, calledAt, force), line.fields)
    if (!fields) {
      end(emit(id, 'duplicate'))
      release(line)
      return undefined
    }
    const records = store.recall()
    const stored = entryOf(records, id)
    const ledger = ledgerOf(records, id)
    for (const field of Object.keys(fields)) {
      const own = line.fields[field]
      // What another tab called in between is not undone by what we have on the wire.
      const isLatest = Math.max(stored[field]?.[1] ?? 0, ledger[field]?.[2] ?? 0) <= (own?.[1] ?? 0)
      if (!isLatest || !covers(own, fields[field]!)) line.carriers[field] = lines.quietUntil = records.pause[1] = 0
      line.fields[field] = fields[field]!
      if (sent) line.carriers[field] = sent.serial
    }
    Object.assign(stored, joinFields(stored, line.fields))
    save(records)
    if ([...line.calls].some(({ carrier }) => !carrier)) emit(id, 'joined')
    line.calls.add({ carrier: sent?.serial ?? 0, end })
    return { line, fields }
  }

  const takeUp = (): void => {
    const records = absorb()
    for (const [id, fields] of records.unsent as [string, WaitingFields][]) {
      const line = lineOf(id)
      line.fields = joinFields(fields, line.fields)
      release(line)
    }
    save(records)
  }

  const refresh: Lines['refresh'] = (line, isLocked) => {
    const records = store.recall()
    const own = line.fields
    const stored = entryOf(records, line.id)
    const ledger = ledgerOf(records, line.id)
    const joined = joinFields(stored, own)
    const rest: WaitingFields = {}
    let isNews = false
    for (const field of Object.keys(joined)) {
      const waiting = joined[field]!
      const known = ledger[field]
      if (!isLocked && own[field] !== waiting) continue
      // Another tab has sent a later call.
      if ((known?.[2] ?? 0) > waiting[1]) delete stored[field]
      else {
        rest[field] = waiting
        const isKnown = isAcknowledged(known, hash(records.salt, waiting[0]), clock.now(), dedupeTtlMs)
        if (waiting[2] || !isKnown) isNews = true
      }
    }
    // A body carries every field of its calls; but what is known altogether needs none.
    line.fields = isNews ? rest : {}
    if (isNews) return
    for (const field of Object.keys(rest)) {
      delete stored[field]
      // So that a tab which waits with an older call knows that it is older.
      ledger[field]![2] = rest[field]![1]
    }
  }

  const launch: Lines['launch'] = (line, token, send) => {
    const { id, sent } = line
    const records = store.recall()
    const external_id: Waiting = [JSON.stringify(id), 0, 0]
    let fields: WaitingFields = { external_id, ...line.fields }
    // Joined calls may be larger together than each was: then metadata goes first and alone.
    const isWhole = !fields.metadata || byteLength(toBody(fields)) <= maxBodyBytes
    if (!isWhole) fields = { external_id, metadata: fields.metadata! }
    const body = toBody(fields)
    if (!send && !outlivesPage(body)) return undefined
    const serial = sent[0] === body ? sent[1]! : nextNumber(records, clock.now())
    const ledger = ledgerOf(records, id)
    let force: 1 | 0 = 0
    line.sent = [body, serial]
    for (const field of Object.keys(fields)) {
      markSent(ledger, field, fields[field]![1])
      force ||= fields[field]![2]
      line.carriers[field] = serial
    }
    if (isWhole) for (const call of line.calls) call.carrier = serial
    const stored = entryOf(records, id)
    Object.assign(stored, joinFields(stored, line.fields))
    save(records)
    emit(id, 'sent')
    return { line, fields, ...post({ id, body, serial, force }, token, send) }
  }

  const lines: Lines = { all, quietUntil: 0, lineOf, take, takeUp, refresh, launch, settle, release, drop, save }
  return lines
}
