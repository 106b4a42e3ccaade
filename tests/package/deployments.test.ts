import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readProxyConfig } from '../../src/node/proxy-config.ts'
import { proxySettings } from '../../src/node/proxy-settings.ts'
import { openSettings } from '../../src/node/settings.ts'
import { createMachine } from '../faults/machine.ts'
import { startRecorder } from '../faults/recorder.ts'
import { heavy } from '../is-all.ts'
import { requireTools } from '../tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, 'examples', path), 'utf8')

type Tree = Record<string, unknown>
// biome-ignore lint/suspicious/noExplicitAny: of a file whose form the test is about
type Loose = any

/** What these files leave to be filled in. */
const filled: Record<string, string> = {
  ORQ_API_KEY: 'key',
  ORQ_TOKEN_SECRET: 'a-secret-of-32-bytes-0123456789-01',
  POSTGRES_PASSWORD: 'abc123',
}
const fill = (value: string): string =>
  value.replace(/\$\{(\w+)(:[-?])?([^}]*)\}/g, (_, name, kind, text) => filled[name] ?? (kind === ':-' ? text : ''))

/** Every name is a setting, and the proxy would start with the values. */
const expectSettings = (environment: Record<string, string>) => {
  const known = proxySettings.map(({ name }) => name)
  expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([])
  return readProxyConfig(openSettings({ flags: {}, environment }))
}

describe('examples', heavy, () => {
  let parseAll: (text: string) => Loose[]
  beforeAll(async () => {
    // Named by a variable: `npm run check` has to pass where it is not installed.
    const name = 'yaml'
    const { parseAllDocuments } = (await import(name)) as {
      parseAllDocuments(text: string, options: object): { errors: unknown[]; toJS(): Tree }[]
    }
    parseAll = (text) =>
      parseAllDocuments(text, { merge: true }).map((document) => {
        expect(document.errors).toEqual([])
        return document.toJS()
      })
  })

  test('compose: two proxies with settings that there are, on the PostgreSQL of the same file', () => {
    const [{ services, volumes }] = parseAll(read('compose/compose.yaml')) as [Loose]
    const proxies = Object.entries<Loose>(services).filter(([name]) => name.startsWith('proxy-'))
    expect(proxies.length).toBe(2)
    const database = services.postgres
    for (const [, { environment, stop_grace_period, build, depends_on }] of proxies) {
      const entries = Object.entries<string>(environment).map(([name, value]) => [name, fill(value)])
      const { store, trustedProxies } = expectSettings(Object.fromEntries(entries))
      expect(trustedProxies).toBe(1)
      const { hostname, username, pathname } = new URL(store.kind === 'postgres' ? store.url : 'x:')
      expect([hostname, username, pathname]).toEqual([
        'postgres',
        database.environment.POSTGRES_USER,
        `/${database.environment.POSTGRES_DB}`,
      ])
      expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(10)
      expect(existsSync(join(root, 'examples/compose', build, 'Dockerfile'))).toBe(true)
      expect(depends_on.postgres.condition).toBe('service_healthy')
    }
    for (const { image } of [services.balancer, database]) expect(image).toMatch(/^\w+:\d+/)
    expect(Object.keys(volumes)).toEqual(['postgres'])
    const asked = [...read('compose/compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name)
    const offered = [...read('compose/.env.example').matchAll(/^(\w+)=/gm)].map(([, name]) => name)
    expect([...new Set(asked)].sort()).toEqual(offered.sort())
  })

  test('compose: the image adds the packages that the proxy asks for, and the balancer knows each proxy', () => {
    const asked = /npm install (pg@\S+ pg-boss@\S+)'/.exec(
      readFileSync(join(root, 'src/store/postgres/connection.ts'), 'utf8'),
    )
    expect(read('compose/Dockerfile').trimEnd()).toMatch(new RegExp(`${asked?.[1]}\nUSER node$`))
    const [{ services }] = parseAll(read('compose/compose.yaml')) as [Loose]
    const named = [...read('compose/nginx.conf').matchAll(/^ +server (\S+):(\d+) /gm)].map(([, name, port]) => [
      name,
      port,
    ])
    expect(named).toEqual([
      ['proxy-1', '8787'],
      ['proxy-2', '8787'],
    ])
    expect(Object.keys(services)).toEqual(expect.arrayContaining(named.map(([name]) => name)))
    const port = /listen (\d+);/.exec(read('compose/nginx.conf'))?.[1]
    expect(services.balancer.ports).toEqual([`127.0.0.1:8080:${port}`])
  })

  test('kubernetes: settings that there are, probes where the proxy answers them, and time to end', () => {
    const documents = parseAll(read('kubernetes/orq-identify.yaml'))
    const of = (kind: string): Loose => documents.find((one) => one.kind === kind)
    expect(documents.map(({ kind }) => kind)).toEqual(['Secret', 'Deployment', 'Service', 'PodDisruptionBudget'])
    const { spec } = of('Deployment')
    const pod = spec.template.spec
    const [container] = pod.containers
    const env = Object.fromEntries(container.env.map(({ name, value }: Tree) => [name, value]))
    expect(container.envFrom).toEqual([{ secretRef: { name: of('Secret').metadata.name } }])
    const config = expectSettings({ ...of('Secret').stringData, ...env })
    expect(config.adminHost).toBe('0.0.0.0')
    expect(config.store).toMatchObject({ kind: 'postgres', url: expect.stringContaining('sslmode=verify-full') })
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: Tree) => [name, containerPort]))
    expect(ports).toEqual({ http: config.port, admin: config.adminPort })
    const probe = (name: string) => container[name].httpGet
    expect([probe('livenessProbe'), probe('startupProbe')]).toEqual([
      { path: '/livez', port: 'http' },
      { path: '/livez', port: 'http' },
    ])
    expect(probe('readinessProbe')).toEqual({ path: '/readyz', port: 'admin' })
    const { command } = container.lifecycle.preStop.exec
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(command.at(-1)) + 10)
    // Metrics and readiness are for the cluster alone.
    expect(of('Service').spec.ports).toEqual([{ name: 'http', port: 80, targetPort: 'http' }])
    for (const selector of [spec.selector.matchLabels, of('Service').spec.selector])
      expect(spec.template.metadata.labels).toEqual(selector)
  })
})

