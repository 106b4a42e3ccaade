import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import { expect, onTestFinished } from 'vitest'
import type { Recorder } from './recorder.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What its proxies verify tokens with. */
export const secret = 'SECRET-CANARY-of-the-fault-tests-0123456789'

/** What they send to the contacts API alone. */
export const apiKey = 'KEY-CANARY-of-the-fault-tests'

/** What the process is asked to do or to suffer. */
export interface Order {
  /** From now on its clocks are so much ahead of the real ones; negative: behind. */
  clock?: { wallMs?: number; monotonicMs?: number }
  /** Its event loop stands still for so long. */
  blockMs?: number
  /** It stops by SIGSTOP, between two transactions; such an order is answered once it goes on. */
  stops?: boolean
  /** It fills its heap until it dies of it; such an order is never answered. */
  exhausts?: boolean
}

export interface Usage {
  /** Processor time since its start. */
  cpuMs: number
  /** How many bytes it has taken of one connection that is over, at most. */
  mostBytesRead: number
  /** Bytes. */
  rss: number
  /** Bytes; with the flag `--expose-gc` without what is garbage. */
  heapUsed: number
}

export interface Running {
  url: string
  adminUrl: string
  pid: number
  /** Everything it printed. */
  output(): string
  /** Does as ordered, then says what it has used so far. */
  tell(order?: Order): Promise<Usage>
  kill(signal: NodeJS.Signals): void
  /** The exit status, null after a signal. */
  ended: Promise<number | null>
}

export interface StartOptions {
  /** In place of `orq-identify proxy`; relative to the root of the package. */
  script?: string
  env?: Record<string, string>
  /** Flags of Node. */
  flags?: readonly string[]
  /** It works on this copy of the machine's file, as after a power cut. */
  folder?: string
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
  /** Whether updates wait in its file, which the oracle looks into then, and not in PostgreSQL. At first they do. */
  hasFile: boolean
  /** What the app's backend signs tokens with. At first what its proxies know by the name `default`. */
  signer: { keyId: string; secret: string }
  /** How far the clock of the app's backend, which makes the tokens, is ahead of the real one, in milliseconds. */
  backendAheadMs: number
  /** Starts `orq-identify proxy` on this machine's file, or another script in its place. */
  start(options?: StartOptions): Promise<Running>
  /** Runs it and waits for its end. */
  run(env?: Record<string, string>, script?: string): Promise<{ status: number | null; output: string }>
  /** Sends the next number of a field. Never rejects: without an answer the status is undefined. */
  send(to: Pick<Running, 'url'>, who: string, field?: 'display_name' | 'tags', more?: object): Promise<Sent>
  /** The same, and expects 200; 202 only where this machine has stood still for as long as a page waits. */
  sendDelivered(to: Pick<Running, 'url'>, who: string, field?: 'display_name' | 'tags'): Promise<Sent>
  /** By `contact.field`: the highest number that was acknowledged. */
  readonly acknowledged: ReadonlyMap<string, number>
  /** What was acknowledged and is not upstream. */
  missing(): string[]
  /**
   * The oracle. Waits until upstream has, by field, the highest number that was acknowledged, and nothing waits any
   * more; checks that no field ever went backwards, and that the file is sound.
   */
  expectDelivered(withinMs: number, folder?: string): Promise<void>
}

/**
 * For an heir whose clock is so much ahead, the leases of the dead one are over: what else would take 30 s of waiting.
 */
export const pastLeases = { TEST_CLOCK_AHEAD_MS: '31000' }

