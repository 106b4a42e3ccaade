import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { rollup } from 'rollup'
import type { StartedExample } from '../examples/start.ts'

const workerd = fileURLToPath(new URL('../node_modules/.bin/workerd', import.meta.url))

/** A Worker in workerd, bundled as wrangler would. @param folder where the worker and `wrangler.jsonc` are */
export const startWorker = async (
  folder: string,
  bindings: Record<string, string>,
  worker = 'worker.mjs',
): Promise<StartedExample> => {
  const bundle = await rollup({
    input: join(folder, worker),
    plugins: [nodeResolve({ exportConditions: ['workerd', 'worker', 'browser'] })],
  })
  await bundle.write({ file: join(folder, 'bundle.js'), format: 'es', inlineDynamicImports: true })
  await bundle.close()
  const [, date] = /"compatibility_date": "([\d-]+)"/.exec(readFileSync(join(folder, 'wrangler.jsonc'), 'utf8')) ?? []
  const texts = Object.entries(bindings).map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`)
  const config = join(folder, 'config.capnp')
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "main", worker = .worker),
        (name = "internet", network = (allow = ["private", "local"])),
      ],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );
    const worker :Workerd.Worker = (
      modules = [(name = "worker", esModule = embed "bundle.js")],
      bindings = [${texts.join(', ')}],
      compatibilityDate = "${date}",
    );`,
  )
  const child = spawn(workerd, ['serve', '--control-fd=3', config], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    let output = ''
    child.stdio[3]?.on('data', (text) => {
      output += text
      for (const line of output.split('\n').slice(0, -1)) {
        const { event, port } = JSON.parse(line)
        if (event === 'listen') resolve(port)
      }
    })
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`workerd ended with ${code}`)))
  })
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}
