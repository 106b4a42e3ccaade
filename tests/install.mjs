// Installs what package-lock.json names, before anything else runs. In plain JavaScript and without packages: nothing is there yet.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] === 'tests' ? `${root}tests` : root
const isThere = existsSync(`${folder}/node_modules`)
// npm writes this file last. Without it an install was interrupted, and packages may lack files that npm would not miss.
const isWhole = existsSync(`${folder}/node_modules/.package-lock.json`)

if (isThere && !isWhole) console.log('The last npm install was interrupted: everything is installed anew.')
if (!isWhole)
  console.log(`Installing ${folder === root ? 'packages' : 'the tools of the tests'}, which takes up to a minute.`)
const { status } = spawnSync(
  'npm',
  [isThere && !isWhole ? 'ci' : 'install', '--no-audit', '--no-fund', '--loglevel=error'],
  { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' },
)
if (status !== 0) {
  console.error(`npm could not install the packages of ${folder}: see above. Then run the same command again.`)
  process.exitCode = 1
}
