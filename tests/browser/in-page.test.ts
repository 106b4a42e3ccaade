import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy, isAll } from '../is-all.ts'
import { type Engine, engines } from './in-page/engines.ts'
import { describeResults } from './in-page/results.ts'
import { type CasesServer, startCasesServer } from './in-page/server.ts'

let server: CasesServer
beforeAll(async () => {
  server = await startCasesServer()
})
afterAll(() => server.close())

const files = ['orq.js', 'orq.esm.js', 'orq.full.js'] as const
type File = (typeof files)[number]

/** Another file is the same source, and takes as long again. `npm run test:all` brings the other engines. */
const isHeavy = (name: string, file: File): boolean => file !== 'orq.js' || (isAll && name !== 'Chromium')

/** Chromium plays cases in several pages at once: they wait most of their time. */
const pagesOf = (name: string): number => (name === 'Chromium' ? 3 : 1)

const all = engines()
const atHand = all.filter((engine): engine is Engine => !('missing' in engine))
// Said at each run: an engine that is not installed is no failure, and must not look like one that passed.
console.log(`the cases run in ${atHand.map(({ name }) => name).join(', ')}`)
for (const engine of all)
  if ('missing' in engine) console.log(`left out of the cases: ${engine.name}, which needs ${engine.missing}`)

/** The names of all cases, from their sources: one that a page has not played is missed. */
const casesFolder = new URL('./in-page/cases/', import.meta.url)
const tools = ['expect.js', 'frame.js', 'run.js', 'tools.js']
const names: string[] = []
for (const file of readdirSync(casesFolder).filter((one) => !tools.includes(one))) {
  const { cases } = (await import(new URL(file, casesFolder).href)) as { cases: { name: string }[] }
  names.push(...cases.map(({ name }) => name))
}

/** Cases that an engine, or a way to load the file, has no means for. No other may say so. */
const cannotIn = (name: string, file: File): RegExp => {
  if (file === 'orq.esm.js') return /^an import (has no queue before it|has no tag|makes no global)$/
  return name === 'Chromium' ? /^$/ : /^this engine has no|this engine has no Trusted Types$/
}

describe('the cases, inside a page on the built files', () => {
  for (const { name, run } of atHand)
    for (const file of files)
      test(`in ${name}, on ${file}`, isHeavy(name, file) ? heavy : {}, async () => {
        const pages = pagesOf(name)
        const shares = Array.from({ length: pages }, (_, n) => `share=${n + 1}/${pages}`)
        const results = await Promise.all(shares.map((share) => run(`${server.url}/cases.html?door=${file}&${share}`)))
        const played = results.flat()
        console.log(describeResults(`${name}, ${file}`, played))
        expect(played.map((result) => result.name).sort()).toEqual(names.sort())
        expect(played.filter(({ error }) => error).map((result) => `${result.name}: ${result.error}`)).toEqual([])
        const others = played.filter(({ cannot = '' }) => cannot && !cannotIn(name, file).test(cannot))
        expect(others).toEqual([])
      })
})
