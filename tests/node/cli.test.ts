import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { proxySettings } from '../../src/node/proxy-settings.ts'
import { flagOf } from '../../src/node/settings.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const secret = 's'.repeat(32)

let folder: string
const children: ChildProcess[] = []
beforeAll(() => {
  if (!existsSync(cli)) throw new Error('dist/cli.js is missing: npm run build')
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-cli-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Run {
  child: ChildProcess
  out: () => string
  err: () => string
  status: Promise<number | null>
}

const start = (args: string[], environment: Record<string, string> = {}): Run => {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env: { PATH: '/nowhere', ...environment } })
  children.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const status = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { child, out: () => out, err: () => err, status }
}

const finish = async (args: string[], environment?: Record<string, string>) => {
  const run = start(args, environment)
  const status = await run.status
  return { status, out: run.out(), err: run.err() }
}

const decode = (token: string, part: number) =>
  JSON.parse(Buffer.from(token.trim().split('.')[part] ?? '', 'base64url').toString())

describe('token', () => {
  test('prints the token alone', async () => {
    const { status, out, err } = await finish(['token', '--sub', 'user_1'], { ORQ_TOKEN_SECRET: secret })
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    const { sub, iat, exp } = decode(out, 1)
    expect([sub, exp - iat, decode(out, 0).kid]).toEqual(['user_1', 300, 'default'])
  })

  test('takes lifetime, fields and origin, and signs with the first key', async () => {
    const flags = ['--sub', 'u', '--ttl', '90s', '--fields', 'email,tags', '--origin', 'https://app.example']
    const { out } = await finish(['token', ...flags], { ORQ_TOKEN_SECRET: `new:${secret},old:${'o'.repeat(32)}` })
    const { fields, origin, iat, exp } = decode(out, 1)
    expect({ fields, origin, life: exp - iat }).toEqual({
      fields: ['email', 'tags'],
      origin: 'https://app.example',
      life: 90,
    })
    expect(decode(out, 0).kid).toBe('new')
  })

  test('reads its secret from --env-file', async () => {
    writeFileSync(join(folder, 'app.env'), `ORQ_TOKEN_SECRET=${secret}\n`)
    expect((await finish(['token', '--sub', 'u', '--env-file', 'app.env'])).status).toBe(0)
  })
})

describe('a wrong value is one line that names it, and exit status 2', () => {
  const token = ['token', '--sub', 'u']
  test.each<[string, string[], Record<string, string>, RegExp]>([
    ['no command', [], {}, /^orq-identify: no command; give one of dev, proxy, token/],
    ['an unknown command', ['serve'], {}, /^orq-identify: unknown command; give one of dev, proxy, token/],
    ['an unknown flag', ['dev', '--prot', '1'], {}, /^--prot: is no flag/],
    ['a stray word', ['dev', '8080'], {}, /^dev: takes flags only/],
    ['a port', ['dev', '--port', 'abc'], {}, /^PORT: "abc" is not a port/],
    ['a port of the environment', ['dev'], { PORT: '99999' }, /^PORT: "99999" is not a port/],
    ['a flag without value', ['dev', '--port'], {}, /^--port: has no value/],
    ['a short secret', ['dev'], { ORQ_TOKEN_SECRET: 'short' }, /^ORQ_TOKEN_SECRET: .*openssl rand -base64 32/],
    [
      'a data folder',
      ['dev', '--data-dir', '/dev/null/x'],
      {},
      /^ORQ_DATA_DIR: "\/dev\/null\/x" is a file, not a folder/,
    ],
    ['a missing secret', token, {}, /^ORQ_TOKEN_SECRET: is missing/],
    ['a missing subject', ['token'], { ORQ_TOKEN_SECRET: secret }, /^--sub: is missing/],
    [
      'a lifetime',
      [...token, '--ttl', '16m'],
      { ORQ_TOKEN_SECRET: secret },
      /^--ttl: "16m" is no lifetime; give 1s to 15m/,
    ],
    ['a field', [...token, '--fields', 'phone'], { ORQ_TOKEN_SECRET: secret }, /^--fields: "phone" is no field/],
    ['an origin', [...token, '--origin', 'https://a/b'], { ORQ_TOKEN_SECRET: secret }, /^--origin: .* is no origin/],
  ])('%s', async (_, args, environment, expected) => {
    const { status, out, err } = await finish(args, environment)
    expect(err).toMatch(expected)
    expect([status, out, err.trimEnd().split('\n').length]).toEqual([2, '', 1])
  })

  test('a port in use', async () => {
    const other = createServer()
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
    })
    const { status, err } = await finish(['dev', '--port', String(port)])
    other.close()
    expect(err).toBe(`PORT: ${port} is in use; stop the other program or give another port\n`)
    expect(status).toBe(2)
  })
})

