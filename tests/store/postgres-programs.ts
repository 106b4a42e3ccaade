import { spawnSync } from 'node:child_process'
import { accessSync, constants, cpSync } from 'node:fs'
import { join } from 'node:path'
import { type Account, findBarrier, giveTo } from './postgres-account.ts'

export const failed = (what: string): Error => new Error(`PostgreSQL for the tests: ${what}`)

/** What tells the reason, in one line. */
export const reasonIn = (log: string): string => {
  const lines = log.split(/\s*\n\s*/).filter(Boolean)
  const telling = lines.filter((line) => /error|fatal|panic|detail|hint|could not/i.test(line))
  return (telling.length ? telling : lines).slice(-4).join('; ')
}

const requireProgram = (program: string): void => {
  try {
    accessSync(program, constants.X_OK)
  } catch (error) {
    const advice = 'remove tests/node_modules, then npm install --prefix tests'
    throw failed(`a program is missing or not executable: ${(error as Error).message}; ${advice}`)
  }
}

/** Wherever they are, they find their libraries beside them. */
const copyPrograms = (from: string, to: string, account: Account): void => {
  try {
    cpSync(from, to, { recursive: true, verbatimSymlinks: true })
  } catch (error) {
    throw failed(`no copy of it: ${(error as Error).message}; set TMPDIR to a folder with 100 MB of room`)
  }
  giveTo(account, to)
}

const requireRun = (program: string, account: Account): void => {
  const options = { ...account, cwd: '/', encoding: 'utf8', timeout: 60_000 } as const
  const { error, status, signal, stderr } = spawnSync(program, ['--version'], options)
  if (error) {
    const isRefused = (error as NodeJS.ErrnoException).code === 'EACCES'
    const advice = isRefused ? 'set TMPDIR to a folder not mounted with noexec' : 'run the tests as another user'
    throw failed(`${account.name} cannot run it: ${error.message}; ${advice}`)
  }
  if (status !== 0) throw failed(`${program} ended with ${signal ?? status}: ${reasonIn(stderr)}`)
}

/**
 * Where an account can run its programs: in the package, or else in a copy in a folder of the account's.
 * @throws Error naming what is missing, or may not be entered or run
 */
export const findPrograms = (from: string, folder: string, account: Account): string => {
  const barrier = findBarrier(account, folder)
  if (barrier) throw failed(`${account.name} may not enter ${barrier}; set TMPDIR to a folder that everybody may enter`)
  let bin = join(from, 'bin')
  for (const name of ['initdb', 'postgres']) requireProgram(join(bin, name))
  // What root has cloned only root may be able to enter.
  if (findBarrier(account, join(bin, 'postgres'))) {
    copyPrograms(from, join(folder, 'native'), account)
    bin = join(folder, 'native/bin')
  }
  requireRun(join(bin, 'postgres'), account)
  return bin
}
