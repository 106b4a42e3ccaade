import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface StartedExample {
  url: string
  stop(): Promise<void>
}

/**
 * For Vite: told 0 it looks for a free port, lets go of it and may find it taken. From any other it goes on to the next that
 * is free; these are below those that systems give to whoever asks for 0.
 */
export const portForVite = (): string => String(randomInt(20_000, 30_000))

/** Bun and Deno come with tests/package.json. */
const tools = fileURLToPath(new URL('../node_modules/.bin', import.meta.url))

/** Runs a script of an example and waits for the line that says where it is. Ended with all that it started. */
export const startExample = async (
  folder: string,
  env: Record<string, string>,
  script = 'start',
): Promise<StartedExample> => {
  const child = spawn('npm', ['run', script], {
    cwd: folder,
    // A group of its own: npm hands no signal on.
    detached: true,
    env: { ...process.env, PORT: '0', PATH: `${process.env.PATH}${delimiter}${tools}`, NO_COLOR: '1', ...env },
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid as number), name)
    } catch {} // all of them have ended
  }
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
        const [, port] = /http:\/\/(?:127\.0\.0\.1|localhost):([1-9]\d*)/.exec(output) ?? []
        if (port) resolve(`http://127.0.0.1:${port}`)
      })
    child.once('close', (code) => reject(new Error(`${script} ended with ${code}: ${output}`)))
  })
  return {
    url,
    stop: async () => {
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    },
  }
}
