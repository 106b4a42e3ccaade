import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { mintToken } from '../../src/server.ts'
import type { Recorder } from './recorder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const secret = 'secret-of-the-fault-tests-0123456789'

/** The long ones run in `npm run soak` alone. */
export const isLong = process.env['ORQ_SOAK'] === '1'

export interface Running {
  url: string
  adminUrl: string
  /** Everything it printed. */
  output(): string
  kill(signal: NodeJS.Signals): void
  /** The exit status, null after a signal. */
  ended: Promise<number | null>
}

/** One field of one contact; values are numbers, so that order can be seen. */
export interface Sent {
  key: string
  value: number
  status: number | undefined
}

export interface Machine {
  folder: string
  /** Whether updates carry their number as pages do, so that one that was held up is refused. Not at first. */
  isNumbered: boolean
  /** Starts `orq-identify proxy` on this machine's file, or another script in its place. */
  start(options?: { script?: string; env?: Record<string, string> }): Promise<Running>
  /** Runs it and waits for its end. */
  run(env?: Record<string, string>, script?: string): Promise<{ status: number | null; output: string }>
  /** Sends the next number of a field. Never rejects: without an answer the status is undefined. */
  send(to: Pick<Running, 'url'>, who: string, field?: 'display_name' | 'tags'): Promise<Sent>
  /** Waits until upstream has, by field, the highest number that was acknowledged, and checks that none went backwards. */
  expectDelivered(withinMs: number): Promise<void>
}

export const createMachine = (recorder: Recorder, whenOver: (task: () => void) => void = onTestFinished): Machine => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-fault-'))
  const children = new Set<ChildProcess>()
  const acknowledged = new Map<string, number>()
  const tokens = new Map<string, Promise<string>>()
  let counter = 0
  whenOver(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  const spawnProxy = (script: string, more: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [resolve(root, script), 'proxy'], {
      cwd: folder,
      env: {
        PATH: '/nowhere',
        HOST: '127.0.0.1',
        PORT: '0',
        ORQ_ADMIN_PORT: '0',
        ORQ_API_KEY: 'key-of-the-fault-tests',
        ORQ_TOKEN_SECRET: secret,
        ORQ_SERVER_URL: recorder.url,
        ORQ_SUBJECT_LIMIT: '0',
        ...more,
      },
    })
    children.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
      })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).finally(() => {
      children.delete(child)
    })
    return { child, ended, output: () => output }
  }

  const machine: Machine = {
    folder,
    isNumbered: false,
    start: async ({ script = 'dist/cli.js', env = {} } = {}) => {
      const { child, ended, output } = spawnProxy(script, env)
      const isOver = ended.then(() => 'over')
      while (!/Health at/.test(output())) {
        const waited = await Promise.race([isOver, new Promise((resolve) => setTimeout(resolve, 20))])
        if (waited === 'over') throw new Error(`the proxy ended: ${output()}`)
      }
      const [url = '', adminUrl = ''] = output().match(/http:\/\/[^\s/]+/g) ?? []
      return { url, adminUrl, output, ended, kill: (signal) => void child.kill(signal) }
    },
    run: async (env = {}, script = 'dist/cli.js') => {
      const { ended, output } = spawnProxy(script, env)
      return { status: await ended, output: output() }
    },
    send: async (to, who, field = 'display_name') => {
      const value = ++counter
      const token = tokens.get(who) ?? mintToken({ subject: who, expiresIn: '15m' }, { secret })
      tokens.set(who, token)
      const key = `${who}.${field}`
      const status = await fetch(`${to.url}/orq/v2/contacts`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await token}`,
          'content-type': 'application/json',
          ...(machine.isNumbered && { 'orq-update-id': `client-of-the-fault-tests.${value}` }),
        },
        body: JSON.stringify({ external_id: who, [field]: field === 'tags' ? [`${value}`] : `${value}` }),
      }).then(
        async (response) => {
          await response.text()
          return response.status
        },
        () => undefined,
      )
      if (status === 200 || status === 202) acknowledged.set(key, Math.max(value, acknowledged.get(key) ?? 0))
      return { key, value, status }
    },
    expectDelivered: async (withinMs) => {
      const missing = (): string[] =>
        [...acknowledged].filter(([key, value]) => !((recorder.numbers.get(key)?.at(-1) ?? 0) >= value)).map(String)
      // Not `expect.poll`, which tests that run at the same time cannot share.
      const end = performance.now() + withinMs
      while (missing().length && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 100))
      expect(missing()).toEqual([])
      for (const [key, numbers] of recorder.numbers)
        expect([key, numbers]).toEqual([key, [...numbers].sort((a, b) => a - b)])
    },
  }
  return machine
}
