import type { Step } from './backend.ts'
import { byId, insert, make, timeOf } from './element.ts'
import type { Decision } from './orq.ts'
import type { People } from './people.ts'
import { type Telling, tellDecision, tellStep } from './step-sentences.ts'

/** Everything that happens, newest first: decisions of this page's client, and what the proxy does for whatever page. */
export interface Stream {
  decide(decision: Decision, people: People): void
  step(step: Step): void
  /** Writes the name of a person to the decisions that were told before it was known. */
  name(hash: string, externalId: string): void
}

const places = { page: 'Page', proxy: 'Proxy', api: 'API' } as const
type Place = keyof typeof places

/** Of one millisecond: the way of a call from the page to the API and back. */
const rankOf = (place: Place, isOutcome: boolean): number => (isOutcome ? 3 : ['page', 'api', 'proxy'].indexOf(place))

interface Row {
  place: Place
  /** Whether the way of a call ends here. */
  isOutcome?: boolean
  at: number
  telling: Telling
  who: string | undefined
}

export const createStream = (): Stream => {
  const list = byId('stream')
  const empty = byId('no-steps')
  const orders = new WeakMap<Element, readonly [at: number, rank: number]>()

  /** The server's steps arrive a little later than the page's own: they are put where they belong. */
  const follower = (at: number, rank: number): Element | null => {
    for (const row of list.children) {
      const [rowAt, rowRank] = orders.get(row) ?? [0, 0]
      if (rowAt < at || (rowAt === at && rowRank <= rank)) return row
    }
    return null
  }

  const add = ({ place, isOutcome = false, at, telling: { what, said, mood }, who = '' }: Row): HTMLElement => {
    const person = make('span', 'what', who)
    const head = make('p', 'step', make('span', `where ${place}`, places[place]), make('strong', mood, what), person)
    const item = make('li', '', head, timeOf(at), make('p', 'said', said))
    item.dataset['where'] = place
    item.dataset['what'] = what
    const rank = rankOf(place, isOutcome)
    orders.set(item, [at, rank])
    insert(list, item, follower(at, rank))
    empty.hidden = true
    return person
  }

  for (const place of Object.keys(places)) {
    const box = byId<HTMLInputElement>(`show-${place}`)
    box.addEventListener('change', () => list.classList.toggle(`without-${place}`, !box.checked))
  }
  byId('clear').addEventListener('click', () => {
    list.replaceChildren()
    empty.hidden = false
  })

  return {
    decide: (decision, people) => {
      const { kind, at, contact } = decision
      const isOutcome = kind !== 'joined' && kind !== 'sent'
      const who = people.nameOf(contact)
      const person = add({ place: 'page', isOutcome, at, telling: tellDecision(decision), who })
      if (who === undefined) person.dataset['hash'] = contact
    },
    step: (step) => {
      const who = 'externalId' in step ? step.externalId : undefined
      add({ place: step.type === 'call' ? 'api' : 'proxy', at: step.at, telling: tellStep(step), who })
    },
    name: (hash, externalId) => {
      for (const person of list.querySelectorAll(`[data-hash="${hash}"]`)) person.textContent = externalId
    },
  }
}
