import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cpuMsOf, ioOf, memoryBytesOf } from '../process-usage.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** 32 bytes, as the proxy asks for. */
export const secret = 'the benchmark of the proxy, 32 bytes and more'

const startServer = async (file) => {
  const child = fork(here(file))
  const [{ port }] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}`,
    tell: async (order) => {
      child.send(order)
      return (await once(child, 'message'))[0]
    },
    stop: async () => {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

export const startEcho = () => startServer('echo.mjs')
export const startUpstream = () => startServer('upstream.mjs')

/**
 * `orq-identify proxy` in a folder of its own, with every setting at its default but addresses and keys.
 * @param env settings besides
 */
export const startProxy = async (upstream, env = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-bench-'))
  const start = performance.now()
  const child = fork(here('../../../dist/cli.js'), ['proxy'], {
    cwd: folder,
    silent: true,
    env: {
      PATH: process.env.PATH,
      HOST: '127.0.0.1',
      PORT: '0',
      ORQ_ADMIN_PORT: '0',
      ORQ_API_KEY: 'key-of-the-benchmark',
      ORQ_TOKEN_SECRET: secret,
      ORQ_SERVER_URL: upstream.url,
      ORQ_LOG_LEVEL: 'info',
      ...env,
    },
  })
  child.stderr.pipe(process.stderr)
  const lines = createInterface({ input: child.stdout })
  const started = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the proxy did not start')))
    lines.on('line', (line) => {
      const entry = JSON.parse(line)
      if (entry.event === 'started') resolve(entry)
    })
  })
  const readyMs = performance.now() - start
  return {
    started,
    readyMs,
    memoryBytes: () => memoryBytesOf(child.pid),
    cpuMs: () => cpuMsOf(child.pid),
    diskBytes: () => ioOf(child.pid).write_bytes,
    stop: async () => {
      child.kill()
      await once(child, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}
