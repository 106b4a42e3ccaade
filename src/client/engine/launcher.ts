import { markSent } from '../../core/ledger.ts'
import type { EngineContext } from '../engine-context.ts'
import { isHidden } from '../page.ts'
import type { InFlight, Send } from '../post.ts'
import { ledgerOf, nextNumber } from '../state.ts'
import type { Token } from '../tokens.ts'
import { joinFields, toBody, type WaitingFields } from '../waiting-fields.ts'

export interface Launcher {
  /**
   * Numbers an update, takes its fields out of the ledger, and sends it; a retry of the same body repeats its number.
   * @returns undefined when it was not sent: a listener has called `reset`, `close` or `consent`
   */
  launch(id: string, fields: WaitingFields, token: Token, send?: Send): InFlight | undefined
  /** The next update of this contact takes a new number, though its body is the same. */
  renumber(id: string): void
  /**
   * Other scripts may use up what browsers allow all keepalive requests of a page together, and then each fails. So after
   * a network failure requests of a visible page go without, until one is answered.
   */
  onAnswer(status: number): void
}

export const createLauncher = ({ settings, store, emit, mayRun, post }: EngineContext): Launcher => {
  let hasFailed = false
  const lastOf = new Map<string, { body: string; updateNumber: number; attempt: number }>()

  const launch: Launcher['launch'] = (id, fields, token, send) => {
    const state = store.read()
    const { session } = state
    const body = toBody(fields)
    let last = lastOf.get(id)
    if (last?.body === body) last.attempt++
    else last = { body, updateNumber: nextNumber(state, settings.clock.now()), attempt: 1 }
    state.last = Math.max(state.last, last.updateNumber)
    lastOf.set(id, last)
    const { updateNumber, attempt } = last
    const ledger = ledgerOf(state, id)
    for (const [field, [, calledAt]] of Object.entries(fields)) markSent(ledger, field, calledAt)
    state.outbox.set(id, joinFields(state.outbox.get(id), fields))
    store.save()
    emit(id, 'sent', undefined, { fields: Object.keys(fields), attempt })
    if (!mayRun() || session !== store.read().session) return undefined
    const update = { id, session, fields, updateNumber }
    return { ...update, response: post(update, token, send, hasFailed && !isHidden()) }
  }

  return {
    launch,
    renumber: (id) => void lastOf.delete(id),
    onAnswer: (status) => {
      hasFailed = !status
    },
  }
}
