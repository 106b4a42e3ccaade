import { load } from '../proxy/load.mjs'
import { startProxy } from '../proxy/processes.mjs'

const sum = (values) => values.reduce((total, value) => total + value, 0)
const warmUp = { duration: 3, most: 30_000 }
const measured = { duration: 8, most: 64_000 }

/** As many new people as these proxies take: durable and delivered. */
const run = async (proxies, upstream, usage) => {
  const urls = proxies.map(({ started }) => started.url)
  const cpuMs = () => sum(proxies.map((proxy) => proxy.cpuMs()))
  await upstream.tell({ clear: true })
  const warm = await load(urls, warmUp)
  const { people: warmPeople } = await upstream.tell({})
  const [before, cpuBefore] = [await usage(), cpuMs()]
  const { seconds, p50, p99, statuses } = await load(urls, measured)
  // Those whose answer the generator's end has cut off are delivered too, a moment later.
  const updates = (await upstream.tell({})).people - warmPeople
  return {
    proxies: proxies.length,
    perSecond: updates / seconds,
    p50,
    p99,
    statuses,
    updates,
    allUpdates: warm.total + updates,
    proxyCpuUs: ((cpuMs() - cpuBefore) / updates) * 1_000,
    before,
    after: await usage(),
  }
}

export const measureSqlite = async (upstream) => {
  const proxy = await startProxy(upstream)
  try {
    const { before, after, ...result } = await run([proxy], upstream, async () => proxy.diskBytes())
    return { ...result, writtenBytes: (after - before) / result.updates }
  } finally {
    await proxy.stop()
  }
}

export const measurePostgres = async (server, upstream, count) => {
  const database = await server.create()
  const env = { ORQ_STORE: database.url }
  // Makes the schema, which is no part of what updates cost.
  await (await startProxy(upstream, env)).stop()
  const commits = await database.commits()
  const proxies = []
  for (let n = 0; n < count; n++) proxies.push(await startProxy(upstream, env))
  const { before, after, ...result } = await run(proxies, upstream, database.usage).finally(async () => {
    for (const proxy of proxies) await proxy.stop()
  })
  const wal = await database.walBetween(before.lsn, after.lsn)
  // Pages that are changed reach their files by the next checkpoint.
  await database.query('CHECKPOINT')
  const writtenBytes = (await database.usage()).writtenBytes - before.writtenBytes
  const transactions = ((await database.commits()) - commits) / result.allUpdates
  await database.close()
  const { updates } = result
  return {
    ...result,
    transactions,
    postgresCpuUs: ((after.cpuMs - before.cpuMs) / updates) * 1_000,
    walBytes: wal.bytes / updates,
    walImageBytes: wal.imageBytes / updates,
    writtenBytes: writtenBytes / updates,
  }
}
