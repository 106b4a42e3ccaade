import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, findAccount, giveTo } from './postgres-account.ts'
import { noPostgres, packageFolder } from './postgres-package.mjs'
import { failed, findPrograms, reasonIn } from './postgres-programs.ts'

/** One server in a folder of its own. What fails says why in one line, and removes the folder. */
export interface Postgres {
  readonly folder: string
  /** In that folder; `initialise` makes it. */
  readonly databaseDir: string
  /** Gives a file or folder to whom the server runs as. */
  give(path: string): void
  initialise(): Promise<void>
  /**
   * On a port of 127.0.0.1.
   * @param settings of postgresql.conf, as `name=value`
   * @param signs it has started when its log has all of these
   */
  start(port: number, settings?: readonly string[], signs?: readonly string[]): Promise<void>
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>
  /** Ends it, and removes the folder. */
  remove(): Promise<void>
}

/** Ends a server when this process is gone, however that died: then only, the guard's input ends. */
const guard = (server: ChildProcess, account: Account): void => {
  const watcher = spawn('sh', ['-c', 'read _; kill -INT "$0"', `${server.pid}`], {
    ...account,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own: it has to outlive what ends this one.
    detached: true,
  })
  // Windows has no sh, and ends the children of a process with it.
  watcher.on('error', () => {})
  watcher.unref()
  server.once('exit', () => watcher.kill())
}

const makeFolder = (): string => {
  try {
    return mkdtempSync(join(tmpdir(), 'orq-postgres-'))
  } catch (error) {
    throw failed(`no folder for it: ${(error as Error).message}; set TMPDIR to one that you may write to`)
  }
}

/**
 * @param from the folder of PostgreSQL's package
 * @param boundMs what takes longer is ended, and fails
 * @throws Error naming why it cannot be run
 */
export const createPostgres = (from: string = packageFolder, boundMs: number = 120_000): Postgres => {
  if (noPostgres) throw failed(noPostgres)
  const account = findAccount()
  const folder = makeFolder()
  const databaseDir = join(folder, 'data')
  // It may be unable to enter the folder that the tests are in.
  const options = { ...account, cwd: '/' }
  let server: ChildProcess | undefined

  // What was killed may still be ending.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  const failAs = (error: Error): never => {
    removeFolder()
    throw error
  }
  const prepare = (): string => {
    try {
      giveTo(account, folder)
      return findPrograms(from, folder, account)
    } catch (error) {
      return failAs(error as Error)
    }
  }
  const bin = prepare()

  const runInitdb = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const passwordFile = join(folder, 'password')
      writeFileSync(passwordFile, 'secret\n')
      giveTo(account, passwordFile)
      // The same on every machine, whatever its language.
      const flags = ['--username=postgres', '--auth=scram-sha-256', '--no-locale', '--encoding=UTF8', '--no-sync']
      execFile(
        join(bin, 'initdb'),
        [`--pgdata=${databaseDir}`, `--pwfile=${passwordFile}`, ...flags],
        { ...options, timeout: boundMs, killSignal: 'SIGKILL' },
        (error, _, log) => {
          if (!error) return resolve()
          const how = error.killed ? `took more than ${boundMs} ms` : `ended with ${error.signal ?? error.code}`
          reject(failed(`initdb ${how}: ${reasonIn(log || error.message)}`))
        },
      )
    })

  const runPostgres = (port: number, settings: readonly string[], signs: readonly string[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const own = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=40', 'log_line_prefix=']
      const flags = [...own, ...settings].flatMap((setting) => ['-c', setting])
      const child = spawn(join(bin, 'postgres'), ['-D', databaseDir, '-p', `${port}`, ...flags], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      server = child
      if (child.pid) guard(child, account)
      let log = ''
      const fail = (how: string): void => {
        clearTimeout(timer)
        reject(failed(`postgres, for port ${port}, ${how}: ${reasonIn(log)}`))
      }
      const timer = setTimeout(() => {
        fail(`took more than ${boundMs} ms to start`)
        child.kill('SIGKILL')
      }, boundMs)
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-10_000)
        if (!signs.every((sign) => log.includes(sign))) return
        clearTimeout(timer)
        resolve()
      })
      child.on('error', ({ message }) => fail(message))
      child.once('close', (code, signal) => fail(`ended with ${signal ?? code}`))
    })

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server?.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    const timer = setTimeout(() => server?.kill('SIGKILL'), boundMs)
    server.kill(signal)
    await ended
    clearTimeout(timer)
  }

  return {
    folder,
    databaseDir,
    give: (path) => giveTo(account, path),
    initialise: () => runInitdb().catch(failAs),
    start: (port, settings = [], signs = ['ready to accept connections']) =>
      runPostgres(port, settings, signs).catch(failAs),
    end,
    remove: async () => {
      await end('SIGINT')
      removeFolder()
    },
  }
}