export const createMachine = (
  recorder: Pick<Recorder, 'url' | 'numbers'>,
  whenOver: (task: () => void) => void = onTestFinished,
): Machine => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-fault-'))
  const children = new Set<ChildProcess>()
  const acknowledged = new Map<string, number>()
  const tokens = new Map<string, Promise<string>>()
  let counter = 0
  whenOver(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  const spawnProxy = ({ script = 'dist/cli.js', env = {}, flags = [], folder: cwd = folder }: StartOptions = {}) => {
    const inside = join(root, 'tests/faults/inside.mjs')
    const child = spawn(process.execPath, [...flags, '--import', inside, resolve(root, script), 'proxy'], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        PATH: '/nowhere',
        HOST: '127.0.0.1',
        PORT: '0',
        ORQ_ADMIN_PORT: '0',
        ORQ_API_KEY: apiKey,
        ORQ_TOKEN_SECRET: secret,
        ORQ_SERVER_URL: recorder.url,
        ORQ_SUBJECT_LIMIT: '0',
        ...env,
      },
    })
    children.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (text) => {
        output += text
      })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).finally(() => {
      children.delete(child)
    })
    return { child, ended, output: () => output }
  }

  const tokenOf = (who: string): Promise<string> => {
    const { keyId, secret } = machine.signer
    const key = `${keyId} ${machine.backendAheadMs} ${who}`
    const issuedAt = Math.floor((Date.now() + machine.backendAheadMs) / 1_000)
    const token =
      tokens.get(key) ??
      new SignJWT({ sub: who, aud: 'orq-identify', iat: issuedAt, exp: issuedAt + 900 })
        .setProtectedHeader({ alg: 'HS256', typ: 'orq-identify+jwt', kid: keyId })
        .sign(new TextEncoder().encode(secret))
    tokens.set(key, token)
    return token
  }

  const missing = (): string[] =>
    [...acknowledged].filter(([key, value]) => !((recorder.numbers.get(key)?.at(-1) ?? 0) >= value)).map(String)

  const machine: Machine = {
    folder,
    isNumbered: false,
    hasFile: true,
    signer: { keyId: 'default', secret },
    backendAheadMs: 0,
    acknowledged,
    missing,
    start: async (options) => {
      const { child, ended, output } = spawnProxy(options)
      const isOver = ended.then(() => 'over')
      while (!/"event":"started".*\n/.test(output()))
        if ((await Promise.race([isOver, sleep(20)])) === 'over') throw new Error(`the proxy ended: ${output()}`)
      const line = output()
        .split('\n')
        .find((text) => text.includes('"event":"started"'))
      const { url, adminUrl } = JSON.parse(line ?? '') as { url: string; adminUrl: string }
      let orders = Promise.resolve()
      const tell = (order: Order = {}): Promise<Usage> => {
        const told = orders.then(async () => {
          child.send(order)
          return (await once(child, 'message'))[0] as Usage
        })
        // One after the other: answers do not say what they answer.
        orders = told.then(
          () => {},
          () => {},
        )
        return told
      }
      return { url, adminUrl, pid: child.pid as number, output, ended, tell, kill: (signal) => void child.kill(signal) }
    },
    run: async (env = {}, script = 'dist/cli.js') => {
      const { ended, output } = spawnProxy({ env, script })
      return { status: await ended, output: output() }
    },
    send: async (to, who, field = 'display_name', more = {}) => {
      const value = ++counter
      const key = `${who}.${field}`
      const status = await fetch(`${to.url}/orq/v2/contacts`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await tokenOf(who)}`,
          'content-type': 'application/json',
          ...(machine.isNumbered && { 'orq-update-id': `client-of-the-fault-tests.${value}` }),
        },
        body: JSON.stringify({ external_id: who, [field]: field === 'tags' ? [`${value}`] : `${value}`, ...more }),
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
    sendDelivered: async (to, who, field) => {
      const start = performance.now()
      const sent = await machine.send(to, who, field)
      const hasStoodStill = performance.now() - start > 1_900
      expect([who, sent.status]).toEqual([who, sent.status === 202 && hasStoodStill ? 202 : 200])
      return sent
    },
    expectDelivered: async (withinMs, where = folder) => {
      const file = machine.hasFile
        ? new DatabaseSync(join(where, 'orq.db'), { readOnly: true, timeout: 5_000 })
        : undefined
      try {
        const waiting = file?.prepare('SELECT count(*) AS n FROM contacts WHERE payload IS NOT NULL')
        const left = () => ({ missing: missing(), waiting: waiting?.get()?.['n'] ?? 0 })
        // Not `expect.poll`, which tests that run at the same time cannot share.
        const end = performance.now() + withinMs
        for (let now = left(); now.missing.length || now.waiting; now = left()) {
          if (performance.now() > end) break
          await sleep(100)
        }
        expect(left()).toEqual({ missing: [], waiting: 0 })
        for (const [key, numbers] of recorder.numbers)
          expect([key, numbers]).toEqual([key, [...numbers].sort((a, b) => a - b)])
        if (file) expect(file.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
      } finally {
        file?.close()
      }
    },
  }
  return machine
}
