import { readFileSync, statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { optionTable } from '../../src/client/settings.ts'
import { fieldNames, maxBodyBytes, parseContact } from '../../src/core/contact.ts'
import { createMetrics } from '../../src/node/metrics.ts'
import { proxySettings } from '../../src/node/proxy-settings.ts'
import { memory } from '../../src/server.ts'
import { fakeClock } from '../clock.ts'
import { type Shown, shownByDoors } from './public-types.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const readme = read('README.md')

/** The first column of the table under a heading, its head included where that is code. */
const firstColumn = (heading: string): string =>
  [...(readme.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '').matchAll(/^\| (`.+?) \|/gm)]
    .map(([, first]) => first)
    .join('\n')

/** The rows of the tables under a heading, without heads. */
const rowsUnder = (heading: string): string[] =>
  (readme.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))

describe('the options of the client', () => {
  const shown = shownByDoors()
  const membersOf = (owner: string): (Shown & { member: string })[] =>
    shown
      .filter(({ name }) => name.startsWith(`${owner}.`))
      .map((one) => ({ ...one, member: one.name.slice(owner.length + 1) }))
  const options = membersOf('client/options ClientOptions')
  const retries = membersOf('core/retry RetryConfig')
  const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value))

  test('stand in the README with their defaults and the first sentence of their comments', () => {
    const rows = options.map(({ member, otherwise = '', text }) => {
      const [, value, rest = ''] = /^('.*?'|\d+|true|false)?(.*)$/.exec(otherwise) ?? []
      return `| \`${member}\` | ${value ? `\`${value}\`` : ''}${rest} | ${text.split('. ')[0]?.replace(/\.$/, '')} |`
    })
    expect(rows.length).toBeGreaterThan(15)
    expect(rowsUnder('Options')).toEqual(rows)
  })

  test('stand in the README with the parts of `retries`', () => {
    const parts = retries.map(({ member, otherwise }) => `${member.replace('backoff.', '')}: ${otherwise}`)
    const [strategy, , ...others] = parts
    const [, told] = /`(\{ strategy: .+?)`/.exec(readme) ?? []
    expect(told).toBe(`{ ${strategy}, backoff: { ${others.slice(0, -1).join(', ')} }, ${others.at(-1)} }`)
  })

  test('have the defaults in the table of options that their comments name', () => {
    for (const { member, otherwise = '' } of options) {
      const [, fallback] = optionTable[member as keyof typeof optionTable]
      const [, told] = /^('.*?'|\d+|true|false)/.exec(otherwise) ?? []
      if (member !== 'retries')
        expect([member, told]).toEqual([member, fallback === undefined ? undefined : show(fallback)])
    }
    expect(Object.keys(optionTable).sort()).toEqual(options.map(({ member }) => member).sort())
  })

  test('have the parts of `retries` in the code that their comments name', () => {
    const code = read('src/core/retry.ts')
    const numbers = retries.filter(({ otherwise = '' }) => /^[\d.]+$/.test(otherwise))
    expect(numbers.length).toBe(4)
    for (const { member, otherwise } of numbers) {
      const [, value] = new RegExp(`\\b${member.replace('backoff.', '')} = ([\\d.e]+)`).exec(code) ?? []
      expect([member, Number(value)]).toEqual([member, Number(otherwise)])
    }
  })
})

test('the README lists the fields of a contact with their limits', () => {
  const rows = (['external_id', ...fieldNames] as const).map((field) => {
    const problem = parseContact({ external_id: 'u', [field]: Number.NaN })
    const inPage = field.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
    return `| \`${inPage}\` | \`${field}\` | ${'hint' in problem ? problem.hint : 'no limit'} |`
  })
  expect(rows).toHaveLength(6)
  expect(rowsUnder('Fields')).toEqual(rows)
  const [, bytes = ''] = /at most ([\d ]+) bytes of JSON/.exec(readme) ?? []
  expect(Number(bytes.replace(' ', ''))).toBe(maxBodyBytes)
})

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

test('each heading that the console names is there', () => {
  const source = read('src/client/engine/explain.ts')
  const headings = [...readme.matchAll(/^##+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
  const named = [...source.matchAll(/see\('([a-z-]+)'\)/g)].map(([, heading]) => heading)
  expect(named.length).toBeGreaterThan(3)
  for (const heading of named) expect(headings).toContain(heading)
})
