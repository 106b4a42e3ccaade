import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { mintToken, type TokenGrant } from '../../src/server.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export const secret = 'secret-CANARY-0123456789-0123456789-0123'
export const apiKey = 'key-CANARY-0123456789'

export interface RunningProxy {
  url: string
  adminUrl: string
  /** Where it runs, with its store and whatever else. */
  folder: string
  /** From its start to the line that says it is ready, in milliseconds. */
  startMs: number
  /** Everything it wrote to standard output and standard error. */
  output(): string
  /** Its log, oldest first, of one kind when that is given. */
  lines(event?: string): Record<string, unknown>[]
  /** Posts a contact with a token for it; the headers given replace the usual ones, null leaves one out. */
  post(
    body: string | { external_id: string; [field: string]: unknown },
    headers?: Record<string, string | null>,
  ): Promise<Reply>
  /** The value of a metric by its name with labels, as Prometheus writes it; undefined when there is none. */
  metric(name: string): Promise<number | undefined>
  metrics(): Promise<string>
  /** The bytes of every file of the store. */
  stored(): string
  /** Stops reading what it writes. */
  stopReading(): void
  /** Its exit status, when it has ended; what it wrote last may not have been read. */
  exited: Promise<number | null>
  /** Its exit status, when all it wrote has been read. */
  ended: Promise<number | null>
  /** Ends it by SIGTERM. @returns its exit status */
  stop(): Promise<number | null>
}

export interface Reply {
  status: number
  headers: Headers
  text: string
}

export interface ProxyRunOptions {
  env?: Record<string, string>
  flags?: string[]
  folder?: string
  /** @defaultValue the built one of this repository */
  program?: string
}

export const tokenFor = (subject: string, grant: Partial<TokenGrant> = {}): Promise<string> =>
  mintToken({ subject, ...grant }, { secret })

export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-proxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** `orq-identify proxy` as a process of its own, ended with the test. */
export const runProxy = async (upstreamUrl: string, options: ProxyRunOptions = {}): Promise<RunningProxy> => {
  const { env = {}, flags = [], program = cli } = options
  if (!existsSync(program)) throw new Error(`${program} is missing: npm run build`)
  const folder = options.folder ?? temporaryFolder()
  const start = performance.now()
  const child: ChildProcess = spawn(process.execPath, [program, 'proxy', ...flags], {
    cwd: folder,
    env: {
      PATH: '/nowhere',
      HOST: '127.0.0.1',
      PORT: '0',
      ORQ_ADMIN_PORT: '0',
      ORQ_API_KEY: apiKey,
      ORQ_TOKEN_SECRET: secret,
      ORQ_SERVER_URL: upstreamUrl,
      ...env,
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const lines = (event?: string): Record<string, unknown>[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => event === undefined || line['event'] === event)
  const started = new Promise<{ url: string; adminUrl: string; startMs: number }>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (text) => {
        output += text
        if (!/"event":"started".*\n/.test(output)) return
        const [line] = lines('started') as unknown as { url: string; adminUrl: string }[]
        if (line) resolve({ ...line, startMs: performance.now() - start })
      })
    void ended.then((status) => reject(new Error(`the proxy ended with ${status}: ${output}`)))
  })
  const { url, adminUrl, startMs } = await started
  const metrics = async (): Promise<string> => (await fetch(`${adminUrl}/metrics`)).text()
  return {
    url,
    adminUrl,
    folder,
    startMs,
    output: () => output,
    stopReading: () => void child.stdout?.pause(),
    exited,
    ended,
    lines,
    post: async (body, headers = {}) => {
      const subject = typeof body === 'string' ? 'user_1' : body.external_id
      const authorization = `Bearer ${await tokenFor(subject)}`
      const all: Record<string, string | null> = { authorization, 'content-type': 'application/json', ...headers }
      const answer = await fetch(`${url}/orq/v2/contacts`, {
        method: 'POST',
        headers: Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== null),
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      return { status: answer.status, headers: answer.headers, text: await answer.text() }
    },
    metrics,
    metric: async (name) => {
      const line = (await metrics()).split('\n').find((text) => text.startsWith(`${name} `))
      return line === undefined ? undefined : Number(line.slice(name.length + 1))
    },
    stored: () =>
      readdirSync(folder)
        .filter((file) => file.startsWith('orq.db'))
        .map((file) => readFileSync(join(folder, file), 'latin1'))
        .join('\n'),
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
