import { spawnSync } from 'node:child_process'
import { lchownSync, lstatSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whom PostgreSQL runs as; without numbers: as who runs the tests. */
export interface Account {
  readonly name: string
  readonly uid?: number
  readonly gid?: number
}

/**
 * PostgreSQL refuses to run as root: where the tests do, it is its own user's, else nobody's. None is added to the machine.
 * @throws Error where there is neither
 */
export const findAccount = (): Account => {
  if (process.getuid?.() !== 0) return { name: 'who runs the tests' }
  for (const name of ['postgres', 'nobody']) {
    const [uid = 0, gid = 0] = ['-u', '-g'].map((which) => Number(spawnSync('id', [which, name]).stdout))
    if (uid > 0) return { name, uid, gid }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and there is no user postgres or nobody; add one: useradd postgres',
  )
}

/** Makes a file its own, or a folder with all that is in it. */
export const giveTo = (account: Account, path: string): void => {
  if (account.uid === undefined || account.gid === undefined) return
  lchownSync(path, account.uid, account.gid)
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTo(account, join(path, name))
}

const isBarred = (account: Account, path: string): boolean =>
  spawnSync('test', ['-x', path], { ...account, cwd: '/' }).status === 1

/** The first of a path and the folders above that the account may not enter, or run. */
export const findBarrier = (account: Account, path: string): string | undefined => {
  if (!isBarred(account, path)) return undefined
  const above = dirname(path)
  return (above === path ? undefined : findBarrier(account, above)) ?? path
}
