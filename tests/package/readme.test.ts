import { readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/node/metrics.ts'
import { proxySettings } from '../../src/node/proxy-settings.ts'
import { memory } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const readme = read('README.md')

/** The first column of the table under a heading, its head included where that is code. */
const firstColumn = (heading: string): string =>
  [...(readme.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '').matchAll(/^\| (`.+?) \|/gm)]
    .map(([, first]) => first)
    .join('\n')

test('the README lists the settings of the proxy as help does, with their defaults', () => {
  const rows = proxySettings.map(
    ({ name, otherwise, description }) => `| \`${name}\` | ${otherwise ? `\`${otherwise}\`` : ''} | ${description} |`,
  )
  expect(readme.split('\n').filter((line) => /^\| `(ORQ_\w+|HOST|PORT)` \|/.test(line))).toEqual(rows)
})

test('the README lists every metric that there is, and none that there is not', async () => {
  const store = { ...memory(), fileBytes: () => ({ file: 1, log: 1 }) }
  const { text } = await createMetrics({ store, clock: fakeClock() }).render()
  const there = [...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name)
  const listed = [...firstColumn('Metrics').matchAll(/`(orq_\w+)/g)].map(([, name]) => name)
  expect(there.length).toBeGreaterThan(12)
  expect(listed.sort()).toEqual(there.sort())
})

test('the README lists every event that the log knows', () => {
  const source = read('src/node/log.ts')
  const known = [...source.matchAll(/event: '(\w+)'/g)].map(([, name]) => name)
  const listed = [...firstColumn('Logs').matchAll(/`(\w+)`/g)].map(([, name]) => name).slice(1)
  expect(known.length).toBeGreaterThan(10)
  expect([...new Set(known)].sort()).toEqual(listed.sort())
})

test('every picture of the README is there, and loads over a slow line', () => {
  const pictures = [...readme.matchAll(/["(]((?:examples|tests)\/[\w/.-]+\.(?:png|svg))[")]/g)].map(([, path]) => path)
  expect(pictures.length).toBeGreaterThan(4)
  for (const path of pictures) expect(statSync(new URL(`../../${path}`, import.meta.url)).size).toBeLessThan(150_000)
})
