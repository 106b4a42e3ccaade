import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

interface Manifest {
  engines?: { node?: string }
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}
const manifestOf = (path: string): Manifest => JSON.parse(read(`${path}package.json`))
const own = manifestOf('')

type Version = [major: number, minor: number, patch: number]
const versionOf = (text: string): Version => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number)
  return [major, minor, patch]
}
const compare = (a: Version, b: Version): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]

/** The only form that ours has. */
const lowest = versionOf(/^>=(\d+\.\d+(?:\.\d+)?)$/.exec(own.engines?.node ?? '')?.[1] ?? '0')

/** Whether a range of `>=`, `^` or bare versions, joined by `||`, takes a version. Any other form is taken by nobody. */
const takes = (range: string, version: Version): boolean =>
  range.split('||').some((part) => {
    const [, sign, text] = /^\s*(>=|\^|)\s*v?(\d+(?:\.\d+)*)(?:\.x)*\s*$/.exec(part) ?? []
    if (text === undefined) return part.trim() === '*'
    const from = versionOf(text)
    return compare(version, from) >= 0 && (sign === '>=' || version[0] === from[0])
  })

/** What an installation for the proxy brings, and what each of it asks of Node. */
const asked = (): Map<string, string> => {
  const found = new Map<string, string>()
  const add = (name: string, from: string): void => {
    // As Node looks for it: beside the one that asks, then further out.
    const folders = [`${from}node_modules/${name}/`, `node_modules/${name}/`]
    const folder = folders.find((path) => existsSync(new URL(`../../${path}package.json`, import.meta.url)))
    if (folder === undefined || found.has(folder)) return
    const { engines, dependencies = {} } = manifestOf(folder)
    found.set(folder, engines?.node ?? '*')
    for (const next of Object.keys(dependencies)) add(next, folder)
  }
  for (const name of Object.keys({ ...own.dependencies, ...own.peerDependencies })) add(name, '')
  return found
}

test('the oldest Node that engines names is new enough for every dependency', () => {
  const all = asked()
  expect(all.size).toBeGreaterThan(15)
  expect([...all].filter(([, range]) => !takes(range, lowest))).toEqual([])
})

test('a range is read as npm reads it', () => {
  expect(takes('>=22.19.0', [22, 18, 9])).toBe(false)
  expect(takes('>=22.19.0', [22, 19, 0])).toBe(true)
  expect(takes('^16 || ^18 || >=20', [22, 13, 0])).toBe(true)
  expect(takes('^20.1.0', [22, 0, 0])).toBe(false)
  expect(takes('<22', [20, 0, 0])).toBe(false)
})

test('the README names the same one', () => {
  expect(read('README.md')).toContain(`Servers: Node ${lowest[0]}.${lowest[1]} or newer`)
})
