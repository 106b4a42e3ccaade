import { line, number } from './table-text.mjs'

const ratioOf = ({ many, few }) => number(many.ms.median / few.ms.median)

/** Microseconds per call of the first and of the last hundred. */
const hundreds = ({ firstUs, lastUs }) => `${number(firstUs.median)} / ${number(lastUs.median)}`

const stored = ({ entries, bytes }) => `${number(entries)} / ${number(bytes)}`

const row = (state) => [
  state.name,
  `${number(state.few.ms.median)} / ${number(state.many.ms.median)}`,
  ratioOf(state),
  stored(state.many.stored),
  state.arrived ? String(state.requestsAfterwards) : 'not delivered',
  hundreds(state.people),
  stored(state.people.stored),
  hundreds(state.changed),
  stored(state.changed.stored),
]

const head = [
  'calls that wait',
  'ms for 100 / 3 000 equal calls',
  'ratio',
  'stored entries / bytes',
  'requests afterwards',
  '2 000 people: µs per call, first / last 100',
  'stored entries / bytes',
  '3 000 changed calls: µs per call, first / last 100',
  'stored entries / bytes',
]

/** One sentence for the README. */
export const waitingLine = (waiting) => {
  const ratios = waiting.map((state) => `${ratioOf(state)} ${state.name}`).join(', ')
  const most = (key) => number(Math.max(...waiting.map((state) => state[key].stored.entries)))
  return `Calls that wait: 3 000 equal calls of one person take so many times as long as 100: ${ratios}. At most ${most('many')} entry is stored for them, and ${most('people')} for 2 000 people; client.md has the table.`
}

export const toWaitingTable = (waiting) => `
## Calls that wait

orq-identify alone. ${waiting[0].few.ms.count} pairs of fresh pages in turns, medians; people and changed calls ${waiting[0].people.firstUs.count} pages.

${[head, head.map(() => '---'), ...waiting.map(row)].map(line).join('\n')}

- Time: until the calls have returned and their microtasks are over. Equal calls are made in one task, others in tasks of a hundred.
- Stored: outbox entries, and the bytes of all that the client has in localStorage. Calls before \`init\`, while consent is pending and in the first task after a tag are stored once that is over.
- Before the chunk: the server holds the answer of transport.js. Offline: the chunk is there, and Chromium's network is off. Outage: the proxy answers 503, and a first attempt has failed. First task after a tag: the tag has called \`init\`, which the page may still replace.
- Requests afterwards: those that carried an update once the state was over.
`
