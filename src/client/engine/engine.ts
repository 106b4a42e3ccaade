import type { Engine, EngineContext } from '../engine-context.ts'
import { pending } from '../outcome.ts'
import { isOffline } from '../page.ts'
import { ledgerOf, maxStored } from '../state.ts'
import { covers, isEmpty, joinFields } from '../waiting-fields.ts'
import { createAttempts } from './attempt.ts'
import { freshToken } from './fresh-token.ts'
import { createLock } from './lock.ts'
import { createOutbox, hasUnsent, type PendingContact } from './outbox.ts'
import { createRecheck } from './recheck.ts'
import { reconcile } from './reconcile.ts'
import { createSender } from './sender.ts'

export { contractVersion } from '../contract.ts'
export { describeDecision, describeProblem } from './describe.ts'

/** Joins what waits, and sends it through ky: one attempt at a time, and in one tab at a time. */
export const createEngine = (context: EngineContext): Engine => {
  const { settings, store, backoff, emit, warnOnce, tokenMatches } = context
  const { proxyUrl, fetch, timeoutMs, clock, debug } = settings
  const outbox = createOutbox(context)
  const { all } = outbox
  const attemptWith = createAttempts(proxyUrl, fetch, timeoutMs)
  const underLock = createLock(proxyUrl, timeoutMs / 2, clock)
  const sender = createSender(context, outbox, {
    recheck: createRecheck(context, outbox),
    transmit: (contact, token) =>
      underLock(async (isLocked) => {
        // Expired, discarded or forgotten while we waited: decide anew.
        if (!sender.claim(contact, token)) return
        reconcile(context, contact, isLocked)
        if (isEmpty(contact.fields)) {
          // Another tab has sent the same, or something later.
          store.save()
          outbox.settle(contact, { status: 'duplicate' })
          outbox.release(contact)
        } else if (hasUnsent(contact)) {
          const aborter = new AbortController()
          const update = sender.launch(contact, token, attemptWith(aborter.signal))
          if (update) await sender.follow(update, () => aborter.abort())
        }
      }),
  })

  /** Takes up what is stored, but what waits for its person. */
  const takeUpAll = (): void => {
    const { outbox: stored, held } = store.read()
    for (const id of stored.keys()) if (!held.has(id)) outbox.takeUp(id)
  }

  const warnOf = (contact: PendingContact): void => {
    if (debug && contact.fields['metadata']) warnOnce('metadata is replaced as a whole, not merged', 'warn')
    if (store.read().outbox.size > maxStored)
      warnOnce(`more than ${maxStored} contacts wait: the others go with the page`, 'warn')
  }

  return {
    lastFailure: sender.lastFailure,
    flush: sender.flush,
    sendAll: sender.sendAll,
    waiting: (id) => all.get(id)?.fields ?? {},
    adopt: (calls, onWire) => {
      takeUpAll()
      const { session } = store.read()
      for (const [id, call] of calls) {
        // Another tab has reset since.
        if (call.session !== session) {
          call.end(emit(id, 'dropped', 'reset'))
          continue
        }
        const contact = outbox.takeUp(id)
        contact.fields = joinFields(contact.fields, call.fields ?? {})
        contact.calls.add(call)
        const update = onWire.get(id)
        if (update) {
          let isCarried = true
          for (const [field, waiting] of Object.entries(contact.fields)) {
            const sent = update.fields[field]
            if (covers(sent, waiting)) {
              contact.onWire[field] = update.updateNumber
              contact.carries[field] = waiting[1]
            } else if (call.fields?.[field]) isCarried = false
          }
          if (isCarried) call.updateNumber = update.updateNumber
          sender.track({ ...update, contact })
        }
        warnOf(contact)
        sender.wait(contact, false)
        if (isOffline(proxyUrl)) outbox.settle(contact, pending('offline'), 0)
      }
    },
    takeUp: (id) => sender.wait(outbox.takeUp(id), false),
    take: (id, fields) => {
      const { outbox: stored } = store.read()
      const own = all.get(id)?.fields ?? {}
      const contact = outbox.takeUp(id)
      const ledger = ledgerOf(store.read(), id)
      let carrier: number | undefined
      let hasChanged = false
      for (const [field, value] of Object.entries(fields)) {
        const former = own[field]
        value[2] ||= contact.fields[field]?.[2] ?? 0
        // What another tab called in between is not undone by what we have on the wire.
        const isLatest = Math.max(stored.get(id)?.[field]?.[1] ?? 0, ledger[field]?.[2] ?? 0) <= (former?.[1] ?? 0)
        if (!isLatest || !covers(former, value)) {
          contact.onWire[field] = 0
          hasChanged = true
        } else contact.carries[field] = value[1]
        contact.fields[field] = value
        const number = contact.onWire[field] ?? 0
        carrier = carrier === undefined || carrier === number ? number : 0
      }
      stored.set(id, joinFields(stored.get(id), contact.fields))
      store.keep()
      warnOf(contact)
      const isJoined = contact.calls.size > 0
      const call = outbox.callOf(contact, carrier ?? 0)
      if (isJoined) emit(id, 'joined', undefined, { fields: Object.keys(fields) })
      if (isOffline(proxyUrl)) outbox.settle(contact, pending('offline'), 0)
      sender.wait(contact, hasChanged)
      return call
    },
    leave: () => {
      const token = freshToken(context)
      if (!token || isOffline(proxyUrl) || backoff.waitMs() > 0) return
      for (const contact of all.values()) {
        if (!tokenMatches(token, contact.id) || !outbox.isLive(contact) || !hasUnsent(contact)) continue
        reconcile(context, contact, false)
        const update = hasUnsent(contact) && sender.launch(contact, token)
        if (update) sender.track(update)
      }
    },
    forget: (reason) => {
      sender.halt()
      // A copy: a listener may call `identify` for what comes after.
      for (const contact of [...all.values()]) outbox.drop(contact, reason)
    },
  }
}
