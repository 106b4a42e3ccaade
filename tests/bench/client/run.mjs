// Measures the built client and four other libraries in one Chromium, and writes tests/bench/results/client.*.
// `npm run build`, then `node tests/bench/client/run.mjs`. Nothing leaves 127.0.0.1.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { findChromium } from '../../browser/find.mjs'
import { installIn } from '../install.mjs'
import { quoteInReadme } from '../readme.mjs'
import { toChart } from './chart.mjs'
import { summarise } from './summary.mjs'
import { toTable } from './table.mjs'
import { toWaitingTable } from './waiting-table.mjs'

const start = Date.now()
setTimeout(() => {
  console.error('The benchmark took more than ten minutes and was ended; is the machine busy?')
  process.exit(1)
}, 595_000).unref()

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
installIn(here('.'))
if (!existsSync(here('../../../dist/orq.js'))) throw new Error('dist is missing: npm run build')

// Only now: they read the files that have just been installed.
const { libraries } = await import('./libraries/index.mjs')
const { outcomesOf } = await import('./scenarios.mjs')
const { repeatsOf } = await import('./repeats.mjs')
const { startsOf } = await import('./start.mjs')
const { waitingOf } = await import('./waiting.mjs')
const { waitingHost } = await import('./waiting-states.mjs')

const browser = await chromium.launch({
  executablePath: findChromium(),
  args: [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    // Some libraries drop what a bot sends, and take this for one.
    '--disable-blink-features=AutomationControlled',
    `--host-resolver-rules=MAP ${waitingHost} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
  ],
})
const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`
const outside = new Set()
const newContext = async (site) => {
  const context = await browser.newContext({ userAgent })
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && origin !== site.origin) outside.add(`${site.library.id}: ${request.url()}`)
  })
  return context
}

const load = () => loadavg()[0]
const machine = {
  date: new Date().toISOString(),
  cores: availableParallelism(),
  processor: cpus()[0]?.model,
  chromium: browser.version(),
  node: process.version,
  loadAtStart: load(),
}
console.log('Times first, one page at a time: repeated calls …')
const repeats = await repeatsOf(libraries, newContext, start + 120_000)
console.log('Starts of pages …')
const starts = await startsOf(libraries, newContext)
console.log('Calls that wait …')
const waiting = await waitingOf(newContext)
machine.loadAfterTimes = load()
console.log('Requests and outcomes …')
const outcomes = await outcomesOf(libraries, newContext)
machine.seconds = Math.round((Date.now() - start) / 1_000)

const results = { machine, outside: [...outside], ...summarise(libraries, { outcomes, repeats, starts, waiting }) }
const write = (name, text) => writeFileSync(here(`../results/client.${name}`), text)
mkdirSync(here('../results'), { recursive: true })
write('json', `${JSON.stringify(results, null, 2)}\n`)
write('md', toTable(results) + toWaitingTable(results.waiting))
write('svg', toChart(results))
quoteInReadme('bench:client', toTable(results))
console.log(toTable(results) + toWaitingTable(results.waiting))
for (const url of outside) console.error(`Left this machine, or tried to: ${url}`)
const absent = results.libraries.filter(({ identify }) => !identify.arrived)
for (const { label } of absent) console.error(`${label}: its identify did not arrive, its numbers mean nothing`)
const undelivered = results.waiting.filter(({ arrived }) => !arrived)
for (const { name } of undelivered) console.error(`${name}: the waiting call did not arrive, its numbers mean nothing`)
// Not waited for: Chromium may still hold profiles that it never closes.
browser.close()
process.exit(absent.length || undelivered.length || outside.size ? 1 : 0)