test('compose: what the image does installs both packages beside those of the proxy, and no tools', heavy, () => {
  const app = mkdtempSync(join(tmpdir(), 'orq-app-'))
  onTestFinished(() => rmSync(app, { recursive: true, force: true }))
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(app, file))
  const options = { cwd: app, env: { ...process.env, npm_config_prefer_offline: 'true' }, encoding: 'utf8' } as const
  execFileSync('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], options)
  // The image of this repository has no lock.
  rmSync(join(app, 'package-lock.json'))
  const [, command] = /^RUN (.+?)\nUSER/ms.exec(read('compose/Dockerfile')) as unknown as [string, string]
  execFileSync('/bin/sh', ['-c', command], options)
  const installed = readdirSync(join(app, 'node_modules'))
  expect(installed).toEqual(expect.arrayContaining(['pg', 'pg-boss', 'pino', 'undici']))
  for (const tool of ['typescript', 'vitest', 'rollup']) expect(installed).not.toContain(tool)
})

const env = { PATH: `${process.env.PATH}:/usr/sbin` }
requireTools('yaml')
const hasNginx = spawnSync('nginx', ['-v'], { env }).status === 0

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

test.skipIf(!hasNginx)('compose: nginx with that file goes on when one of the proxies dies', heavy, async () => {
  const recorder = await startRecorder()
  const [first, second] = [createMachine(recorder), createMachine(recorder)]
  const settings = { env: { ORQ_TRUSTED_PROXIES: '1' } }
  const proxies = [await first.start(settings), await second.start(settings)] as const
  const folder = mkdtempSync(join(tmpdir(), 'orq-nginx-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const site = read('compose/nginx.conf')
    .replace('proxy-1:8787', new URL(proxies[0].url).host)
    .replace('proxy-2:8787', new URL(proxies[1].url).host)
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths.join('\n')}\n${site}}\n`,
  )
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf')]
  const checked = spawnSync('nginx', [...args, '-t'], { env, encoding: 'utf8' })
  expect(checked.stderr).toMatch(/test is successful/)
  const nginx = spawn('nginx', args, { env, stdio: 'ignore' })
  onTestFinished(() => void nginx.kill('SIGTERM'))
  const url = `http://127.0.0.1:${port}`
  const isUp = () =>
    fetch(`${url}/orq/orq.js`).then(
      ({ status }) => status,
      () => 0,
    )
  await expect.poll(isUp).toBe(200)
  const send = () => first.send({ url }, 'u1')
  expect([(await send()).status, (await send()).status]).toEqual([200, 200])
  proxies[0].kill('SIGKILL')
  await proxies[0].ended
  for (let i = 0; i < 10; i++) expect((await send()).status).toBe(200)
  // What is for operators is not led through.
  expect((await fetch(`${url}/metrics`)).status).toBe(404)
  expect(proxies[1].output()).not.toContain('X-Forwarded-For is sent but not read')
})
