import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { heavy, isAll } from '../is-all.ts'
import { apiKey, secret } from '../node/running-proxy.ts'
import { runInShell } from './shell.ts'
import { replaced, snippet } from './snippets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const hasDocker = isAll && spawnSync('docker', ['version']).status === 0
const docker = (...args: string[]): string => execFileSync('docker', args, { encoding: 'utf8' }).trim()

// It fetches an image, installs and builds.
test.skipIf(!hasDocker)(
  'the image is built and run by these lines (needs docker)',
  { ...heavy, timeout: 600_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orq-docker-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'orq.env'), `ORQ_API_KEY=${apiKey}\nORQ_TOKEN_SECRET=${secret}\n`)
    // Whoever runs the tests may have an image and a volume of these names, and something on that port.
    const own = `orq-readme-${process.pid}`
    const [build = '', run = ''] = snippet('docker').split(/^(?=docker run)/m)
    const built = await runInShell(replaced(build, { '-t orq-identify': `-t ${own}` }), { folder: root })
    onTestFinished(() => void spawnSync('docker', ['image', 'rm', '--force', own]))
    expect(built).toMatchObject({ status: 0 })
    const text = replaced(run, {
      ':8787:8787': '::8787',
      '-v orq:': `-v ${own}:`,
      'orq.env orq-identify': `orq.env ${own}`,
    })
    const { status, output } = await runInShell(text, { folder })
    // Docker may warn of something before.
    const container = output.trim().split('\n').at(-1) as string
    onTestFinished(() => {
      spawnSync('docker', ['rm', '--force', '--volumes', container])
      spawnSync('docker', ['volume', 'rm', '--force', own])
    })
    expect([status, container]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64}$/)])
    const url = `http://${docker('port', container, '8787/tcp')}`
    const answer = () =>
      fetch(`${url}/orq/orq.js`).then(
        ({ status: code }) => code,
        () => 0,
      )
    await expect.poll(answer, { timeout: 30_000 }).toBe(200)
    expect(docker('exec', container, 'id', '-un')).toBe('node')
  },
)
