import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { requireTools, toolsFolder as tools } from '../tools.ts'

const root = join(import.meta.dirname, '../..')
const compilerNames = ['typescript-5.4', 'typescript-5.9', 'typescript-7']
const libraries = ['@segment/analytics-next', 'analytics']
requireTools('publint', '@arethetypeswrong/cli', ...compilerNames, ...libraries)
const run = promisify(execFile)

let folder: string
let tarball: string
let app: string
let packed: string[]

const installed = (file: string): string => join(app, 'node_modules/orq-identify', file)

/** Runs a program of the tools, or of Node, and gives what it prints; a failure shows that too. */
const node = async (...args: string[]): Promise<string> => {
  try {
    return (await run(process.execPath, args, { cwd: app })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${args.join(' ')}\n${stdout}\n${stderr}`)
  }
}

/** Makes packages known to the app that are installed here already. */
const link = (...names: string[]): void => {
  for (const name of names) {
    const target = [tools, join(root, 'node_modules')].map((at) => join(at, name)).find(existsSync)
    if (!target) throw new Error(`${name} is not installed`)
    const place = join(app, 'node_modules', name)
    mkdirSync(dirname(place), { recursive: true })
    if (!existsSync(place)) symlinkSync(realpathSync(target), place)
  }
}

describe('the package as published', heavy, () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'orq-published-'))
    app = join(folder, 'app')
    mkdirSync(app)
    writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }\n')
    const env = { ...process.env, npm_config_audit: 'false', npm_config_fund: 'false' }
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const [{ filename, files }] = JSON.parse((await run('npm', pack, { cwd: root, env })).stdout)
    packed = (files as { path: string }[]).map(({ path }) => path).sort()
    tarball = join(folder, filename)
    await run('npm', ['install', '--prefer-offline', '--ignore-scripts', tarball], { cwd: app, env })
  }, 180_000)
  afterAll(() => folder && rmSync(folder, { recursive: true, force: true }))

  test('has nothing in it but what is meant', () => {
    const types = packed.filter((path) => path.startsWith('dist/types/'))
    const maps = packed.filter((path) => path.endsWith('.js.map'))
    expect(maps).toEqual(packed.filter((path) => /^dist\/.*\.js$/.test(path)).map((path) => `${path}.map`))
    const others = packed.filter((path) => !types.includes(path) && !maps.includes(path))
    expect(others.filter((path) => !path.startsWith('dist/chunks/'))).toEqual([
      'LICENSE',
      'README.md',
      'dist/analytics.js',
      'dist/cli.js',
      'dist/licenses.txt',
      'dist/node.js',
      'dist/orq.esm.js',
      'dist/orq.full.js',
      'dist/orq.js',
      'dist/page/cards.css',
      'dist/page/index.html',
      'dist/page/lists.css',
      'dist/page/page.css',
      'dist/page/page.js',
      'dist/page/theme.css',
      'dist/react.js',
      'dist/segment.js',
      'dist/server.js',
      'dist/sri.json',
      'dist/testing.js',
      'dist/transport.js',
      'dist/vue.js',
      'package.json',
    ])
    expect(
      types.filter((path) => /types\/(cli\.d|script|dev\/page\/|node\/commands\/|store\/\w+\/)/.test(path)),
    ).toEqual([])
    for (const path of types) {
      const source = path.replace('dist/types/', 'src/').replace(/\.d\.ts$/, '.ts')
      expect([path, existsSync(join(root, source))]).toEqual([path, true])
    }
  })

  test('installs at most 25 packages, itself included, and none of the optional ones', () => {
    const { packages } = JSON.parse(readFileSync(join(app, 'package-lock.json'), 'utf8'))
    const names = Object.keys(packages).filter(Boolean)
    expect(names.length).toBeLessThanOrEqual(25)
    for (const name of ['react', 'vue', 'pg', 'pg-boss']) expect(names).not.toContain(`node_modules/${name}`)
  })

  test('passes publint', async () => {
    await node(join(tools, 'publint/src/cli.js'), tarball, '--strict')
  })

  test('has the types that its files are, for ESM', async () => {
    const out = await node(join(tools, '@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only')
    for (const door of ['react', 'vue', 'segment', 'analytics', 'server', 'node', 'testing'])
      expect(out).toContain(`"orq-identify/${door}"`)
  })

  test('finds its browser files by itself', async () => {
    const program = `import { createBrowserFiles } from 'orq-identify/node'
      const files = createBrowserFiles({ basePath: '/static/orq' })
      const ask = (path) => files(new Request('http://localhost' + path, { headers: { 'accept-encoding': 'br' } }))
      const { status, headers } = await ask('/static/orq/orq.js')
      console.log(status, headers.get('content-encoding'), await ask('/orq/orq.js'))`
    expect(await node('--input-type=module', '--eval', program)).toBe('200 br undefined\n')
  })

  test('has the hashes of its browser files', () => {
    const hashes = JSON.parse(readFileSync(installed('dist/sri.json'), 'utf8'))
    expect(Object.keys(hashes)).toHaveLength(4)
    for (const [file, value] of Object.entries(hashes)) {
      const digest = createHash('sha384').update(readFileSync(installed(`dist/${file}`)))
      expect(value).toBe(`sha384-${digest.digest('base64')}`)
    }
  })

  test('keeps the licence of what it has bundled', () => {
    const ky = join(root, 'node_modules/ky')
    const { version } = JSON.parse(readFileSync(join(ky, 'package.json'), 'utf8'))
    for (const file of ['transport.js', 'orq.full.js'])
      expect(readFileSync(installed(`dist/${file}`), 'utf8')).toMatch(`/*! ky ${version}, MIT, (c) Sindre Sorhus */`)
    expect(readFileSync(installed('dist/licenses.txt'), 'utf8')).toContain(
      readFileSync(join(ky, 'license'), 'utf8').trim(),
    )
  })

  const doors: Record<string, string[]> = {
    'orq-identify': ['createOrq', 'orq'],
    'orq-identify/react': ['OrqProvider', 'useIdentify', 'useOrq'],
    'orq-identify/vue': ['orqPlugin', 'useIdentify', 'useOrq'],
    'orq-identify/segment': ['orqPlugin'],
    'orq-identify/analytics': ['orqPlugin'],
    'orq-identify/server': [
      'APIError',
      'OrqError',
      'createContacts',
      'createProxy',
      'jwks',
      'jwt',
      'memory',
      'mintToken',
    ],
    'orq-identify/node': ['SettingError', 'createBrowserFiles', 'nodeHmac', 'postgres', 'serve', 'sqlite'],
    'orq-identify/testing': ['createContactsApi', 'createTestBackend', 'fakeClock'],
  }

  test('has these doors and no other', () => {
    const { exports } = JSON.parse(readFileSync(installed('package.json'), 'utf8'))
    const names = Object.keys(exports).map((path) => path.replace('.', 'orq-identify'))
    const others = ['window', 'sri.json', 'package.json'].map((name) => `orq-identify/${name}`)
    expect(names.sort()).toEqual([...Object.keys(doors), ...others].sort())
    for (const [path, door] of Object.entries(exports))
      if (path === './window') expect(Object.keys(door as object)).toEqual(['types'])
      else if (!path.endsWith('.json')) expect(Object.keys(door as object)).toEqual(['types', 'default'])
  })

  test.each(Object.entries(doors))('%s is imported and required with these names', async (door, names) => {
    link('react', 'vue')
    const show = 'console.log(JSON.stringify(Object.keys(door).sort()))'
    const load = JSON.stringify(door)
    const byImport = await node('--input-type=module', '--eval', `import * as door from ${load}; ${show}`)
    const byRequire = await node('--input-type=commonjs', '--eval', `const door = require(${load}); ${show}`)
    expect(JSON.parse(byImport)).toEqual(names)
    expect(JSON.parse(byRequire).filter((name: string) => name !== '__esModule')).toEqual(names)
  })

  // By the folder of each: among the tools there is another one called typescript, a tool's own.
  const compilers = {
    '5.4': join(tools, 'typescript-5.4'),
    '5.9': join(tools, 'typescript-5.9'),
    '6.0': join(root, 'node_modules/typescript'),
    '7': join(tools, 'typescript-7'),
  }
  const cases = Object.keys(compilers).flatMap((version) =>
    // The oldest way, `node10`, knows no `exports`; TypeScript 7 has ended it.
    [...(version === '7' ? [] : ['node10']), 'node16', 'nodenext', 'bundler'].map(
      (resolution) => [version as keyof typeof compilers, resolution] as const,
    ),
  )
  test.each(cases)('compiles under TypeScript %s with %s', async (version, resolution) => {
    link('@types/node', 'undici-types', '@types/react', 'vue', ...libraries, '@analytics/core')
    for (const file of ['core.ts', 'libraries.ts']) cpSync(join(import.meta.dirname, 'typed', file), join(app, file))
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable'],
      types: ['node'],
      module: /bundler|node10/.test(resolution) ? 'esnext' : resolution,
      moduleResolution: resolution,
      ...(resolution === 'node10' && version === '6.0' && { ignoreDeprecations: '6.0' }),
      // Ours are checked too, and so are those of each library that a door names: all compile by themselves.
      skipLibCheck: false,
    }
    const config = join(app, `tsconfig.${version}.${resolution}.json`)
    writeFileSync(config, JSON.stringify({ compilerOptions, files: ['core.ts', 'libraries.ts'] }))
    const compiler = join(compilers[version], 'bin/tsc')
    expect(await node(compiler, '--project', config)).toBe('')
    expect(await node(compiler, '--version')).toMatch(`Version ${version}.`)
  })
})
