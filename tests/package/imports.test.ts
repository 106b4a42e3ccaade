import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../src')
const rooms = ['core', 'client', 'upstream', 'store', 'proxy', 'node', 'dev', 'bindings'] as const
type Room = (typeof rooms)[number]

/** What each room may import besides itself: other rooms, and packages by name. */
const allowed: Record<Room, readonly string[]> = {
  core: [],
  client: ['core', 'ky'],
  upstream: ['core', 'ky'],
  store: ['core'],
  proxy: ['core', 'upstream', 'store', 'jose', 'valibot'],
  node: ['core', 'client', 'upstream', 'store', 'proxy', '@hono/node-server', 'pino', 'prom-client', 'citty', 'undici'],
  bindings: ['client'],
  dev: ['core', 'client', 'upstream', 'store', 'proxy', 'node', 'hono', '@hono/node-server'],
}
/** Packages of one part of a room alone. */
const special: readonly [path: RegExp, name: RegExp][] = [
  [/^(node|dev)\//, /^node:/],
  [/^store\/sqlite(\.ts$|[/-])/, /^node:(sqlite|crypto|fs|path|process|os)(\/|$)/],
  [/^store\/postgres(\.ts$|[/-])/, /^(pg|pg-boss(\/package\.json)?|node:(crypto|net))$/],
  [/^store\/keyed-hash\.ts$/, /^node:crypto$/],
  // Doors that the core's own stands beside.
  [/^(bindings\/.*|(react|vue|segment|analytics)\.ts$)/, /^orq-identify$/],
  // The door of React, Vue and the command line.
  [/^react\.ts$/, /^react$/],
  [/^vue\.ts$/, /^vue$/],
  [/^cli\.ts$/, /^citty$/],
  // They import none of it: what they name stands in the code that readers copy.
  [/^dev\/page\/snippet[\w-]*\.ts$/, /^(@\/auth|vue|svelte|@segment\/analytics-next|analytics|orq-identify(\/\w+)?)$/],
]

const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))

/** Every way to name another module: import and export from, import of nothing, import(), require. */
const importsOf = (source: string): string[] => {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  // Only a call can take a template: `from` before a back-tick is prose.
  const pattern = /(?:\b(?:from|import)\s*(?=['"])|\b(?:import|require)\s*\(\s*)(['"`])([^'"`\n]+)\1/g
  return [...code.matchAll(pattern)].map(([, , name]) => name as string)
}

const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/')

/** Whether `file`, relative to src, may import `name`. */
const isAllowed = (file: string, name: string): boolean => {
  const room = file.includes('/') ? (file.split('/')[0] as Room) : undefined
  if (room && !rooms.includes(room)) return false
  if (special.some(([path, names]) => path.test(file) && names.test(name))) return true
  if (!name.startsWith('.')) return !!room && !name.startsWith('node:') && allowed[room].includes(packageOf(name))
  const target = normalize(join(dirname(file), name))
  if (target.startsWith('..')) return false
  // Doors are for other people: nothing inside goes through one, but the demo page, which is such a person. A door may
  // be made of another.
  if (!target.includes('/')) return !room || room === 'dev'
  const to = target.split('/')[0] as Room
  return !room || to === room || allowed[room].includes(to)
}

describe('imports', () => {
  test.each(files)('of src/%s point downwards only', (file) => {
    const names = importsOf(readFileSync(join(root, file), 'utf8'))
    expect(names.filter((name) => !isAllowed(file, name))).toEqual([])
  })

  test.each([
    ['core/a.ts', 'valibot'],
    ['core/a.ts', '../client/b.ts'],
    ['core/a.ts', 'node:crypto'],
    ['client/a.ts', 'jose'],
    ['client/a.ts', '../proxy/b.ts'],
    ['client/a.ts', '../index.ts'],
    ['upstream/a.ts', '../proxy/b.ts'],
    ['store/memory.ts', 'node:sqlite'],
    ['store/sqlite.ts', 'pg'],
    ['store/postgres.ts', 'node:sqlite'],
    ['store/a.ts', '../upstream/b.ts'],
    ['proxy/a.ts', 'node:http'],
    ['proxy/a.ts', 'hono'],
    ['proxy/a.ts', '../client/b.ts'],
    ['proxy/a.ts', '../node/b.ts'],
    ['node/a.ts', '../dev/b.ts'],
    ['node/a.ts', 'hono'],
    ['proxy/a.ts', '../../package.json'],
    ['other/a.ts', '../core/b.ts'],
    ['server.ts', 'jose'],
    ['server.ts', 'node:http'],
  ])('a test that would miss %s importing %s is no test', (file, name) => expect(isAllowed(file, name)).toBe(false))

  test.each([
    ['core/a.ts', './b.ts'],
    ['client/a.ts', 'ky'],
    ['client/a.ts', '../core/b.ts'],
    ['store/sqlite.ts', 'node:sqlite'],
    ['store/sqlite/rows.ts', 'node:sqlite'],
    ['store/postgres.ts', 'pg-boss'],
    ['proxy/a.ts', '../store/memory.ts'],
    ['node/a.ts', 'node:http'],
    ['node/a.ts', '@hono/node-server'],
    ['dev/a.ts', 'hono/cookie'],
    ['dev/page/a.ts', '../../client/b.ts'],
    ['server.ts', './proxy/a.ts'],
    ['testing.ts', './server.ts'],
  ])('%s may import %s', (file, name) => expect(isAllowed(file, name)).toBe(true))

  test('are found in whatever form', () => {
    const source = `import a from 'a'; import 'b'
import type { C } from "c"
export * from 'd'
export { e } from 'e'
const f = await import('f')
const g = require('g')
import {
  h,
} from 'h'
/* import 'no' */
// import 'no'`
    expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
  })
})

test.each(files)('src/%s has at most 250 lines', (file) =>
  expect(readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(250),
)
