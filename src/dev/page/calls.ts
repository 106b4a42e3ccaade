import { byId, insert, make, timeOf } from './element.ts'
import type { Decision, Outcome } from './orq.ts'
import type { People } from './people.ts'
import { sentenceOf } from './sentences.ts'

/** The list of calls and the two counters. */
export interface Calls {
  /** Runs one call and shows it, waiting at first, then with what its promise gave. */
  add(externalId: string, occasion: string, call: () => Promise<Outcome>): void
  /** Shows a step of the client; `sent` is a request. */
  decide(decision: Decision): void
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
export const createCalls = (people: People, say: (sentence: string) => void): Calls => {
  const list = byId('calls')
  const countCall = count('call')
  const countRequest = count('request')
  let number = 0
  /** The call that runs at this moment: a decision that comes now is about it. */
  let current: HTMLElement | undefined
  let latest: Decision | undefined

  const add: Calls['add'] = (externalId, occasion, call) => {
    const name = `Call ${++number}`
    const status = make('span', 'badge status', 'waiting')
    const said = make('p', 'said', 'Collecting for a moment, then waiting for an answer.')
    const what = make('p', 'what', `${name} · ${externalId || 'no id'} · ${occasion}`)
    const item = make('li', '', status, timeOf(Date.now()), said, what)
    item.dataset['status'] = 'waiting'
    item.dataset['externalId'] = externalId
    insert(list, item)
    byId('no-calls').hidden = true
    countCall()

    const settle = (outcome: Outcome): void => {
      // The client tells its decision right before it settles the promise.
      if (outcome.status === latest?.kind && outcome.reason === latest.reason) people.learn(externalId, latest)
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
      if (people.hashOf(item.dataset['externalId'] ?? '') !== contact) continue
      item.dataset['later'] = kind
      const verb = kind === 'dropped' ? 'Dropped' : kind === 'delivered' ? 'Delivered' : 'Accepted'
      item.append(make('p', 'later', `${verb} at `, timeOf(at)))
      say(`${item.querySelector('.what')?.textContent ?? 'A call'}: ${verb.toLowerCase()} now.`)
    }
  }

  const decide: Calls['decide'] = (decision) => {
    const { kind } = decision
    latest = decision
    if (current && kind !== 'dropped') people.learn(current.dataset['externalId'] ?? '', decision)
    if (current && kind === 'joined') current.dataset['joined'] = 'true'
    if (kind === 'sent') countRequest()
    finish(decision)
  }

  return { add, decide }
}
