import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { noPostgres, packageFolder } from './postgres-package.mjs'
import { createPostgres, type Postgres } from './postgres-process.ts'
import { freePort, urlOf } from './postgres-server.ts'

/** That only who runs the tests may enter. */
const closedFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-closed-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const create = (...given: Parameters<typeof createPostgres>): Postgres => {
  const postgres = createPostgres(...given)
  onTestFinished(() => postgres.remove())
  return postgres
}

/** A package whose programs tell a version, and then never end. */
const hangingPackage = (): string => {
  const folder = closedFolder()
  mkdirSync(join(folder, 'bin'))
  for (const name of ['initdb', 'postgres'])
    writeFileSync(join(folder, 'bin', name), '#!/bin/sh\n[ "$1" = --version ] || exec sleep 600\n', { mode: 0o755 })
  return folder
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(noPostgres)(`PostgreSQL for the tests${noPostgres ? ` (${noPostgres})` : ''}`, () => {
  test('answers from a folder that only who runs the tests may enter, root too', async () => {
    const folder = closedFolder()
    cpSync(packageFolder, folder, { recursive: true, verbatimSymlinks: true })
    chmodSync(folder, 0o700)
    const postgres = create(folder)
    await postgres.initialise()
    const port = await freePort()
    await postgres.start(port)
    const client = new pg.Client({ connectionString: urlOf(port, 'postgres') })
    await client.connect()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
    await postgres.remove()
    expect(existsSync(postgres.folder)).toBe(false)
  })

  test('starts again after a crash', async () => {
    const postgres = create()
    await postgres.initialise()
    const port = await freePort()
    await postgres.start(port)
    await postgres.end('SIGQUIT')
    await postgres.start(port)
  })

  test('ends with the process that started it, even one that was killed', async () => {
    const code = `
      import { readFileSync } from 'node:fs'
      const { createPostgres } = await import(${JSON.stringify(join(import.meta.dirname, 'postgres-process.ts'))})
      const postgres = createPostgres()
      await postgres.initialise()
      await postgres.start(${await freePort()})
      const [pid] = readFileSync(postgres.databaseDir + '/postmaster.pid', 'utf8').split('\\n')
      console.log(JSON.stringify({ folder: postgres.folder, pid: Number(pid) }))`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [text] = await once(child.stdout, 'data')
    const { folder, pid } = JSON.parse(String(text))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    expect(isRunning(pid)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => isRunning(pid)).toBe(false)
  })

  describe('fails at once, and says', () => {
    test('which program is missing', () => {
      const folder = closedFolder()
      expect(() => create(folder)).toThrow(
        `a program is missing or not executable: ENOENT: no such file or directory, access '${folder}/bin/initdb'; remove`,
      )
    })

    test('which program is not executable', () => {
      const folder = hangingPackage()
      chmodSync(join(folder, 'bin/postgres'), 0o644)
      expect(() => create(folder)).toThrow(
        `a program is missing or not executable: EACCES: permission denied, access '${folder}/bin/postgres'; remove`,
      )
    })

    test('what a program says that does not run here', () => {
      const folder = hangingPackage()
      writeFileSync(
        join(folder, 'bin/postgres'),
        '#!/bin/sh\necho error while loading shared libraries >&2; exit 127\n',
      )
      expect(() => create(folder)).toThrow(/bin\/postgres ended with 127: error while loading shared libraries$/)
    })

    test('which folder cannot be entered', () => {
      const folder = closedFolder()
      const inside = join(folder, 'inside')
      mkdirSync(inside)
      // Root may enter it nonetheless, but PostgreSQL is never run as root.
      chmodSync(folder, 0o000)
      onTestFinished(() => chmodSync(folder, 0o700))
      vi.stubEnv('TMPDIR', inside)
      onTestFinished(() => void vi.unstubAllEnvs())
      expect(() => create()).toThrow(
        process.getuid?.() === 0
          ? `may not enter ${folder}; set TMPDIR to`
          : /no folder for it: EACCES.*; set TMPDIR to/,
      )
      chmodSync(folder, 0o700)
      expect(readdirSync(inside)).toEqual([])
    })

    test('why no data could be made', async () => {
      const postgres = create()
      mkdirSync(postgres.databaseDir)
      writeFileSync(join(postgres.databaseDir, 'file'), '')
      postgres.give(postgres.databaseDir)
      await expect(postgres.initialise()).rejects.toThrow(
        `initdb ended with 1: initdb: error: directory "${postgres.databaseDir}" exists but is not empty; `,
      )
      expect(existsSync(postgres.folder)).toBe(false)
    })

    test('which port is taken', async () => {
      const server = createServer().listen(0, '127.0.0.1')
      onTestFinished(() => void server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const postgres = create()
      await postgres.initialise()
      await expect(postgres.start(port)).rejects.toThrow(
        new RegExp(
          `^PostgreSQL for the tests: postgres, for port ${port}, ended with 1: .*Address already in use; .*$`,
        ),
      )
      expect(existsSync(postgres.folder)).toBe(false)
    })

    test('which setting it does not take', async () => {
      const postgres = create()
      await postgres.initialise()
      await expect(postgres.start(await freePort(), ['no_such_setting=1'])).rejects.toThrow(
        /ended with 1: .*unrecognized configuration parameter "no_such_setting"/,
      )
    })

    test('which program does not come to an end', async () => {
      const folder = hangingPackage()
      await expect(create(folder, 100).initialise()).rejects.toThrow('initdb took more than 100 ms')
      await expect(create(folder, 100).start(await freePort())).rejects.toThrow('took more than 100 ms to start')
    })
  })
})
