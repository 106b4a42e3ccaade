import { whole } from '../proxy/table.mjs'

const line = (cells) => `| ${cells.join(' | ')} |`
const table = (head, rows) => [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
const plural = (count) => (count === 1 ? '1 proxy' : `${count} proxies`)
const hundredths = (value) => value.toFixed(2)

const throughput = ({ sqlite, several }) => {
  const { perSecond: most } = several[0]
  const row = (label, result) => [
    label,
    whole(result.perSecond),
    `${whole(result.p50)} / ${whole(result.p99)}`,
    `${whole(result.proxyCpuUs)} / ${result.postgresCpuUs ? whole(result.postgresCpuUs) : '–'}`,
    result.transactions ? hundredths(result.transactions) : '–',
    result.walBytes ? whole(result.walBytes) : '–',
    whole(result.writtenBytes),
  ]
  return table(
    [
      'durable and delivered',
      'updates/s',
      'p50 / p99, ms',
      'CPU per update, µs: proxies / PostgreSQL',
      'transactions per update',
      'WAL per update, bytes',
      'written per update, bytes',
    ],
    [
      row('SQLite, 1 proxy', sqlite),
      ...several.map((result) =>
        row(
          `PostgreSQL, ${plural(result.proxies)}${result.proxies > 1 ? ` (${hundredths(result.perSecond / most)} of one)` : ''}`,
          result,
        ),
      ),
    ],
  )
}

const growth = ({ growth: tables }) => {
  const [first] = tables
  const last = tables.at(-1)
  const cpuUs = (one) => one.proxyCpuUs + one.postgresCpuUs
  const ratio = (pick) => hundredths(pick(last) / pick(first))
  return table(
    [
      'contacts in the table',
      'CPU per update, µs: proxy + PostgreSQL',
      'transactions per update',
      'WAL per update, bytes: records + page images',
      'read per update, bytes',
      'written per update, bytes',
    ],
    [
      ...tables.map((one) => [
        `${whole(one.size)} (${whole(one.tableBytes / 1e6)} MB)`,
        `${whole(one.proxyCpuUs)} + ${whole(one.postgresCpuUs)}`,
        hundredths(one.transactions),
        `${whole(one.walRecordBytes)} + ${whole(one.walImageBytes)}`,
        whole(one.readBytes),
        whole(one.writtenBytes),
      ]),
      [
        `${whole(last.size)} against ${whole(first.size)}`,
        `${ratio(cpuUs)} (PostgreSQL alone ${ratio((one) => one.postgresCpuUs)})`,
        ratio((one) => one.transactions),
        `${ratio((one) => one.walRecordBytes)} (with images ${ratio((one) => one.walRecordBytes + one.walImageBytes)})`,
        ratio((one) => one.readBytes),
        ratio((one) => one.writtenBytes),
      ],
    ],
  )
}

/** `1`, or `1 (99 times), 2 (once)`. */
const counts = (times) => {
  const entries = Object.entries(times)
  if (entries.length === 1) return entries[0][0]
  return entries.map(([count, n]) => `${count} (${n === 1 ? 'once' : `${n} times`})`).join(', ')
}

const notes = ({ machine, undisturbed, growth: tables }) => {
  const last = tables.at(-1)
  return `
- Load generator, proxies, PostgreSQL and upstream share the machine: where its cores are busy, more proxies only divide them. What machines of their own would bring is to be worked out from the CPU per update, which is measured.
- 64 connections, divided among the proxies; a different person and token in each request; upstream answers at once. SQLite with an fsync for each group of writes; PostgreSQL as it comes, with \`synchronous_commit=on\` and 128 MB of shared buffers.
- An update alone (${undisturbed.updates} of them, counted on the wire): ${counts(undisturbed.beforeAnswer)} transaction before its answer, ${counts(undisturbed.all)} in all. Under load many updates share one. ${undisturbed.disturbed} more met a look for what had come due, twice a second, and are not counted.
- Transactions: those that PostgreSQL counts as committed, from the start of the proxies to their end. CPU: of all threads of the proxies and all processes of PostgreSQL. Written: by SQLite's proxy to the disk; by PostgreSQL its log, and the changed pages with the checkpoint after the run.
- The tables were filled by SQL (\`generate_series\`, ${whole(last.fillSeconds)} s for ${whole(last.size)} rows) with copies of the row of a delivered contact, then analysed. Those contacts send ${whole(last.updates)} updates in turn, through one proxy; medians of ${last.rounds.length} rounds.
- Each round begins right after a checkpoint, the dearest moment: a page that changes for the first time after one is logged whole, and written to its file by the next. In a small table updates share pages, in a large one each changes pages of its own. However many updates there are between two checkpoints, that is at most the table once (${whole(last.tableBytes / 1e6)} MB). What is read comes from the system's cache: the largest table does not fit into the shared buffers.
${machine.loadAtStart > 1 ? `\n**The machine was busy (load ${machine.loadAtStart.toFixed(1)} at the start): quote no rates and times of this run.**\n` : ''}`
}

export const toTable = (results) => {
  const { machine } = results
  return `# Several machines

${machine.date.slice(0, 16).replace('T', ' ')} UTC, PostgreSQL ${machine.postgres}, Node ${machine.node}, ${machine.cores} cores (${machine.processor?.split(' ').slice(0, 2).join(' ')}), load ${machine.loadAtStart.toFixed(1)} at the start, one fsync ${machine.fsyncMs.toFixed(2)} ms; ${machine.seconds} s.

${throughput(results)}

${growth(results)}
${notes(results)}`
}
