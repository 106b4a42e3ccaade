import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { runProxy } from '../node/running-proxy.ts'
import { startUpstream } from '../upstream/server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** The instructions by name, of the last stage or of all. */
const text = readFileSync(join(root, 'Dockerfile'), 'utf8')
const instructions = text
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .flatMap((line) => {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    return name && rest ? [{ name, rest }] : []
  })
const last = instructions.slice(instructions.map(({ name }) => name).lastIndexOf('FROM'))
const only = (name: string): string => {
  const found = last.filter((one) => one.name === name)
  expect([name, found.length]).toEqual([name, 1])
  return found[0]?.rest as string
}
const commandOf = (rest: string): string[] => JSON.parse(rest.slice(rest.indexOf('[')))

const copied = instructions
  .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
  .flatMap(({ rest }) => rest.split(' ').slice(0, -1))

describe('the Dockerfile', () => {
  test('names its image by a tag', () => {
    const images = instructions.filter(({ name }) => name === 'FROM').map(({ rest }) => rest.split(' ')[0])
    expect(images).toEqual(['node:24-slim', 'node:24-slim'])
  })

  test('copies what exists and what .dockerignore lets through, and nothing else is let through', () => {
    for (const path of copied) expect([path, existsSync(join(root, path))]).toEqual([path, true])
    const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => /^[^#]/.test(line))
    expect(rules[0]).toBe('*')
    expect(rules.slice(1).sort()).toEqual(copied.map((path) => `!${path}`).sort())
  })

  test('copies all that the build needs', { ...heavy, timeout: 600_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orq-image-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const path of copied) cpSync(join(root, path), join(folder, path), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    const script = instructions.flatMap(({ name, rest }) => (name === 'RUN' && /npm run (\S+)/.exec(rest)?.[1]) || [])
    expect(script).toHaveLength(1)
    await run('npm', ['run', ...script], { cwd: folder })
    const { stdout } = await run(process.execPath, [join(folder, 'dist/cli.js'), '--version'])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/)
  })

  test('takes from the build what the build makes', () => {
    const taken = last
      .filter(({ name }) => name === 'COPY')
      .map(({ rest }) => /^--from=build \/build\/(\S+) /.exec(rest)?.[1])
    expect(taken).toEqual(['package.json', 'node_modules', 'dist'])
  })

  test('runs as no administrator, with its store on a volume of that user', () => {
    expect(only('USER')).toBe('node')
    expect(only('ENV')).toContain(`ORQ_STORE=sqlite:${only('VOLUME')}/`)
    expect(only('RUN')).toMatch(/^install -d -o node -g node -m 700 \/data$/)
    const at = (wanted: string): number => last.findIndex(({ name }) => name === wanted)
    expect(at('RUN')).toBeLessThan(at('USER'))
  })
})

describe('a packed and installed package', () => {
  let folder: string
  let app: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'orq-packed-'))
    app = join(folder, 'app')
    mkdirSync(app)
    const options = { cwd: root, env: { ...process.env, npm_config_audit: 'false', npm_config_fund: 'false' } }
    const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], options)
    const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }]
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['dist/cli.js', 'dist/orq.js', 'README.md']))
    const install = ['install', '--prefer-offline', '--ignore-scripts', '--prefix', app, join(folder, filename)]
    await run('npm', install, { ...options, cwd: app })
  }, 180_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const installed = (): string => join(app, 'node_modules/orq-identify')

  test('has no package but those it needs to run', () => {
    const names = readdirSync(join(app, 'node_modules'))
    expect(names).toEqual(expect.arrayContaining(['orq-identify', 'pino', 'prom-client', 'jose']))
    for (const name of ['typescript', 'rollup', 'vitest', 'playwright']) expect(names).not.toContain(name)
  })

  test('starts by the command of the image, delivers, is found alive by its health check, and ends with status 0', async () => {
    const [program, file, ...none] = commandOf(only('ENTRYPOINT'))
    expect([program, none, commandOf(only('CMD'))]).toEqual(['node', [], ['proxy']])
    expect(file).toBe(`${only('WORKDIR')}/dist/cli.js`)
    const upstream = await startUpstream()
    const proxy = await runProxy(upstream.url, { program: join(installed(), (file as string).slice('/app/'.length)) })
    expect((await proxy.post({ external_id: 'user_1' })).status).toBe(200)
    expect((await fetch(`${proxy.url}/orq/orq.js`)).status).toBe(200)

    const health = commandOf(only('HEALTHCHECK'))
    expect(health[0]).toBe('node')
    const check = (): Promise<number | null> =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, health.slice(1), { env: { PORT: new URL(proxy.url).port } })
        onTestFinished(() => void child.kill('SIGKILL'))
        child.once('close', resolve)
      })
    expect(await check()).toBe(0)
    expect(await proxy.stop()).toBe(0)
    expect(await check()).toBe(1)
  })

  test('has every browser file and type that it names', () => {
    const { exports, unpkg, jsdelivr, bin } = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8'))
    const named = [unpkg, jsdelivr, bin['orq-identify'], ...JSON.stringify(exports).match(/\.\/dist\/[^"]+/g)!]
    expect(named.length).toBeGreaterThan(6)
    for (const path of named) expect([path, existsSync(join(installed(), path))]).toEqual([path, true])
  })
})
