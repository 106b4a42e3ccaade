import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyTracked, readersPath } from '../reader.ts'
import { portForVite } from './start.ts'

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

export const makeFreshClone = (): FreshClone => {
  const folder = copyTracked()

  const running = new Set<ChildProcess>()

  const start = async (name: string): Promise<StartedCommand> => {
    // Contacts that an earlier example has written are no proof.
    rmSync(join(folder, '.orq'), { recursive: true, force: true })
    const child = spawn('node', ['examples/start.mjs', name], {
      cwd: folder,
      env: {
        ...process.env,
        PATH: readersPath,
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
