import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultMode } from '../../src/dev/faults.ts'

const root = new URL('../..', import.meta.url).pathname

export interface Started {
  url: string
  stop(): Promise<void>
}

/** Starts a script of ours and waits for the line that names its URL. */
export const start = async (args: string[], env: Record<string, string> = {}): Promise<Started> => {
  const child: ChildProcess = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  child.stderr?.on('data', (text) => {
    output += text
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (text) => {
      output += text
      const [, found] = /Open (http:\S+)/.exec(output) ?? []
      if (found) resolve(found)
    })
    child.once('exit', () => reject(new Error(`${args.join(' ')} ended: ${output}`)))
  })
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM')
      await gone
    },
  }
}

export interface Dev extends Started {
  /** The contacts that the embedded API has, whatever fault it plays. */
  contacts(): Promise<Record<string, unknown>[]>
  fault(mode: FaultMode): Promise<void>
  apiKey: string
}

/** `orq-identify dev` in a folder of its own. */
export const startDev = async (): Promise<Dev> => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-'))
  const apiKey = 'test-key-of-the-embedded-api'
  const { url, stop } = await start(['dist/cli.js', 'dev'], {
    PORT: '0',
    HOST: '127.0.0.1',
    ORQ_DATA_DIR: folder,
    ORQ_API_KEY: apiKey,
  })
  return {
    url,
    apiKey,
    stop: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
    contacts: async () => {
      const response = await fetch(`${url}/contacts?limit=50`)
      return ((await response.json()) as { data: Record<string, unknown>[] }).data
    },
    fault: async (mode) => {
      await fetch(`${url}/faults`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ mode }),
      })
    },
  }
}
