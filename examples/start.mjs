// One command for an example with all that it needs, no Orq account among it: `node examples/start.mjs react`.
// The contacts API is the embedded one, unless ORQ_API_KEY names yours.
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { devNull } from 'node:os'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folderOf = (name) => `${root}examples/${name}`
const pages = ['script-tag', 'esm']
const bundled = ['react', 'vue', 'svelte']
const names = [
  ...pages,
  ...readdirSync(folderOf('.')).filter((folder) => existsSync(`${folderOf(folder)}/package.json`)),
]
const usage = `Usage: node examples/start.mjs NAME

NAME is one of: ${names.join(', ')}

PORT          port of the page; the example's own when not given
ORQ_API_KEY   key of your Orq workspace; the embedded contacts API when not given
ORQ_DEV_PORT  port of the embedded contacts API and its page; 8787 when not given`

const [name = '--help'] = process.argv.slice(2)
if (['--help', '-h'].includes(name)) {
  console.log(usage)
  process.exit()
}
if (!names.includes(name)) {
  console.error(`There is no example "${name}" that this starts.\n\n${usage}`)
  process.exit(2)
}

const run = (folder, ...args) => {
  const { status } = spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
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

/**
 * Starts a program, shows what it prints, and waits until it says where it is. One that ends by itself ends them all, and
 * `hint` says which of our own settings its complaint is about.
 */
const start = (folder, [command, ...args], env, hint) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: folder,
      // The Node that this repository installs comes first: the machine's own may be too old.
      env: { ...process.env, PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}`, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    let output = ''
    child.stdout.on('data', (text) => {
      process.stdout.write(text)
      output += text
      const [url] = /http:\/\/(127\.0\.0\.1|localhost):\d+(?=\D)/.exec(output) ?? []
      if (url) resolve(url)
    })
    child.once('close', (status) => {
      process.exitCode ||= status ?? 0
      if (status && hint) console.error(hint)
      stop()
    })
  })

/** What starts the page itself, once there is everything around it. */
const startPage = (env) => {
  if (pages.includes(name)) return start(root, ['npm', 'exec', '--', 'node', 'examples/serve.mjs', name], env)
  if (name !== 'cloudflare-worker') return start(folderOf(name), ['npm', 'start'], env)
  // wrangler reads no PORT, and hands a Worker what is in its environment only when it is asked to. An empty file of settings
  // keeps it from .dev.vars, which would come first and may name another key.
  const flags = ['--port', process.env.PORT ?? '8080', '--env-file', devNull]
  return start(folderOf(name), ['npm', 'start', '--', ...flags], { ...env, CLOUDFLARE_INCLUDE_PROCESS_ENV: 'true' })
}

install(root)
console.log('Building, unless dist is fresh')
run(root, 'run', 'build')
const isBundled = bundled.includes(name)
for (const folder of isBundled ? ['hono', name] : pages.includes(name) ? [] : [name]) install(folderOf(folder))

const settings = { ORQ_TOKEN_SECRET: randomBytes(32).toString('base64') }
if (!process.env.ORQ_API_KEY) {
  settings.ORQ_API_KEY = randomBytes(16).toString('hex')
  const port = process.env.ORQ_DEV_PORT ?? '8787'
  settings.ORQ_SERVER_URL = await start(
    root,
    ['npm', 'exec', '--', 'node', 'dist/cli.js', 'dev', '--port', port],
    { ORQ_API_KEY: settings.ORQ_API_KEY },
    'The embedded contacts API has ended. Its port is ORQ_DEV_PORT here; PORT is that of the page.',
  )
}
const backend = isBundled ? await start(folderOf('hono'), ['npm', 'start'], { ...settings, PORT: '0' }) : undefined
const page = await startPage(backend ? { BACKEND: backend } : settings)
console.log(`\nThe example ${name} is at ${page}`)
console.log(`The contacts arrive at ${settings.ORQ_SERVER_URL ?? process.env.ORQ_SERVER_URL ?? 'your Orq workspace'}`)
