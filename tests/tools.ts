import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isAll } from './is-all.ts'

/** Where the packages of tests/package.json are, once they are installed. */
export const toolsFolder: string = join(import.meta.dirname, 'node_modules')

/**
 * Whether tests run that need these packages of tests/package.json: not in `npm test`. In `npm run test:all` they have to,
 * so one that is missing ends the file: a skipped test would look like one that passes.
 * @throws Error naming what is missing
 */
export const hasTools = (...names: readonly string[]): boolean => {
  if (!isAll) return false
  const missing = names.filter((name) => !existsSync(join(toolsFolder, name)))
  if (missing.length) throw new Error(`not installed in tests: ${missing.join(', ')}; npm install --prefix tests`)
  return true
}
