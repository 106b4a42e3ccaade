import type { QueueAnswer } from './backend.ts'
import { make, pair } from './element.ts'
import { labelOf, shownAs, spanOf } from './words.ts'

export type Entry = QueueAnswer['entries'][number]

/** An entry of the queue on the page. Its buttons stay the same, so that focus stays, too. */
export interface QueueCard {
  element: HTMLLIElement
  /** @param now by the server's clock, as the times of the entry */
  show(entry: Entry, now: number): void
}

const states: Record<Entry['state'], string> = {
  queued: 'due',
  backoff: 'waits',
  leased: 'being sent',
  parked: 'refused',
  unreadable: 'damaged',
}

const historyOf = ({ state, since, due, attempts, reason }: Entry, now: number): string => {
  const parts = [
    since !== undefined && (state === 'parked' ? `${spanOf(now - since)} ago` : `for ${spanOf(now - since)}`),
    attempts > 0 && `${attempts} failed ${attempts === 1 ? 'attempt' : 'attempts'}`,
    reason !== undefined && `last: ${reason}`,
    state === 'backoff' && due !== undefined && `next in ${spanOf(due - now)}`,
  ]
  return parts.filter(Boolean).join(' · ')
}

export const createQueueCard = (onMend: (what: 'retry' | 'drop') => void): QueueCard => {
  const name = make('h3', '')
  const state = make('span', 'badge status')
  const history = make('p', 'what')
  const facts = make('dl', '')
  const retry = make('button', 'quiet', 'Retry now')
  const drop = make('button', 'quiet', 'Drop')
  retry.addEventListener('click', () => onMend('retry'))
  drop.addEventListener('click', () => onMend('drop'))
  const buttons = make('div', 'buttons', retry, drop)
  const element = make('li', '', make('div', 'title', name, state), history, facts, buttons)

  const show = (entry: Entry, now: number): void => {
    const { externalId = 'unreadable', fields, parked } = entry
    element.dataset['externalId'] = externalId
    element.dataset['state'] = entry.state
    name.textContent = externalId
    state.textContent = states[entry.state]
    history.textContent = historyOf(entry, now)
    // Each button says whose it is, also to somebody who hears it alone.
    retry.ariaLabel = `Retry now: ${externalId}`
    drop.ariaLabel = `Drop: ${externalId}`
    facts.replaceChildren(
      ...Object.entries(fields).flatMap(([field, value]) => pair(labelOf(field), shownAs(value))),
      ...Object.entries(parked).flatMap(([field, { value, reason }]) =>
        pair(labelOf(field), make('span', 'refused', shownAs(value)), ` ${reason}`),
      ),
    )
  }
  return { element, show }
}
