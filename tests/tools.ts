import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isAll } from './is-all.ts'

/** Where the packages of tests/package.json are, once they are installed. */
export const toolsFolder: string = join(import.meta.dirname, 'node_modules')

/**
 * For the top of a file that needs packages of tests/package.json: `npm run test:all` installs them, and has to run
 * every test. A skipped one would look like one that passes.
 * @throws Error naming what is missing
 */
export const requireTools = (...names: readonly string[]): void => {
  if (!isAll) return
  const missing = names.filter((name) => !existsSync(join(toolsFolder, name)))
  if (missing.length) throw new Error(`not installed in tests: ${missing.join(', ')}; npm install --prefix tests`)
}
