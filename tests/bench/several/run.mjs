// Measures 1, 2 and 4 `orq-identify proxy` on one PostgreSQL, beside one on SQLite in the same run, and what an update costs
// as the table grows to 1 000 000 contacts. Writes tests/bench/results/several.* and the README. `npm run bench:several`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { installIn } from '../install.mjs'
import { describeMachine } from '../machine.mjs'
import { quoteInReadme } from '../readme.mjs'
import { toChart } from './chart.mjs'
import { toTable } from './table.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
installIn(here('../proxy'))
const { startUpstream } = await import('../proxy/processes.mjs')
const { startDatabase } = await import('./database.mjs')
const { measureGrowth } = await import('./growth.mjs')
const { measurePostgres, measureSqlite } = await import('./throughput.mjs')
const { measureUndisturbed } = await import('./undisturbed.mjs')

const start = performance.now()
const say = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`)
const machine = describeMachine()
const upstream = await startUpstream()
const server = await startDatabase()
try {
  say('SQLite …')
  const sqlite = await measureSqlite(upstream)
  const several = []
  for (const count of [1, 2, 4]) {
    say(`PostgreSQL, ${count} …`)
    several.push(await measurePostgres(server, upstream, count))
  }
  say('undisturbed updates …')
  const database = await server.create()
  const undisturbed = await measureUndisturbed(database, upstream, 100)
  await database.close()
  say('as the table grows …')
  const growth = await measureGrowth(server, upstream, say)
  const seconds = Math.round((performance.now() - start) / 1_000)
  const results = { machine: { ...machine, postgres: server.version, seconds }, sqlite, several, undisturbed, growth }
  mkdirSync(here('../results'), { recursive: true })
  const write = (name, text) => writeFileSync(here(`../results/several.${name}`), text)
  write('json', `${JSON.stringify(results, null, 2)}\n`)
  write('md', toTable(results))
  write('svg', toChart(results))
  quoteInReadme('bench:several', toTable(results))
  console.log(toTable(results))
} finally {
  await server.stop()
  await upstream.stop()
}
