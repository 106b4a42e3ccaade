import { load } from '../proxy/load.mjs'
import { startProxy } from '../proxy/processes.mjs'
import { fill } from './fill.mjs'

export const sizes = [1_000, 10_000, 100_000, 1_000_000]
const rounds = 3
const warmUpUpdates = 1_024
const updates = 4_096

/** Everybody in turn, but not in the order of the table. */
const createWalk = (size) => {
  const stride = 7_919
  let at = 0
  return () => {
    at = (at + stride) % size
    return at + 1
  }
}

/** One that holds `size` contacts, none of them undelivered. */
const createFilled = async (server, upstream, size) => {
  const database = await server.create()
  const nextPerson = createWalk(size)
  const proxy = await startProxy(upstream, { ORQ_STORE: database.url })
  await load(proxy.started.url, { amount: 640, most: 640, nextPerson })
  await database.whenDelivered()
  await proxy.stop()
  const start = performance.now()
  const bytes = await fill(database, size)
  return { size, database, nextPerson, bytes, fillSeconds: (performance.now() - start) / 1_000, results: [] }
}

/** Contacts that are there send other values. Begins right after a checkpoint: no page is spared its image in the log. */
const measureOnce = async ({ database, nextPerson }, upstream) => {
  const commits = await database.commits()
  const proxy = await startProxy(upstream, { ORQ_STORE: database.url })
  const send = (amount) => load(proxy.started.url, { amount, most: amount, nextPerson })
  await send(warmUpUpdates)
  await database.whenDelivered()
  await database.query('CHECKPOINT')
  const [before, proxyCpuMs] = [await database.usage(), proxy.cpuMs()]
  const { p50, p99, statuses } = await send(updates)
  await database.whenDelivered()
  const [after, proxyCpuMsAfter] = [await database.usage(), proxy.cpuMs()]
  const wal = await database.walBetween(before.lsn, after.lsn)
  await database.query('CHECKPOINT')
  const written = (await database.usage()).writtenBytes - before.writtenBytes
  await proxy.stop()
  return {
    p50,
    p99,
    statuses,
    transactions: ((await database.commits()) - commits) / (warmUpUpdates + updates),
    postgresCpuUs: ((after.cpuMs - before.cpuMs) / updates) * 1_000,
    proxyCpuUs: ((proxyCpuMsAfter - proxyCpuMs) / updates) * 1_000,
    walRecordBytes: wal.recordBytes / updates,
    walImageBytes: wal.imageBytes / updates,
    readBytes: (after.readBytes - before.readBytes) / updates,
    writtenBytes: written / updates,
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** What an update costs, beside how many contacts. The sizes take turns, and the median of the rounds counts. */
export const measureGrowth = async (server, upstream, say) => {
  const tables = []
  for (const size of sizes) {
    tables.push(await createFilled(server, upstream, size))
    say(`  a table of ${size}`)
  }
  for (let round = 1; round <= rounds; round++) {
    for (const table of tables) table.results.push(await measureOnce(table, upstream))
    say(`  round ${round} of ${rounds}`)
  }
  for (const { database } of tables) await database.close()
  return tables.map(({ size, bytes, fillSeconds, results }) => {
    const names = Object.keys(results[0]).filter((name) => name !== 'statuses')
    const medians = Object.fromEntries(names.map((name) => [name, median(results.map((result) => result[name]))]))
    return { size, tableBytes: bytes, fillSeconds, updates, ...medians, rounds: results }
  })
}
