import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A file system of its own, in memory, as small as one likes. */
export interface Mount {
  folder: string
  /** Takes all the room that is left, until it is given back. */
  fill(): void
  empty(): void
  /** @throws where a file is open for writing, as the kernel does */
  remount(how: 'ro' | 'rw'): void
}

const run = (...[command, ...args]: [string, ...string[]]): void =>
  void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })

const mount = (folder: string, kilobytes: number): void =>
  run('mount', '-t', 'tmpfs', '-o', `size=${kilobytes}k,mode=700`, 'tmpfs', folder)

const make = (): string => mkdtempSync(join(tmpdir(), 'orq-mount-'))

const tryOut = (): string | undefined => {
  if (process.platform !== 'linux') return 'tmpfs is of Linux'
  if (process.getuid?.() !== 0) return 'only root may mount'
  const folder = make()
  try {
    mount(folder, 64)
    run('umount', folder)
    return undefined
  } catch {
    return 'mounting is not allowed here'
  } finally {
    rmdirSync(folder)
  }
}

/** Why nothing can be mounted here; undefined where it can. */
export const noMount: string | undefined = tryOut()

export const createMount = (kilobytes: number): Mount => {
  const folder = make()
  mount(folder, kilobytes)
  onTestFinished(() => {
    // Whoever still has a file open there keeps it until it ends.
    run('umount', '--lazy', folder)
    rmdirSync(folder)
  })
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => {
      for (let bytes = kilobytes * 1024; bytes >= 1024; bytes >>= 1)
        try {
          for (;;) writeFileSync(filler, Buffer.alloc(bytes, 1), { flag: 'a' })
        } catch {
          // As much of it as there was room for is there.
        }
    },
    empty: () => rmSync(filler, { force: true }),
    remount: (how) => run('mount', '-o', `remount,${how}`, folder),
  }
}
