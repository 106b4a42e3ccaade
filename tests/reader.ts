// What somebody has who has just cloned the repository.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Not where these files are only part of another repository. */
export const isClone: boolean =
  existsSync(join(root, '.git')) && spawnSync('git', ['status'], { cwd: root }).status === 0

/**
 * Copies what Git has and would take: nothing that is installed or built, and nothing that is only here because it is
 * ignored.
 * @returns the folder, for the caller to remove
 */
export const copyTracked = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-clone-'))
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  for (const file of execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0'))
    if (file && existsSync(join(root, file))) cpSync(join(root, file), join(folder, file))
  return folder
}

/** Without what npm puts on the path of its scripts: the Node of the machine starts it, and no tool is there but its own. */
export const readersPath: string = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !/node_modules|node-gyp-bin/.test(folder))
  .join(delimiter)
