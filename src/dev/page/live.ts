import type { FaultMode, Keeping, Step, StoredContact } from './backend.ts'
import { byId } from './element.ts'

export interface LiveListeners {
  /** Connected, now or again: what changed meanwhile was told to nobody. Rejects when it cannot be read. */
  onOpen(): Promise<unknown>
  onContact(contact: StoredContact): void
  onStep(step: Step): void
  onFault(mode: FaultMode): void
  onKeeping(keeping: Keeping): void
}

/** Hears the server as long as the page lives, and shows whether it does. */
export const listenToServer = ({ onOpen, onContact, onStep, onFault, onKeeping }: LiveListeners): void => {
  const live = byId('live')
  const show = (isLive: boolean): void => {
    live.textContent = isLive ? 'Live' : 'Reconnecting'
    live.dataset['live'] = String(isLive)
  }
  const events = new EventSource('/events')
  const on = (name: string, listener: (data: never) => void): void =>
    events.addEventListener(name, (event) => listener(JSON.parse(event.data) as never))
  events.addEventListener('open', () => {
    onOpen().then(
      () => show(true),
      () => show(false),
    )
  })
  events.addEventListener('error', () => show(false))
  on('contact', onContact)
  on('step', onStep)
  on('fault', ({ mode }: { mode: FaultMode }) => onFault(mode))
  on('keeping', ({ keeping }: { keeping: Keeping }) => onKeeping(keeping))
}
