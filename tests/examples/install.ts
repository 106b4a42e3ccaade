import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Installed {
  /** Where the copy of an example is; without a name, where all of them find what is installed. */
  folder(name?: string): string
  remove(): void
}

const npm = (folder: string, ...args: string[]): string =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, encoding: 'utf8' })

/**
 * Copies of examples with this package as others get it: packed, and installed by npm. What they name is installed once
 * for all of them, in the folder above theirs.
 */
export const installExamples = (names: readonly string[]): Installed => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-examples-'))
  const [{ filename }] = JSON.parse(npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder))
  const dependencies: Record<string, string> = {}
  const copyOf = (name: string): string => {
    const copy = join(folder, name)
    cpSync(join(root, 'examples', name), copy, {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|dist|\.next|\.svelte-kit|\.wrangler|site)$/.test(path),
    })
    return copy
  }
  copyOf('script-tag') // some serve its page
  for (const name of names) {
    const copy = copyOf(name)
    Object.assign(dependencies, JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8')).dependencies)
  }
  dependencies['orq-identify'] = `file:./${filename}`
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  npm(folder, 'install', '--prefer-offline', '--install-links')
  return { folder: (name = '') => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs the example's own build. Throws with its output when that fails. */
export const buildExample = (folder: string): void => {
  npm(folder, 'run', 'build')
}
