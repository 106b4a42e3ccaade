import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import type { CommandContext } from '../../../src/node/commands/command.ts'
import { doctorCommand } from '../../../src/node/commands/doctor.ts'
import { runProgram } from '../../../src/node/commands/main.ts'
import { type Serving, serve, sqlite } from '../../../src/node.ts'
import { jwt } from '../../../src/server.ts'
import { openUpstream, type Upstream } from '../../upstream/server.ts'
import { secret } from '../running-proxy.ts'
import { type Front, startFront } from './front.ts'

export const distFolder: string = fileURLToPath(new URL('../../../dist', import.meta.url))

/** An origin whose pages may write. */
export const listed = 'https://pages.example'

export interface Examination {
  status: number
  lines: string[]
  errors: string[]
  /** The findings of a level, each as `about: text`. */
  of(level: 'ok' | 'note' | 'wrong'): string[]
}

export const examine = async (
  args: string[],
  environment: CommandContext['environment'] = {},
): Promise<Examination> => {
  const lines: string[] = []
  const errors: string[] = []
  const context: CommandContext = {
    environment,
    version: '0.0.0',
    distFolder,
    print: (line) => lines.push(line),
    printed: async () => true,
    printsToTerminal: false,
    warn: (line) => errors.push(line),
    stopped: () => new Promise(() => {}),
    onCrash: () => {},
  }
  const program = { name: 'orq-identify', version: '0.0.0', description: '', commands: { doctor: doctorCommand } }
  const status = await runProgram({ ...program, colours: false }, ['doctor', ...args], context)
  const of: Examination['of'] = (level) =>
    lines.filter((line) => line.startsWith(`${level.padEnd(5)}  `)).map((line) => line.slice(7))
  return { status, lines, errors, of }
}

/** What is broken is a line that says how to fix it, and exit status 1. */
export const expectWrong = ({ status, of, errors }: Examination, expected: RegExp): void => {
  expect(of('wrong')).toContainEqual(expect.stringMatching(expected))
  expect(status).toBe(1)
  expect(errors).toEqual([expect.stringMatching(/^orq-identify doctor: \d+ wrong, \d+ to note, \d+ good$/)])
}

export interface Deployed {
  readonly url: string
  readonly upstream: Upstream
  /** Examines it behind something that breaks it. */
  examineBehind(front: Front, args?: string[]): Promise<Examination>
}

/** A good deployment, for all tests of a file. */
export const deploy = (): Deployed => {
  let upstream: Upstream
  let proxy: Serving
  const closings: (() => void)[] = []
  const folder = mkdtempSync(join(tmpdir(), 'orq-doctor-'))
  beforeAll(async () => {
    upstream = await openUpstream([], (task) => closings.push(task))
    proxy = await serve({
      verify: jwt({ secret }),
      upstream: { apiKey: 'key', serverUrl: upstream.url },
      store: sqlite({ path: join(folder, 'orq.db') }),
      allowedOrigins: [listed],
      addressLimit: 0,
      distFolder,
      host: '127.0.0.1',
      port: 0,
      adminPort: 0,
    })
  })
  afterAll(async () => {
    await proxy?.close()
    for (const close of closings) close()
    rmSync(folder, { recursive: true })
  })
  return {
    get url() {
      return proxy.url
    },
    get upstream() {
      return upstream
    },
    examineBehind: async (front, args = []) => {
      const site = await startFront(proxy.url, front)
      onTestFinished(() => site.close())
      return examine([`${site.url}/orq`, ...args])
    },
  }
}
