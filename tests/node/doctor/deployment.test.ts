import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runProxy } from '../running-proxy.ts'
import { deploy, distFolder, examine, listed } from './examine.ts'

const deployed = deploy()

describe('a good deployment', () => {
  test('is told to be one, line by line, by the program itself with exit status 0', async () => {
    const running = await runProxy(deployed.upstream.url)
    const child = spawn(process.execPath, [join(distFolder, 'cli.js'), 'doctor', running.url])
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
      })
    expect([await new Promise((resolve) => child.once('close', resolve)), output]).toEqual([
      0,
      expect.stringMatching(/^All is well: \d+ good, 0 to note\.$/m),
    ])
    expect(output).toMatch(/^ok {5}route: POST \/orq\/v2\/contacts is answered by the proxy$/m)
    expect(output).toMatch(/^ok {5}orq\.js: text\/javascript; charset=utf-8, \d+ bytes by br$/m)
    expect(output).not.toMatch(/^(note|wrong)/m)
  })

  test('may have its pages on a listed origin', async () => {
    const { status, lines } = await examine([`${deployed.url}/orq`, '--origin', listed])
    expect(lines).toContain(`ok     preflight: ${listed} may write`)
    expect(lines).toContain('ok     cors: answers and Retry-After can be read')
    expect(status).toBe(0)
  })

  test('may have no browser files, which is noted', async () => {
    const { status, of } = await deployed.examineBehind({
      incoming: ({ path }) => (path.includes('.js') ? { status: 404 } : undefined),
    })
    expect(of('note')).toEqual([expect.stringMatching(/^files: there are none in \/orq\/; .*bundler/)])
    expect(status).toBe(0)
  })
})
