import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { secret, tokenFor } from '../node/running-proxy.ts'
import { openUpstream } from '../upstream/server.ts'

const root = join(import.meta.dirname, '../..')
const [snippet = ''] =
  /^import \{ createProxy, jwt \}[\s\S]*?export default .*$/m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []

const tool = (name: string): string => join(root, 'tests/node_modules/.bin', name)

const runtimes = {
  Bun: (file: string): [string, ...string[]] => [tool('bun'), file],
  Deno: (file: string): [string, ...string[]] => [
    tool('deno'),
    ...['serve', '--allow-net', '--allow-env', '--allow-read', '--host=127.0.0.1', '--port=0', file],
  ],
}

/** Serves the snippet's `export default` by the runtime itself. */
const serve = async (runtime: keyof typeof runtimes): Promise<{ url: string; received: unknown[] }> => {
  const upstream = await openUpstream([], onTestFinished)
  const file = join(import.meta.dirname, `exported.${process.pid}.${runtime}.mjs`)
  // Deno knows a package by its own name only where it is installed.
  const code = snippet
    .replace('orq-identify/server', new URL('../../dist/server.js', import.meta.url).href)
    .replace('apiKey:', `serverUrl: '${upstream.url}', apiKey:`)
  writeFileSync(file, code)
  const [command, ...args] = runtimes[runtime](file)
  const env = { ...process.env, ORQ_TOKEN_SECRET: secret, ORQ_API_KEY: 'the-key', PORT: '0', NO_COLOR: '1' }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill()
    rmSync(file)
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text))
  const findUrl = () => /http:\/\/[\w.]+:(\d+)/.exec(output)?.[1]
  await expect.poll(findUrl, { timeout: 10_000 }).toBeDefined()
  return { url: `http://127.0.0.1:${findUrl()}`, received: upstream.received }
}

test.each(['Bun', 'Deno'] as const)(
  'what the README exports is served by %s itself: a token is asked for, and with one the contact arrives',
  { ...heavy, timeout: 120_000 },
  async (runtime) => {
    const { url, received } = await serve(runtime)
    const post = (headers: Record<string, string>) =>
      fetch(`${url}/orq/v2/contacts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"external_id":"u1"}',
      })
    const refused = await post({})
    expect([refused.status, await refused.json()]).toEqual([401, expect.objectContaining({ code: 'token_missing' })])
    expect((await post({ authorization: `Bearer ${await tokenFor('u1')}` })).status).toBe(200)
    expect(received).toHaveLength(1)
  },
)
