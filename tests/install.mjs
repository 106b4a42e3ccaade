// Installs what package-lock.json names, before anything else runs. In plain JavaScript and without packages: nothing is there yet.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] === 'tests' ? `${root}tests` : root
const modules = `${folder}/node_modules`
// Is there while npm runs, and so after an install that was interrupted: packages may then lack files, which npm does not miss.
const mark = `${modules}/.installing`
const isInterrupted = existsSync(mark) || (existsSync(modules) && !existsSync(`${modules}/.package-lock.json`))

if (isInterrupted) console.log('The last npm install was interrupted: everything is installed anew.')
if (isInterrupted || !existsSync(modules))
  console.log(`Installing ${folder === root ? 'packages' : 'the tools of the tests'}, which takes up to a minute.`)
if (isInterrupted) rmSync(modules, { recursive: true, force: true })
mkdirSync(modules, { recursive: true })
writeFileSync(mark, '')
const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: folder,
  stdio: 'inherit',
  shell: process.platform === 'win32',
})
if (status === 0) rmSync(mark, { force: true })
else {
  console.error(`npm could not install the packages of ${folder}: see above. Then run the same command again.`)
  process.exitCode = 1
}
