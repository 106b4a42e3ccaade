import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startDev } from '../browser/processes.ts'
import { heavy } from '../is-all.ts'
import { startUpstream } from '../upstream/server.ts'
import { installForAll, runInShell, startProxyInShell } from './shell.ts'
import { replaced, snippet } from './snippets.ts'

describe('where npm has installed the package, and nothing else', heavy, () => {
  const installed = installForAll()

  test('the proxy starts by these lines, delivers for a backend with the same secret, and ends when told', async () => {
    const upstream = await startUpstream()
    // The secret that the lines make, as a backend would get it.
    const keep = 'openssl() { command openssl "$@" | tee secret; }\n'
    const text = keep + replaced(snippet('running the proxy'), { 'ORQ_API_KEY=…': 'ORQ_API_KEY=the-key' })
    const proxy = await startProxyInShell(text, { folder: installed(), env: { ORQ_SERVER_URL: upstream.url } })
    expect((await fetch(`${proxy.adminUrl}/readyz`)).status).toBe(200)
    expect((await fetch(`${proxy.url}/orq/orq.js`)).status).toBe(200)
    const secret = readFileSync(join(installed(), 'secret'), 'utf8').trim()
    expect(await proxy.post({ external_id: 'u', display_name: 'Jane' }, secret)).toBe(200)
    expect(upstream.log()).toEqual(['POST /v2/contacts {"external_id":"u","display_name":"Jane"}'])
    expect(upstream.received[0]?.headers.authorization).toBe('Bearer the-key')
    expect(await proxy.stop()).toContain('"event":"stopped"')
  })

  test('doctor finds a deployment well, and one whose policy does not let the script run not', async () => {
    const dev = await startDev()
    onTestFinished(() => dev.stop())
    const text = replaced(snippet('doctor'), { 'https://app.example': dev.url })
    const ask = (POLICY: string) => runInShell(text, { folder: installed(), env: { POLICY } })
    expect(await ask("default-src 'self'")).toEqual({ status: 0, output: expect.stringContaining('All is well') })
    expect((await ask("default-src 'none'")).status).toBe(1)
  })
})
