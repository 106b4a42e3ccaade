import { byteLength, maxBodyBytes } from '../core/contact.ts'
import { hash } from '../core/hash.ts'
import { acknowledge, markSent } from '../core/ledger.ts'
import type { Fetch } from '../core/ports.ts'
import { contactsPath, formatUpdateId, statusOf } from '../core/wire.ts'
import type { Failure } from './backoff.ts'
import { covers, type Emit, type Entry, joinFields, settleBatches, toBody, type Wire } from './entry.ts'
import type { Settings } from './options.ts'
import { dropped } from './outcome.ts'
import { type Answer, post } from './post.ts'
import { hashOf, ledgerOf, type Records, type RecordsStore, type Waiting } from './records.ts'

/** What an answer asks of the schedule. */
export type Verdict = { kind: 'done' | 'again' | 'renew' } | ({ kind: 'wait' } & Failure)

// Browsers share 64 KiB among all keepalive bodies of a page: ours leave most of it to others.
export const maxKeepaliveBytes = 16_384

// A number has at most 15 digits; far below that a lying answer could end our counting.
const maxNumber = 1e14

export interface Sender {
  /**
   * Numbers a body, takes its fields out of the ledger, posts it and records the answer. Calls `fetch` before it returns.
   * @returns undefined when the body is larger than `maxBytes`
   */
  send(
    entry: Entry,
    records: Records,
    how: { token: string; fetch: Fetch; maxBytes?: number },
  ): Promise<Verdict> | undefined
}

export const createSender = (
  settings: Settings,
  store: RecordsStore,
  { emit, complain }: { emit: Emit; complain(text: string, level?: 'warn'): void },
): Sender => {
  const { clock, timeoutMs, proxyUrl } = settings

  const send: Sender['send'] = (entry, records, { token, fetch, maxBytes = maxBodyBytes }) => {
    const { id } = entry
    let names = Object.keys(entry.fields)
    // Joined calls may be larger together than each was: then metadata goes first and alone.
    if (byteLength(toBody(id, entry.fields)) > maxBodyBytes) names = ['external_id', 'metadata']
    const fields = Object.fromEntries(Object.entries(entry.fields).filter(([name]) => names.includes(name)))
    const body = toBody(id, fields)
    const bytes = byteLength(body)
    if (bytes > maxBytes) return undefined
    const number = entry.sent?.body === body ? entry.sent.number : Math.max(records.last + 1, clock.now())
    entry.sent = { body, number }
    records.last = Math.max(records.last, number)
    for (const [field, waiting] of Object.entries(fields)) markSent(ledgerOf(records, id), field, waiting[1])
    records.outbox.set(id, joinFields(records.outbox.get(id), entry.fields))
    store.save()
    const isWhole = Object.keys(fields).length === Object.keys(entry.fields).length
    const wire: Wire = { fields, batches: isWhole ? entry.batches.splice(0) : [], epoch: records.epoch }
    entry.wires.add(wire)
    emit(id, 'sent')
    const updateId = formatUpdateId({
      client: hash(records.id, id),
      number,
      force: Object.values(fields).some((waiting) => waiting[2]),
    })
    const request = { url: proxyUrl + contactsPath, token, updateId, body }
    return post(fetch, request, { clock, timeoutMs, keepalive: bytes <= maxKeepaliveBytes }).then((answer) => {
      entry.wires.delete(wire)
      return conclude(entry, wire, answer)
    })
  }

  const wrongAddress = (): Verdict => {
    complain(`no proxy of ours answers at proxyUrl "${proxyUrl}", or it does not take this page's origin`)
    return { kind: 'wait', reason: 'unreachable', quiet: true }
  }

  /** What an answer means that neither acknowledges nor drops. */
  const judge = (entry: Entry, records: Records, answer: Answer): Verdict | undefined => {
    if (answer.kind === 'unreachable' || answer.kind === 'timeout') {
      if (answer.foreign) return wrongAddress()
      if (answer.kind === 'unreachable')
        complain(`the proxy at proxyUrl "${proxyUrl}" cannot be reached; contacts wait`, 'warn')
      return { kind: 'wait', reason: answer.kind, quiet: settings.retries.retryConnectionErrors === false }
    }
    if (answer.kind !== 'refused') return undefined
    const { code, number = 0, retryAfterMs } = answer
    const status = statusOf[code]
    if (status === 401 || code === 'scope_mismatch') return { kind: 'renew' }
    if (status === 404 || status === 405 || code === 'origin_forbidden') return wrongAddress()
    if (status === 409) {
      const isSecond = entry.superseded
      // A profile restored from a backup counts from an old number on.
      records.last = Math.max(records.last, Math.min(number, maxNumber))
      entry.sent = undefined
      entry.superseded = true
      store.save()
      return isSecond ? { kind: 'wait', reason: 'server' } : { kind: 'again' }
    }
    if (status === 408) return { kind: 'wait', reason: 'timeout', retryAfterMs }
    if (status === 429) return { kind: 'wait', reason: 'rate_limited', retryAfterMs }
    return status >= 500 ? { kind: 'wait', reason: 'server', retryAfterMs } : undefined
  }

  const conclude = (entry: Entry, wire: Wire, answer: Answer): Verdict => {
    const { id, fields } = entry
    const { batches } = wire
    const records = store.read()
    const isKnown = answer.kind === 'delivered' || answer.kind === 'accepted'
    if (wire.epoch !== records.epoch) {
      settleBatches(emit, id, batches, isKnown ? { status: answer.kind } : dropped('reset'))
      return { kind: 'done' }
    }
    const verdict = judge(entry, records, answer)
    if (verdict) {
      entry.batches.unshift(...batches)
      return verdict
    }
    const refused = answer.kind === 'refused' && answer.path?.split('.')[0]
    const names = Object.keys(wire.fields)
    const isOne = !!refused && refused !== 'external_id' && names.includes(refused)
    const stored = records.outbox.get(id)
    for (const field of isOne ? [refused] : names) {
      const [value, sentAt, force] = wire.fields[field] as Waiting
      const own = fields[field]
      // Changed meanwhile: the later value waits.
      if (own && !covers([value, sentAt, force], own)) continue
      const calledAt = Math.max(own?.[1] ?? 0, sentAt)
      delete fields[field]
      if (stored?.[field] && stored[field][1] <= calledAt) delete stored[field]
      if (isKnown) acknowledge(ledgerOf(records, id), field, hashOf(records, value), clock.now(), calledAt)
    }
    if (stored && !Object.keys(stored).length) records.outbox.delete(id)
    if (isKnown) Object.assign(records, { notBefore: 0, retryAfter: 0 })
    if (isKnown) entry.superseded = false
    store.save()
    if (answer.kind === 'refused')
      complain(`the proxy refused ${isOne ? `the field ${refused}` : 'a contact'}: ${answer.code}`)
    if (isOne) {
      entry.batches.unshift(...batches)
      return { kind: 'again' }
    }
    settleBatches(emit, id, batches, isKnown ? { status: answer.kind } : dropped('rejected'))
    return { kind: 'done' }
  }

  return { send }
}
