import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const compilers = ['/usr/bin/cc', '/usr/bin/gcc', '/usr/bin/clang']

/** Why there is no such disk here; undefined where there is one. */
export const noDisk: string | undefined =
  process.platform !== 'linux'
    ? 'LD_PRELOAD is of Linux'
    : compilers.some(existsSync)
      ? undefined
      : 'no C compiler at hand'

/** A disk that fails when told, and that tells what has really reached it. */
export interface Disk {
  /** For the process that writes to it. */
  env: Record<string, string>
  /** `full`: no room. `broken`: I/O errors. `read-only`: nothing can be written, or opened to be. */
  fault: 'none' | 'full' | 'broken' | 'read-only'
  /** What a power cut leaves: each file as it was when it was synced last. */
  synced: string
}

export const createDisk = (): Disk => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-disk-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const library = join(folder, 'disk.so')
  const source = fileURLToPath(new URL('disk.c', import.meta.url))
  const compiler = compilers.find(existsSync) as string
  execFileSync(compiler, ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  const synced = join(folder, 'synced')
  mkdirSync(synced)
  const faultFile = join(folder, 'fault')
  let fault: Disk['fault'] = 'none'
  return {
    env: { LD_PRELOAD: library, DISK_SYNCED: synced, DISK_FAULT: faultFile },
    get fault() {
      return fault
    },
    set fault(next) {
      fault = next
      rmSync(faultFile, { force: true })
      if (next !== 'none') writeFileSync(faultFile, { full: 'F', broken: 'B', 'read-only': 'R' }[next])
    },
    synced,
  }
}
