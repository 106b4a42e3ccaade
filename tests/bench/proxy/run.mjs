// Measures `orq-identify proxy` with the load generator and an instant upstream on the same machine, beside a bare echo on
// the same Node adapter, and writes tests/bench/results/proxy.*. `npm run build`, then `node tests/bench/proxy/run.mjs`.
// `--million` also fills the queue with 1 000 000 contacts and takes ten minutes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { installIn } from '../install.mjs'
import { describeMachine } from '../machine.mjs'
import { quoteInReadme } from '../readme.mjs'
import { toChart, toTable } from './table.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
installIn(here('.'))
const { load, loadEvenly } = await import('./load.mjs')
const { startEcho, startProxy, startUpstream } = await import('./processes.mjs')

const say = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`)
const upstream = await startUpstream()

const withProxy = async (task) => {
  const proxy = await startProxy(upstream)
  try {
    return await task(proxy)
  } finally {
    await proxy.stop()
  }
}

/** Fills the queue while upstream is down, then lets it go. */
const drain = (count) =>
  withProxy(async (proxy) => {
    // What any load costs, whatever waits, is no part of the queue's memory.
    await load(proxy.started.url, { duration: 5, most: 120_000 })
    await upstream.tell({ isDown: true, clear: true })
    const before = proxy.memoryBytes()
    for (let left = count; left > 0; left -= 100_000) {
      const amount = Math.min(left, 100_000)
      await load(proxy.started.url, { amount, most: amount + 64 })
      say(`  ${count - left + amount} of ${count} are queued`)
    }
    const queuedBytes = proxy.memoryBytes() - before
    await upstream.tell({ isDown: false })
    let people = 0
    let first
    let peakBytes = 0
    while (people < count) {
      await sleep(100)
      people = (await upstream.tell({})).people
      // The dispatcher's own pause, up to a minute, is no part of the rate.
      if (people > 1_000 && !first) first = { people, at: performance.now() }
      peakBytes = Math.max(peakBytes, proxy.memoryBytes() - before)
    }
    const perSecond = ((count - first.people) / (performance.now() - first.at)) * 1_000
    return { count, perSecond, queuedBytes, peakBytes }
  })

const machine = describeMachine()

say('the bare echo …')
const echo = await startEcho()
await load(echo.url, { path: '/', duration: 2, most: 200_000 })
const bare = await load(echo.url, { path: '/', duration: 6, most: 500_000 })
await echo.stop()

say('start-up, five times …')
const starts = []
for (let n = 0; n < 5; n++) starts.push(await withProxy(({ readyMs }) => readyMs))

say('durable and delivered …')
const delivered = await withProxy(async (proxy) => {
  await load(proxy.started.url, { duration: 8, most: 200_000 })
  await upstream.tell({ clear: true })
  const cpu = proxy.cpuMs()
  const result = await load(proxy.started.url, { duration: 10, most: 250_000 })
  const { people } = await upstream.tell({})
  return { ...result, perSecond: people / result.seconds, people, cpuUs: ((proxy.cpuMs() - cpu) / people) * 1_000 }
})

say('accepted, upstream down …')
const accepted = await withProxy(async (proxy) => {
  await upstream.tell({ isDown: true })
  await load(proxy.started.url, { duration: 8, most: 200_000 })
  const result = await load(proxy.started.url, { duration: 10, most: 250_000 })
  return { ...result, bytes: proxy.memoryBytes() }
})
await upstream.tell({ isDown: false })

say('1 000 a second …')
const calm = await withProxy(async (proxy) => {
  await load(proxy.started.url, { duration: 8, most: 200_000 })
  return loadEvenly(proxy.started.url, { perSecond: 1_000, seconds: 10 })
})

say('drain of 100 000 …')
const drained = [await drain(100_000)]
if (process.argv.includes('--million')) {
  say('drain of 1 000 000 …')
  drained.push(await drain(1_000_000))
}
await upstream.stop()

const results = { machine, bare, delivered, accepted, calm, drained, starts: starts.sort((a, b) => a - b) }
mkdirSync(here('../results'), { recursive: true })
const write = (name, text) => writeFileSync(here(`../results/proxy.${name}`), text)
write('json', `${JSON.stringify(results, null, 2)}\n`)
write('md', toTable(results))
write('svg', toChart(results))
quoteInReadme('bench:proxy', toTable(results))
console.log(toTable(results))
