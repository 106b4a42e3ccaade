// One command for an example with all it needs, no Orq account among it: `node examples/start.mjs react`.
// The contacts API is the embedded one, unless ORQ_API_KEY names yours.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folderOf = (name) => `${root}examples/${name}`
// The Worker needs wrangler: its README says how it starts.
const names = readdirSync(folderOf('.')).filter(
  (name) => name !== 'cloudflare-worker' && existsSync(`${folderOf(name)}/package.json`),
)
const name = process.argv[2]
if (!names.includes(name)) {
  console.error(`Usage: node examples/start.mjs NAME, which is one of ${names.join(', ')}`)
  process.exit(2)
}

const run = (folder, ...args) => {
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status) process.exit(status)
}
const install = (folder) => {
  console.log(`Installing in ${folder}`)
  run(folder, 'install', '--no-audit', '--no-fund', '--loglevel=error')
}

const children = []
const stop = () => {
  for (const { pid } of children.splice(0))
    try {
      process.kill(-pid) // npm hands no signal on
    } catch {} // has ended by itself
}
process.once('exit', stop)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit())

/** Starts a program, shows what it prints, and waits until it says where it is. */
const start = (folder, [command, ...args], env) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: folder,
      // The Node that this repository installs comes first: the machine's own may be too old.
      env: { ...process.env, PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}`, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    child.stdout.on('data', (text) => {
      process.stdout.write(text)
      const [url] = /http:\/\/(127\.0\.0\.1|localhost):\d+/.exec(text) ?? []
      if (url) resolve(url)
    })
    child.once('close', (status) => {
      process.exitCode ||= status ?? 0
      stop()
    })
  })

// What the last step of a build writes.
if (!existsSync(`${root}dist/types/index.d.ts`)) {
  install(root)
  run(root, 'run', 'build')
}
const isBundled = ['react', 'vue', 'svelte'].includes(name)
for (const folder of isBundled ? ['hono', name] : [name]) install(folderOf(folder))

const settings = { ORQ_TOKEN_SECRET: randomBytes(32).toString('base64') }
if (!process.env.ORQ_API_KEY) {
  settings.ORQ_API_KEY = randomBytes(16).toString('hex')
  const port = process.env.ORQ_DEV_PORT ?? '8787'
  settings.ORQ_SERVER_URL = await start(root, ['npm', 'exec', '--', 'node', 'dist/cli.js', 'dev', '--port', port], {
    ORQ_API_KEY: settings.ORQ_API_KEY,
  })
  console.log(`The contacts arrive at ${settings.ORQ_SERVER_URL}`)
}
// The page's own port is PORT, or what the example takes without one.
const backend = isBundled ? await start(folderOf('hono'), ['npm', 'start'], { ...settings, PORT: '0' }) : undefined
await start(folderOf(name), ['npm', 'start'], backend ? { BACKEND: backend } : settings)