test('help names every command, and every flag of one', async () => {
  expect((await finish(['--help'])).out).toMatch(/dev[\s\S]*proxy[\s\S]*token[\s\S]*queue/)
  const { status, out } = await finish(['dev', '--help'])
  expect(status).toBe(0)
  for (const flag of ['--host', '--port', '--data-dir', '--env-file']) expect(out).toContain(flag)
  expect(out).not.toContain('\u001b')
})

test('help of the proxy names every setting, with its flag and what counts without it', async () => {
  const { out } = await finish(['proxy', '--help'])
  for (const { name, otherwise } of proxySettings) {
    const line = out.split('\n').find((text) => text.includes(`(${name})`))
    expect(line).toContain(`--${flagOf(name)}=`)
    if (otherwise) expect(line).toContain(`${otherwise} when not given`)
  }
})

describe('the proxy', () => {
  const both = {
    PORT: '0',
    ORQ_ADMIN_PORT: '0',
    HOST: '127.0.0.1',
    ORQ_ADMIN_HOST: 'localhost',
    ORQ_TOKEN_ISSUER: 'me',
    ORQ_TOKEN_AUDIENCE: 'mine',
    ORQ_ALLOWED_ORIGINS: 'https://a.example,https://b.example',
    ORQ_STORE: 'sqlite:waiting.db',
    ORQ_STORE_SCHEMA: 'mine',
    ORQ_STORE_POOL: '5',
    ORQ_STORE_TIMEOUT_MS: '1000',
    ORQ_SERVER_URL: 'http://127.0.0.1:9/api',
    ORQ_UPSTREAM_PATH: '/v2/identities',
    ORQ_BASE_PATH: '/in/orq',
    ORQ_SUBJECT_LIMIT: '1',
    ORQ_ADDRESS_LIMIT: '2',
    ORQ_UPSTREAM_CONCURRENCY: '3',
    ORQ_TRUSTED_PROXIES: '4',
    ORQ_LOG_LEVEL: 'debug',
  }
  const provider = {
    ...both,
    ORQ_JWKS_URL: 'https://idp.example',
    ORQ_TOKEN_SUBJECT_CLAIM: 'uid',
    ORQ_TOKEN_FIELDS: 'email,tags',
  }
  const { ORQ_TOKEN_AUDIENCE: _, ...others } = provider
  const byParty = { ...others, ORQ_TOKEN_AUTHORIZED_PARTIES: 'web,mobile' }
  const secrets = { ORQ_API_KEY: 'the-key', ORQ_TOKEN_SECRET: secret }
  const flagsOf = (values: object) => Object.entries(values).flatMap(([name, value]) => [`--${flagOf(name)}`, value])
  const startedBy = async (args: string[], environment?: Record<string, string>) => {
    const run = start(['proxy', ...args], environment)
    await expect.poll(() => run.out() + run.err()).toMatch(/\n/)
    run.child.kill('SIGTERM')
    expect([await run.status, run.err()]).toEqual([0, ''])
    return JSON.parse(run.out().split('\n')[0] ?? '')
  }
  const settingsOf = async (args: string[], environment?: Record<string, string>): Promise<unknown> =>
    (await startedBy(args, environment)).settings

  test('takes its settings as flags', async () => {
    expect(await settingsOf(flagsOf({ ...both, ...secrets }))).toMatchObject(both)
    const { ORQ_TOKEN_SECRET: _, ...key } = secrets
    expect(await settingsOf(flagsOf({ ...provider, ...key }))).toEqual(provider)
    expect(await settingsOf(flagsOf({ ...byParty, ...key }))).toEqual(byParty)
  })

  test('takes them from the environment and from a file', async () => {
    expect(await settingsOf([], { ...both, ...secrets })).toMatchObject(both)
    const text = Object.entries({ ...both, ...secrets }).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(folder, 'app.env'), text.join(''))
    expect(await settingsOf(['--env-file', 'app.env'])).toMatchObject(both)
    const mixed = await settingsOf(['--env-file', 'app.env', '--base-path', '/flag'], { ORQ_SUBJECT_LIMIT: '9' })
    expect(mixed).toMatchObject({ ...both, ORQ_SUBJECT_LIMIT: '9', ORQ_BASE_PATH: '/flag' })
  })

  test('reads a .env of its folder when it is named, and says so in its log', async () => {
    const lines = Object.entries({ ...both, ...secrets }).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(folder, '.env'), lines.join(''))
    expect(await finish(['proxy'])).toEqual({
      status: 2,
      out: '',
      err: expect.stringMatching(/^ORQ_API_KEY: is missing; .*, or read the \.env of this folder: --env-file \.env\n$/),
    })
    expect(await startedBy(['--env-file', '.env'])).toMatchObject({ envFile: '.env', settings: both })
  })

  test('does not let a .env that nobody named say where the key is sent', async () => {
    writeFileSync(join(folder, '.env'), 'ORQ_SERVER_URL=https://evil.example\nORQ_BASE_PATH=/evil\n')
    const { envFile, settings } = await startedBy([], { ...secrets, PORT: '0', ORQ_ADMIN_PORT: '0' })
    expect([envFile, settings.ORQ_SERVER_URL, settings.ORQ_BASE_PATH]).toEqual([
      undefined,
      'https://api.orq.ai',
      '/orq',
    ])
  })

  test('has no setting that these tests forget', () => {
    const named = [...Object.keys({ ...provider, ...byParty, ...secrets }), 'ORQ_TOKEN_KEYS']
    expect(named.sort()).toEqual(proxySettings.map(({ name }) => name).sort())
  })
})

