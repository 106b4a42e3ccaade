import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAll } from '../is-all.ts'
import { type Engine, engines } from './in-page/engines.ts'
import { describeResults } from './in-page/results.ts'
import { type CasesServer, startCasesServer } from './in-page/server.ts'

let server: CasesServer
beforeAll(async () => {
  server = await startCasesServer()
})
afterAll(() => server.close())

// The other two files are the same source: only `npm run test:all` takes the minute each.
const files = isAll ? ['orq.js', 'orq.esm.js', 'orq.full.js'] : ['orq.js']

const all = engines()
const atHand = all.filter((engine): engine is Engine => !('missing' in engine))
// Said at each run: an engine that is not installed is no failure, and must not look like one that passed.
console.log(`the cases run in ${atHand.map(({ name }) => name).join(', ')}`)
for (const engine of all)
  if ('missing' in engine) console.log(`left out of the cases: ${engine.name}, which needs ${engine.missing}`)
const runs = atHand.flatMap((engine) => files.map((file) => ({ name: engine.name, file, engine })))

describe('the cases, inside a page on the built files', () => {
  test.each(runs)('in $name, on $file', async ({ name, file, engine }) => {
    const results = await engine.run(`${server.url}/cases.html?door=${file}`)
    console.log(describeResults(`${name}, ${file}`, results))
    expect(results.length).toBeGreaterThan(100)
    expect(results.filter(({ error }) => error).map(({ name, error }) => `${name}: ${error}`)).toEqual([])
  })
})
