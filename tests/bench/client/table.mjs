import { line, number } from './table-text.mjs'
import { waitingLine } from './waiting-table.mjs'

const requests = ({ tenCalls, fiveLoads, fiveQuickLoads, fiveTabs }) => {
  const loads = [fiveLoads.requests, fiveQuickLoads.requests]
  return `${tenCalls.requests} / ${[...new Set(loads)].join(' or ')} / ${fiveTabs.requests}`
}

const leaving = ({ leaveAtOnce, leaveAtFirstCall, leaveAtFirstCallWithToken: withToken }) =>
  `${leaveAtOnce} / ${leaveAtFirstCall}${withToken ? `, with the token in the page ${withToken}` : ''}`

const visit = ({ bytes, requests: count }) => `${number(bytes)} / ${count}`

const row = (library) => [
  `${library.label} ${library.version}`,
  number(library.bytes.script) +
    (library.bytes.all > library.bytes.script ? ` (${number(library.bytes.all)} with its chunk)` : ''),
  requests(library.requests),
  leaving(library),
  library.downThenNextVisit,
  `${number(library.repeatedCall.callUs.median)} / ${number(library.repeatedCall.freeCpuUs.median)}`,
  `${number(library.start.aloneMs.median)} / ${number(library.start.withCallMs.median)}`,
  visit(library.firstVisit),
  visit(library.secondVisit),
]

const ratios = ([ours, ...peers]) => {
  const ratio = (pick) => {
    const best = peers.reduce((least, peer) => (pick(peer) < pick(least) ? peer : least))
    return pick(best) ? `${Number((pick(ours) / pick(best)).toPrecision(2))} of ${best.label}` : ''
  }
  return [
    'orq-identify, of the best other',
    ratio(({ bytes }) => bytes.script),
    '',
    '',
    '',
    `${ratio(({ repeatedCall }) => repeatedCall.callUs.median)} / ${ratio(({ repeatedCall }) => repeatedCall.freeCpuUs.median)}`,
    `${ratio(({ start }) => start.aloneMs.median)} / ${ratio(({ start }) => start.withCallMs.median)}`,
    ratio(({ firstVisit }) => firstVisit.bytes),
    ratio(({ secondVisit }) => secondVisit.bytes),
  ]
}

const head = [
  '',
  'script, brotli bytes',
  'requests: 10 same calls / 5 page loads / 5 tabs at once',
  'leaving at once: known person / first call',
  'endpoint down, then next visit',
  'µs per repeated call: clock / CPU',
  'page start, ms of script: init alone / with a call',
  'first visit: bytes / requests',
  'second, unchanged visit: bytes / requests',
]

const notes = ({ machine, libraries, emptyPageMs, waiting }) => {
  const mixpanel = libraries.find(({ id }) => id === 'mixpanel')
  const busy = `**The machine was busy (load ${machine.loadAtStart.toFixed(1)} at the start): quote no clock times of this run.**`
  return `
- Bytes: brotli 11 of the file that a page loads first. Of a visit: all answers with their headers and all bodies sent, without the page itself.
- Requests are those that carried an identify. Where page loads have two numbers, the first is of visits that stay until all is sent, the second of reloads after a second. Mixpanel collects for 5 s and sends every call: its one request for 10 same calls carries ${mixpanel.requests.tenCalls.updates} updates.
- Leaving: the identify and \`location.href = …\` in one task, three times. \`next visit\`: a later page load brought it without another call.
- Down: the endpoint answers 503 for 5 s, then refuses connections, then the page goes. Next visit: a page load without a call; 25 s to arrive. Three times.
- Repeated call: up to 1000 identical calls after the acknowledgement; medians of ${libraries[0].repeatedCall.callUs.count} fresh profiles, all libraries in turns. Clock: until the calls have returned. CPU: of the page's main thread, until it is free again.
- Page start: Chromium's ScriptDuration 250 ms after the load event of a page in a fresh profile, which has the tag, its init, and one identify or none; medians of ${libraries[0].start.aloneMs.count} pages, all libraries in turns. An empty page has ${number(emptyPageMs.median)}. Chromium does not count what runs in promise callbacks.
- ${waitingLine(waiting)}
- Every library is set up for identify alone. client.json has the best of each time too, and what each server received.
${machine.loadAtStart > machine.cores / 2 ? `\n${busy}\n` : ''}`
}

export const toTable = (results) => {
  const { machine, libraries } = results
  const date = machine.date.slice(0, 16).replace('T', ' ')
  return `# The client beside other libraries

${date} UTC, Chromium ${machine.chromium}, ${machine.cores} cores (${machine.processor}), load ${machine.loadAtStart.toFixed(1)} at the start, ${machine.loadAfterTimes.toFixed(1)} after the times; ${machine.seconds} s.

${[line(head), line(head.map(() => '---')), ...libraries.map((library) => line(row(library))), line(ratios(libraries))].join('\n')}
${notes(results)}`
}
