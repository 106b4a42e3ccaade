import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** The built package in a folder of its own, to be changed. @param without packages that are not installed there */
export const copyPackage = (without: readonly string[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-copy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  mkdirSync(join(folder, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules')))
    if (![...without, '.bin'].includes(name))
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  return folder
}
