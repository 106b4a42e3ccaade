import { spawn } from 'node:child_process'

export interface Ended {
  /** The last line on the standard output, as JSON. */
  outcome: unknown
  code: number | null
  errors: string
  /** From its last line to its end. */
  lingerMs: number
}

/** Runs a program until it ends by itself; kills it, with `code` null, when it does not within 15 seconds. */
export const run = (command: string, args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    let lastAt = Date.now()
    child.stdout.on('data', (text) => {
      output += text
      lastAt = Date.now()
    })
    child.stderr.on('data', (text) => {
      errors += text
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      const line = output.trim().split('\n').at(-1) ?? ''
      const outcome = line.startsWith('{') ? JSON.parse(line) : line
      resolve({ outcome, code, errors, lingerMs: Date.now() - lastAt })
    })
  })