describe('an older Node than engines names', () => {
  const complaint = (version: string) => `orq-identify: Node 22.19 or newer is needed, this one is ${version}\n`

  test('is told which one is needed, before anything is loaded that fails on it', async () => {
    // Node as it is, but for what it says of itself, and for a package that the commands are made of.
    const old = `import { registerHooks } from 'node:module'
      Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.18.9' } })
      registerHooks({ resolve: (name, context, next) => name === 'undici' ? next('node:undici') : next(name, context) })`
    const url = `data:text/javascript,${encodeURIComponent(old)}`
    const { status, out, err } = await finish(['--version'], { NODE_OPTIONS: `--import=${url}` })
    expect({ status, out, err }).toEqual({ status: 2, out: '', err: complaint('22.18.9') })
    // Were it new enough, that would have been loaded.
    const newer = `data:text/javascript,${encodeURIComponent(old.replace('22.18.9', '22.19.0'))}`
    const failed = await finish(['--version'], { NODE_OPTIONS: `--import=${newer}` })
    expect([failed.status, failed.err]).toEqual([1, expect.stringContaining('node:undici')])
  })

  const version = ({ stdout }: { stdout: string | null }) => stdout?.trim().slice(1) ?? ''
  const own = ['/usr/bin/node', '/usr/local/bin/node'].find((path) =>
    /^(?:20|22\.(?:\d|1[0-8]))\./.test(version(spawnSync(path, ['--version'], { encoding: 'utf8' }))),
  )
  test.skipIf(!own)('says so when it really is one (needs such a Node on the machine)', () => {
    const { status, stderr } = spawnSync(own as string, [cli, 'dev'], { cwd: folder, encoding: 'utf8' })
    const has = version(spawnSync(own as string, ['--version'], { encoding: 'utf8' }))
    expect([status, stderr]).toEqual([2, complaint(has)])
  })
})

test('the version is the package’s', async () => {
  expect((await finish(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\S*\n$/)
})

describe('dev', () => {
  const run = async (): Promise<Run & { url: string }> => {
    const dev = start(['dev', '--port', '0'])
    await expect.poll(() => dev.out(), { timeout: 10_000 }).toMatch(/Ctrl\+C/)
    return { ...dev, url: /http:\S+/.exec(dev.out())?.[0] ?? '' }
  }

  test('says where it is, what it is for and where data is kept', async () => {
    const dev = await run()
    expect(dev.out()).toContain('whoever reaches this port can sign in as anyone')
    expect(dev.out()).toContain(join(folder, '.orq'))
    const page = await fetch(dev.url)
    expect(page.status).toBe(200)
    expect(dev.err()).toBe('')
  })

  test('serves every file that its page names', async () => {
    const dev = await run()
    const named = [...(await (await fetch(dev.url)).text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path)
    expect(named).toContain('/page.js')
    for (const path of named) expect([path, (await fetch(`${dev.url}${path}`)).status]).toEqual([path, 200])
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with status 0, also while a page is open', async (signal) => {
    const dev = await run()
    const stream = await fetch(`${dev.url}/events`)
    const told = stream.text().then(
      () => 'ended',
      () => 'cut',
    )
    dev.child.kill(signal)
    expect([await dev.status, await told]).toEqual([0, 'ended'])
  })

  test('keeps data and secrets where only their owner reads them', async () => {
    await run()
    expect(statSync(join(folder, '.orq')).mode & 0o777).toBe(0o700)
    expect(readdirSync(join(folder, '.orq'))).toEqual(
      expect.arrayContaining(['api-key', 'contacts.db', 'token-secret']),
    )
  })
})
