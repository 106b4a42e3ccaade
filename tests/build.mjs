// Runs one of the scripts that wireit skips when nothing has changed, `build:dist` or `check:all`. In plain JavaScript: it has to
// say so when nothing is installed.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
if (!existsSync(`${root}node_modules/wireit/package.json`)) {
  console.error('The packages of this project are not installed, or not all of them: run npm install.')
  process.exit(1)
}
const { status } = spawnSync('npm', ['run', '--silent', process.argv[2] ?? 'build:dist'], {
  cwd: root,
  stdio: 'inherit',
  shell: process.platform === 'win32',
  // A cache of former outputs would only grow, and a build that is killed leaves half an output in it.
  env: { ...process.env, WIREIT_CACHE: 'none' },
})
process.exitCode = status ?? 1
