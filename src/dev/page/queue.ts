import { type Keeping, keepIn, mendQueue, readQueue } from './backend.ts'
import { byId } from './element.ts'
import { createQueueCard, type QueueCard } from './queue-card.ts'

/** What the proxy has not delivered, and the switch that says whether it keeps anything. */
export interface Queue {
  /** Reads it anew. */
  refresh(): Promise<void>
  /** Something has happened that may have changed it. */
  touch(): void
}

/** Changes of the queue come in bursts, and are written a moment after they were told. */
const settleMs = 150
/** Waiting times are seen to pass. */
const everyMs = 1_000

/** @param say tells a person, also one who does not see the list */
export const createQueue = (say: (sentence: string) => void, complain: (error: unknown) => void): Queue => {
  const list = byId('queue')
  const title = byId('queue-title')
  const choices = [...document.querySelectorAll<HTMLInputElement>('input[name="keeping"]')]
  const cards = new Map<string, QueueCard>()
  let timer: number | undefined
  /** Whether it is read in a moment. What happens meanwhile must not put that off. */
  let isTouched = false

  const later = (ms: number): void => {
    clearTimeout(timer)
    timer = window.setTimeout(() => {
      if (document.hidden) later(everyMs)
      else void refresh().catch(() => later(everyMs)) // the server is away: the badge says so
    }, ms)
  }

  const mend = async (what: 'retry' | 'drop', id: string, externalId: string): Promise<void> => {
    try {
      await mendQueue(what, id)
      say(what === 'retry' ? `${externalId} is due now.` : `What waited of ${externalId} is dropped.`)
    } finally {
      await refresh()
    }
  }

  const remove = (id: string, { element }: QueueCard): void => {
    // Who had a button of it in focus would be sent to the top of the page.
    if (element.contains(document.activeElement)) title.focus()
    element.remove()
    cards.delete(id)
  }

  const refresh = async (): Promise<void> => {
    isTouched = false
    const { keeping, entries, has_more, now } = await readQueue()
    for (const choice of choices) choice.checked = choice.value === keeping
    for (const [id, card] of cards) if (!entries.some((entry) => entry.id === id)) remove(id, card)
    for (const entry of entries) {
      const { id, externalId = 'it' } = entry
      const card = cards.get(id) ?? createQueueCard((what) => void mend(what, id, externalId).catch(complain))
      card.show(entry, now)
      if (!cards.has(id)) list.append(card.element)
      cards.set(id, card)
    }
    byId('queue-size').textContent = entries.length ? `${entries.length}${has_more ? '+' : ''} waiting` : 'empty'
    byId('queue-size').dataset['waiting'] = String(entries.length > 0)
    byId('queue-in-memory').hidden = keeping !== 'memory'
    byId('queue-empty').hidden = keeping !== 'disk' || entries.length > 0
    if (entries.length && !isTouched) later(everyMs)
  }

  const keep = async (keeping: Keeping): Promise<void> => {
    try {
      await keepIn(keeping)
      say(keeping === 'disk' ? 'The proxy keeps updates on the disk now.' : 'The proxy keeps nothing now.')
    } finally {
      await refresh()
    }
  }
  for (const choice of choices)
    choice.addEventListener('change', () => void keep(choice.value as Keeping).catch(complain))

  const touch = (): void => {
    if (isTouched) return
    isTouched = true
    later(settleMs)
  }
  return { refresh, touch }
}
