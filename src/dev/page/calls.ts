import { byId, make, timeOf } from './element.ts'
import type { Decision, Outcome } from './orq.ts'
import { sentenceOf } from './sentences.ts'

/** The list of calls and the two counters. */
export interface Calls {
  /** Runs one call and shows it, waiting at first, then with what its promise gave. */
  add(externalId: string, occasion: string, call: () => Promise<Outcome>): void
  /** Shows a step of the client; `sent` is a request. */
  decide(decision: Decision): void
}

/** The page stays quick in a tab that is left open: older entries go. */
const maxEntries = 200

const prepend = (list: HTMLElement, item: HTMLElement): void => {
  list.prepend(item)
  while (list.childElementCount > maxEntries) list.lastElementChild?.remove()
}

const count = (name: 'call' | 'request'): (() => void) => {
  let total = 0
  return () => {
    total++
    byId(`${name}-count`).textContent = String(total)
    byId(`${name}-word`).textContent = total === 1 ? name : `${name}s`
  }
}

/** @param say tells a person, also one who does not see the list */
export const createCalls = (say: (sentence: string) => void): Calls => {
  const list = byId('calls')
  const decisions = byId('decisions')
  const countCall = count('call')
  const countRequest = count('request')
  let number = 0
  /** The call that runs at this moment: a decision that comes now is about it. */
  let current: HTMLElement | undefined
  let latest: Decision | undefined
  /** Decisions name a contact by a hash, the same as long as the page lives; learned from the calls. */
  const hashes = new Map<string, string>()

  const learn = (externalId: string, decision: Decision | undefined): void => {
    if (decision && !hashes.has(externalId) && ![...hashes.values()].includes(decision.contact))
      hashes.set(externalId, decision.contact)
  }

  const add: Calls['add'] = (externalId, occasion, call) => {
    const name = `Call ${++number}`
    const status = make('span', 'badge status', 'waiting')
    const said = make('p', 'said', 'Collecting for a moment, then waiting for an answer.')
    const what = make('p', 'what', `${name} · ${externalId || 'no id'} · ${occasion}`)
    const item = make('li', '', status, timeOf(Date.now()), said, what)
    item.dataset['status'] = 'waiting'
    item.dataset['externalId'] = externalId
    prepend(list, item)
    byId('no-calls').hidden = true
    countCall()

    const settle = (outcome: Outcome): void => {
      // The client tells its decision right before it settles the promise.
      if (outcome.status === latest?.kind && outcome.reason === latest.reason) learn(externalId, latest)
      item.dataset['status'] = outcome.status
      if (outcome.reason) item.dataset['reason'] = outcome.reason
      status.textContent = outcome.reason ? `${outcome.status} · ${outcome.reason.replace('_', ' ')}` : outcome.status
      const sentence = sentenceOf(outcome) + (item.dataset['joined'] ? ' It travelled with the calls before it.' : '')
      said.textContent = sentence
      say(`${name}, ${outcome.status}. ${sentence}`)
    }
    current = item
    const outcome = call()
    current = undefined
    void outcome.then(settle)
  }

  /** A call that was kept gets its end from the decisions: its promise has been settled before. */
  const finish = ({ kind, contact, at }: Decision): void => {
    if (kind !== 'delivered' && kind !== 'accepted' && kind !== 'dropped') return
    for (const item of list.querySelectorAll<HTMLElement>('[data-status="pending"]:not([data-later])')) {
      if (hashes.get(item.dataset['externalId'] ?? '') !== contact) continue
      item.dataset['later'] = kind
      const verb = kind === 'dropped' ? 'Dropped' : kind === 'delivered' ? 'Delivered' : 'Accepted'
      item.append(make('p', 'later', `${verb} at `, timeOf(at)))
      say(`${item.querySelector('.what')?.textContent ?? 'A call'}: ${verb.toLowerCase()} now.`)
    }
  }

  const decide: Calls['decide'] = (decision) => {
    const { kind, reason, contact, at } = decision
    latest = decision
    if (current && kind !== 'dropped') learn(current.dataset['externalId'] ?? '', decision)
    if (current && kind === 'joined') current.dataset['joined'] = 'true'
    if (kind === 'sent') countRequest()
    const item = make(
      'li',
      '',
      timeOf(at),
      make('span', '', reason ? `${kind} · ${reason}` : kind),
      contact.slice(0, 6),
    )
    item.dataset['kind'] = kind
    if (reason) item.dataset['reason'] = reason
    prepend(decisions, item)
    finish(decision)
  }

  return { add, decide }
}
