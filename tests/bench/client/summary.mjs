import { brotli } from './site.mjs'

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const round = (value, digits = 2) => Number(value.toFixed(digits))

/** The median, and beside it the best, which a busy machine disturbs least, and how many there were. */
const measure = (values) => ({ median: round(median(values)), best: round(Math.min(...values)), count: values.length })

/** `delivered`, or `delivered 2, lost 1` where it differed. */
const ends = (values) => {
  const kinds = [...new Set(values)].map((kind) => [kind, values.filter((value) => value === kind).length])
  return kinds.length === 1 ? kinds[0][0] : kinds.map(([kind, count]) => `${kind} ${count}`).join(', ')
}

const most = (counts) => counts.reduce((worst, count) => (count.requests > worst.requests ? count : worst))

const summariseOne = (library, { outcomes, repeats, start }) => {
  const { id, label, version, path, files } = library
  const bytes = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, brotli(content).length]))
  const { first, second, ...fiveLoads } = outcomes.visits[0]
  const { arrived, carriers, ...tenCalls } = outcomes.calls[0]
  return {
    id,
    label,
    version,
    // Evidence: what the server took for an identify, and whether that person's data were in it.
    identify: { arrived, carriers },
    bytes: { script: bytes[path], all: Object.values(bytes).reduce((sum, size) => sum + size) },
    requests: {
      tenCalls,
      fiveLoads,
      fiveQuickLoads: most(outcomes.loads),
      fiveTabs: most(outcomes.tabs),
    },
    leaveAtOnce: ends(outcomes.leaves),
    leaveAtFirstCall: ends(outcomes.firstLeaves),
    leaveAtFirstCallWithToken: outcomes.firstLeavesWithToken && ends(outcomes.firstLeavesWithToken),
    downThenNextVisit: ends(outcomes.downs.map(({ end }) => end)),
    attemptsWhileDown: outcomes.downs.map(({ tried }) => tried),
    repeatedCall: {
      callUs: measure(repeats.map(({ callUs }) => callUs)),
      freeUs: measure(repeats.map(({ freeUs }) => freeUs)),
      freeCpuUs: measure(repeats.map(({ cpuMs, calls }) => (cpuMs * 1_000) / calls)),
      calls: repeats.map(({ calls }) => calls),
    },
    start: { aloneMs: measure(start.alone), withCallMs: measure(start.withCall) },
    firstVisit: first,
    secondVisit: second,
  }
}

const mostStored = (pages) =>
  pages.map(({ stored }) => stored).reduce((most, stored) => (stored.entries > most.entries ? stored : most))

/** Equal calls, each page's in one task. */
const together = (pages) => ({ ms: measure(pages.map(({ ms }) => ms)), stored: mostStored(pages) })

/** Calls in tasks of a hundred. */
const inHundreds = (pages) => ({
  ...together(pages),
  firstUs: measure(pages.map(({ firstMs }) => firstMs * 10)),
  lastUs: measure(pages.map(({ lastMs }) => lastMs * 10)),
})

const summariseWaiting = (states) =>
  states.map(({ name, few, many, people, changed }) => ({
    name,
    few: together(few),
    many: together(many),
    arrived: many[0].arrived,
    requestsAfterwards: many[0].requests,
    people: inHundreds(people),
    changed: inHundreds(changed),
  }))

export const summarise = (libraries, { outcomes, repeats, starts, waiting }) => ({
  emptyPageMs: measure(starts.emptyPage),
  libraries: libraries.map((library) => {
    const { id } = library
    return summariseOne(library, { outcomes: outcomes[id], repeats: repeats[id], start: starts[id] })
  }),
  waiting: summariseWaiting(waiting),
})
