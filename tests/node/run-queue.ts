import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const cli: string = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export interface QueueRun {
  status: number | null
  out: string
  err: string
}

/**
 * Runs `orq-identify queue …` as a process of its own, on the `orq.db` of a folder unless told otherwise.
 * @param input what is piped into it
 */
export const runQueue = (
  folder: string,
  args: string[],
  environment: Record<string, string> = {},
  input = '',
): Promise<QueueRun> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, 'queue', ...args], {
      cwd: folder,
      env: { PATH: '/nowhere', ...environment },
      stdio: 'pipe',
    })
    // It may end before it has read all.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.once('close', (status) => resolve({ status, out, err }))
  })

/** What `queue list --json` says. */
export const listQueue = async (folder: string): Promise<{ id: string; state: string; [name: string]: unknown }[]> => {
  const { out } = await runQueue(folder, ['list', '--json'])
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}
