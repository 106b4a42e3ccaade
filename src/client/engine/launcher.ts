import { byteLength, maxBodyBytes } from '../../core/contact.ts'
import { markSent } from '../../core/ledger.ts'
import type { EngineContext } from '../engine-context.ts'
import { outlivesPage, type Send } from '../post.ts'
import { ledgerOf, nextNumber } from '../state.ts'
import type { Token } from '../tokens.ts'
import { joinFields, toBody } from '../waiting-fields.ts'
import type { Outbox, PendingContact } from './outbox.ts'
import type { ContactUpdate } from './sender-types.ts'

export interface Launcher {
  /**
   * Numbers what waits of a contact, takes its fields out of the ledger, and sends it; a retry of the same body repeats its
   * number. Without `send` only what outlives the page.
   * @returns undefined when it was not sent: too large, or a listener has called `reset` or `consent`
   */
  launch(contact: PendingContact, token: Token, send?: Send): ContactUpdate | undefined
  /** The next update of this contact takes a new number, though its body is the same. */
  renumber(id: string): void
}

export const createLauncher = ({ settings, store, emit, mayRun, post }: EngineContext, outbox: Outbox): Launcher => {
  const lastOf = new Map<string, { body: string; updateNumber: number; attempt: number }>()

  const launch: Launcher['launch'] = (contact, token, send) => {
    const { id, onWire, carries, calls } = contact
    // A copy: what a listener calls meanwhile waits for the next update.
    let fields = { ...contact.fields }
    // Joined calls may be larger together than each was: then metadata goes first and alone.
    const isWhole = !fields['metadata'] || byteLength(toBody(fields)) <= maxBodyBytes
    if (!isWhole) fields = { metadata: fields['metadata']! }
    const body = toBody(fields)
    if (!send && !outlivesPage(body)) return undefined

    const state = store.read()
    const { session } = state
    let last = lastOf.get(id)
    if (last?.body === body) last.attempt++
    else last = { body, updateNumber: nextNumber(state, settings.clock.now()), attempt: 1 }
    state.last = Math.max(state.last, last.updateNumber)
    lastOf.set(id, last)
    const { updateNumber, attempt } = last
    const ledger = ledgerOf(state, id)
    for (const [field, [, calledAt]] of Object.entries(fields)) {
      markSent(ledger, field, calledAt)
      onWire[field] = updateNumber
      carries[field] = calledAt
    }
    state.outbox.set(id, joinFields(state.outbox.get(id), fields))
    store.save()

    const carried = isWhole ? [...calls] : []
    emit(id, 'sent', undefined, { fields: Object.keys(fields), attempt })
    if (session !== store.read().session) return undefined
    // `close` sends what is about to go, and gives the contact up; while consent is pending it waits.
    if (!mayRun() && outbox.all.get(id) === contact) {
      contact.onWire = {}
      return undefined
    }
    for (const call of carried) call.updateNumber = updateNumber
    const update = { id, session, fields, updateNumber }
    return { ...update, response: post(update, token, send), contact }
  }

  return {
    launch,
    renumber: (id) => void lastOf.delete(id),
  }
}
