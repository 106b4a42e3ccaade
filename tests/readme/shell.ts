import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { mintToken } from '../../src/server.ts'
import { type Installed, installExamples } from '../examples/install.ts'
import { apiKey, secret } from '../node/running-proxy.ts'

export interface ShellOptions {
  folder: string
  env?: Readonly<Record<string, string>>
}

export interface ShellRun {
  status: number | null
  /** Standard output and standard error as they came. */
  output: string
}

export interface ShellProxy {
  url: string
  adminUrl: string
  /** Posts a contact with a token for it. @param signedWith the usual secret of the tests unless given @returns the status */
  post(contact: { external_id: string; [field: string]: unknown }, signedWith?: string): Promise<number>
  /** Ends it by SIGTERM, to all that the shell has started. @returns all that was printed */
  stop(): Promise<string>
}

/** Of somebody who has set nothing of ours: npm tells the scripts that it runs which package they belong to. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_(package|lifecycle)_|npm_config_local_|INIT_CWD$|NODE_ENV$|VITEST|ORQ_)/.test(name),
    ),
  )

/** In a group of processes of its own, which ends with the test. */
const paste = (
  text: string,
  { folder, env }: ShellOptions,
): { child: ChildProcess; end: (name: NodeJS.Signals) => void } => {
  const child = spawn('sh', ['-e', '-c', text], { cwd: folder, detached: true, env: { ...environment(), ...env } })
  const end = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid as number), name)
    } catch {} // all of them have ended
  }
  onTestFinished(() => end('SIGKILL'))
  return { child, end }
}

const follow = (child: ChildProcess, onText: (output: string) => void): Promise<ShellRun> => {
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text) => {
      output += text
      onText(output)
    })
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, output })))
}

/** Runs commands to their end. */
export const runInShell = (text: string, options: ShellOptions): Promise<ShellRun> =>
  follow(paste(text, options).child, () => {})

/** Runs commands of which the last prints where it listens, and goes on. */
export const startInShell = async (
  text: string,
  pattern: RegExp,
  options: ShellOptions,
): Promise<{ found: RegExpExecArray; stop: () => Promise<string> }> => {
  const { child, end } = paste(text, options)
  let look: (output: string) => void = () => {}
  const ended = follow(child, (output) => look(output))
  const found = await new Promise<RegExpExecArray>((resolve, reject) => {
    look = (output) => {
      const match = pattern.exec(output)
      if (match) resolve(match)
    }
    void ended.then(({ status, output }) => reject(new Error(`ended with ${status}: ${output}`)))
  })
  return {
    found,
    stop: async () => {
      end('SIGTERM')
      return (await ended).output
    },
  }
}

/** `orq-identify proxy` as the last of the commands, on ports of its own, with the usual key and secret of the tests. */
export const startProxyInShell = async (text: string, { folder, env }: ShellOptions): Promise<ShellProxy> => {
  const ports = { HOST: '127.0.0.1', PORT: '0', ORQ_ADMIN_PORT: '0' }
  const secrets = { ORQ_API_KEY: apiKey, ORQ_TOKEN_SECRET: secret }
  const { found, stop } = await startInShell(text, /^\{.*"event":"started".*\}$/m, {
    folder,
    env: { ...ports, ...secrets, ...env },
  })
  const { url, adminUrl } = JSON.parse(found[0]) as { url: string; adminUrl: string }
  return {
    url,
    adminUrl,
    stop,
    post: async (contact, signedWith = secret) => {
      const token = await mintToken({ subject: contact.external_id }, { secret: signedWith })
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
      return (await fetch(`${url}/orq/v2/contacts`, { method: 'POST', headers, body: JSON.stringify(contact) })).status
    },
  }
}

/** For the tests of a `describe`: an empty folder where npm has installed the package. @returns where it is, once they run */
export const installForAll = (): (() => string) => {
  let installed: Installed
  beforeAll(() => {
    installed = installExamples([])
  }, 180_000)
  afterAll(() => installed?.remove())
  return () => installed.folder()
}
