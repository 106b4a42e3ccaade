import { chartStyle } from '../chart-style.mjs'

/** `12 345` */
export const whole = (value) => Math.round(value).toLocaleString('en').replaceAll(',', ' ')
const share = (value, { bare }) => (value / bare.perSecond).toFixed(2)
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`
const statuses = (counts) =>
  Object.entries(counts)
    .map(([status, count]) => `${whole(count)} × ${status}`)
    .join(', ')

export const toTable = (results) => {
  const { machine, bare, delivered, accepted, calm, drained, starts } = results
  const rows = [
    [
      'durable and delivered',
      `${whole(delivered.perSecond)}/s`,
      `${share(delivered.perSecond, results)} of the echo; p50 ${delivered.p50} ms, p99 ${delivered.p99} ms; ${Math.round(delivered.cpuUs)} µs CPU each; ${statuses(delivered.statuses)}`,
    ],
    [
      'durable and accepted, upstream down',
      `${whole(accepted.perSecond)}/s`,
      `${share(accepted.perSecond, results)} of the echo; p50 ${accepted.p50} ms, p99 ${accepted.p99} ms; ${megabytes(accepted.bytes)} in all; ${statuses(accepted.statuses)}`,
    ],
    ['at 1 000 requests/s', `p99 ${calm.p99} ms`, `p50 ${calm.p50} ms; ${statuses(calm.statuses)}`],
    ...drained.map(({ count, perSecond, queuedBytes, peakBytes }) => [
      `drain of ${whole(count)} contacts`,
      `${whole(perSecond)}/s`,
      `${megabytes(queuedBytes)} more memory with all queued, at most ${megabytes(peakBytes)} while draining`,
    ]),
    ['start to ready', `${Math.round(starts[2])} ms`, 'median of five'],
    [
      'bare echo, the same adapter and requests',
      `${whole(bare.perSecond)}/s`,
      `p50 ${bare.p50} ms, p99 ${bare.p99} ms`,
    ],
  ]
  return `# The proxy

${machine.date.slice(0, 16).replace('T', ' ')} UTC, Node ${machine.node}, ${machine.cores} cores (${machine.processor?.split(' ').slice(0, 2).join(' ')}), load ${machine.loadAtStart.toFixed(1)} at the start, one fsync ${machine.fsyncMs.toFixed(2)} ms.

| | | |
| --- | --- | --- |
${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

- Load generator, proxy and upstream share the machine. Each measure after 8 s of the same load, for the compiler. 64 connections, a different person and token in each request, a SQLite file with an fsync for each group of writes, upstream answers at once.
- Delivered: different people that upstream has received within the run. Accepted: 202, on disk.
`
}

export const toChart = (results) => {
  const { machine, bare, delivered, accepted, drained } = results
  const bars = [
    ['bare echo', bare.perSecond, 'other'],
    ['accepted', accepted.perSecond, 'ours'],
    ['delivered', delivered.perSecond, 'ours'],
    ...drained.map(({ count, perSecond }) => [`drain ${count / 1e3}k`, perSecond, 'ours']),
  ]
  const height = bars.length * 20 + 50
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 460 ${height}" width="460" height="${height}" role="img" aria-label="Requests per second of the proxy beside a bare echo">
${chartStyle}
<text class="title" x="8" y="16">Updates per second, generator and upstream on the same ${machine.cores} cores</text>
${bars
  .map(([label, value, kind], row) => {
    const y = row * 20 + 26
    const width = Math.max(2, (value / bare.perSecond) * 280)
    return `<text x="90" y="${y + 13}" text-anchor="end">${label}</text>
<rect class="${kind}" x="96" y="${y + 3}" width="${width.toFixed(1)}" height="13" rx="2"/>
<text x="${(101 + width).toFixed(1)}" y="${y + 13}">${whole(value)}</text>`
  })
  .join('\n')}
<text x="8" y="${height - 6}" style="font-size: 10px">${machine.date.slice(0, 10)}, Node ${machine.node}.</text>
</svg>
`
}
