import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CasesServer, startCasesServer } from '../browser/in-page/server.ts'
import { alsoInAll, heavy, isAll } from '../is-all.ts'
import { run } from './run.ts'

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const tool = (name: string): string => path(`../node_modules/${name}`)

let server: CasesServer
beforeAll(async () => {
  server = await startCasesServer()
})
afterAll(() => server.close())

/** A corner of the server for one run. */
const start = (name: string) => {
  const id = `${name.toLowerCase().replace(/\W/g, '-')}-${Math.random().toString(36).slice(2, 8)}`
  const scope = server.scope(id)
  return { id, scope, base: `${server.url}/at/${id}` }
}

interface Runtime {
  name: string
  command: string
  args: string[]
  canRequire?: boolean
}

const current: Runtime = { name: 'this Node', command: process.execPath, args: [], canRequire: true }
// They come with tests/package.json, which `npm run test:all` installs.
const others: Runtime[] = [
  ...['22', '24', '26'].map((version) => ({
    name: `Node ${version}`,
    command: tool(`node-${version}/bin/node`),
    args: [],
    canRequire: true,
  })),
  { name: 'Bun', command: tool('.bin/bun'), args: ['run'], canRequire: true },
  { name: 'Deno', command: tool('.bin/deno'), args: ['run', '--allow-all', '--no-config', '--no-lock'] },
]

describe.each(isAll ? others : [current])('$name', alsoInAll, ({ name, command, args, canRequire }) => {
  const programs = ['program.mjs', ...(canRequire ? ['program.cjs'] : [])]
  test.each(programs)('%s: imports, identifies, flushes, and ends by itself', async (program) => {
    const { id, scope, base } = start(`${name} ${program}`)
    const ended = await run(command, [...args, path(program), base, id])
    expect(ended).toMatchObject({ outcome: { status: 'delivered' }, code: 0 })
    expect(ended.lingerMs).toBeLessThan(3_000)
    expect(scope.posts.map(({ body }) => body)).toEqual([{ external_id: id, metadata: { from: 'program' } }])
  })

  test('with the proxy down it ends by itself too', async () => {
    const { id, base } = start(`${name} down`)
    const ended = await run(command, [...args, path('pending.mjs'), base, id])
    expect(ended).toMatchObject({ outcome: { status: 'pending', reason: 'unreachable' }, code: 0 })
    expect(ended.lingerMs).toBeLessThan(3_000)
  })
})

// Needs workerd from tests/package.json.
describe('workerd', heavy, () => {
  test('imports, identifies, flushes, and ends by itself', async () => {
    const { id, scope, base } = start('workerd')
    const folder = mkdtempSync(join(tmpdir(), 'orq-workerd-'))
    const config = join(folder, 'config.capnp')
    // What a configuration embeds lies beside it.
    for (const file of ['worker.js', '../../dist/orq.esm.js', '../../dist/transport.js'])
      copyFileSync(path(file), join(folder, basename(file)))
    writeFileSync(
      config,
      `using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (services = [
        (name = "main", worker = .worker),
        (name = "internet", network = (allow = ["private", "local"])),
      ]);
      const worker :Workerd.Worker = (
        modules = [
          (name = "worker.js", esModule = embed "worker.js"),
          (name = "orq.esm.js", esModule = embed "orq.esm.js"),
          (name = "transport.js", esModule = embed "transport.js"),
        ],
        bindings = [(name = "base", text = "${base}"), (name = "id", text = "${id}")],
        compatibilityDate = "2026-01-01",
      );`,
    )
    const ended = await run(tool('.bin/workerd'), ['test', config])
    rmSync(folder, { recursive: true })
    expect(ended, ended.errors).toMatchObject({ outcome: { status: 'delivered' }, code: 0 })
    expect(scope.posts.map(({ body }) => body)).toEqual([{ external_id: id, metadata: { from: 'program' } }])
  })
})

test('every tool of tests/package.json that these tests start is there', heavy, () => {
  const missing = [...others.map(({ command }) => command), tool('.bin/workerd')].filter((file) => !existsSync(file))
  expect(missing).toEqual([])
})
