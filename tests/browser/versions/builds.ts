import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EngineModule } from '../../../src/client/engine-context.ts'
import { type BrowserFiles, createBrowserFiles } from '../../../src/node/browser-files.ts'

const root = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

/** The browser files of one build, as its proxy serves them. */
export interface Build {
  name: string
  /** Of core and chunk. */
  contract: number
  /** What its `orq.js` asks for: `transport.js?v=<hash>`. */
  chunkHash: string
  files: BrowserFiles
}

export const openBuild = async (name: string, folder: string): Promise<Build> => {
  const chunk = readFileSync(join(folder, 'transport.js'))
  const module = (await import(`data:text/javascript;base64,${chunk.toString('base64')}`)) as EngineModule
  const hash = createHash('sha256').update(chunk)
  return {
    name,
    contract: module.contractVersion,
    chunkHash: hash.digest('base64url').slice(0, 16),
    files: createBrowserFiles({ folder }),
  }
}

/** Builds today's sources under another contract version, in a folder of its own. */
export const buildWithContract = async (version: number): Promise<{ folder: string; remove: () => void }> => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-build-'))
  for (const name of ['src', 'rollup.config.mjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'src/client/contract.ts'), `export const contractVersion = ${version}\n`)
  const rollup = join(root, 'node_modules/rollup/dist/bin/rollup')
  await run(process.execPath, [rollup, '--config', '--silent', '--failAfterWarnings'], { cwd: folder })
  return { folder: join(folder, 'dist'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
