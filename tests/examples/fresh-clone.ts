import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { portForVite } from './start.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface StartedCommand {
  /** The page of the example. */
  page: string
  /** The embedded contacts API, which has a page too. */
  contacts: string
  /** As Ctrl+C would. */
  stop(): Promise<void>
}

export interface FreshClone {
  /** Runs the one command that the README promises, and waits until it says where everything is. */
  start(name: string): Promise<StartedCommand>
  remove(): void
}

/** What Git has and would take, so nothing that is installed or built, and nothing that is only here because it is ignored. */
const trackedFiles = (): string[] => {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0')
  return files.filter((file) => file && existsSync(join(root, file)))
}

/** A reader's environment: npm puts the tools of this folder on the path of its scripts, and the clone has none of them. */
const readersPath = (): string =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter)

export const makeFreshClone = (): FreshClone => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-clone-'))
  for (const file of trackedFiles()) cpSync(join(root, file), join(folder, file))

  const running = new Set<ChildProcess>()

  const start = async (name: string): Promise<StartedCommand> => {
    // Contacts that an earlier example has written are no proof.
    rmSync(join(folder, '.orq'), { recursive: true, force: true })
    const child = spawn('node', ['examples/start.mjs', name], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: readersPath(),
        NO_COLOR: '1',
        // Ports that nobody has, and what npm has fetched before.
        PORT: ['react', 'vue', 'svelte'].includes(name) ? portForVite() : '0',
        ORQ_DEV_PORT: '0',
        npm_config_prefer_offline: 'true',
      },
    })
    running.add(child)
    const ended = new Promise<void>((resolve) =>
      child.once('close', () => {
        running.delete(child)
        resolve()
      }),
    )
    let output = ''
    const [page, contacts] = await new Promise<[string, string]>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (text) => {
          output += text
          const [, page, contacts] =
            /^The example .* is at (http:\S+)\nThe contacts arrive at (http:\S+)\n/m.exec(output) ?? []
          if (page && contacts) resolve([page, contacts])
        })
      child.once('error', reject)
      child.once('close', (code) => reject(new Error(`${name} ended with ${code}: ${output}`)))
    })
    return {
      page,
      contacts,
      stop: () => {
        child.kill('SIGINT')
        return ended
      },
    }
  }
  return {
    start,
    remove: () => {
      for (const child of running) child.kill() // what did not start in time
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
