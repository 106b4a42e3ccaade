import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Sends to the server of the test what is meant for the contacts API, of which a snippet cannot name another. */
const redirect = pathToFileURL(join(import.meta.dirname, 'redirect.mjs')).href

/** An app in a folder of its own, for one test, in which this package is known by its name, and others from here too. */
export const createApp = (files: Readonly<Record<string, string>>, packages: readonly string[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-readme-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const all = { 'package.json': '{ "type": "module" }', ...files }
  for (const [file, text] of Object.entries(all)) writeFileSync(join(folder, file), text)
  for (const [name, from] of [
    ['orq-identify', '.'],
    ...packages.map((path) => [path.split('node_modules/')[1], path]),
  ]) {
    const place = join(folder, 'node_modules', name as string)
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(join(root, from as string), place)
  }
  return folder
}

export interface Program {
  /** The first URL that it printed. */
  url: Promise<string>
  /** What it printed, when it has ended with status 0. */
  ended: Promise<string>
}

/** Runs a file of an app in Node, until it ends or the test does. */
export const runInNode = (folder: string, file: string, env: Readonly<Record<string, string>>): Program => {
  const child = spawn(process.execPath, ['--import', redirect, file], {
    cwd: folder,
    env: { PATH: '/nowhere', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  const ended = new Promise<string>((resolve, reject) => {
    child.once('close', (status) => {
      if (status === 0) resolve(output)
      else reject(new Error(`${file} ended with ${status}: ${output}`))
    })
  })
  const url = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
        const [found] = /http:\S+(?=\n)/.exec(output) ?? []
        if (found) resolve(found)
      })
    ended.then((text) => reject(new Error(`${file} named no URL: ${text}`)), reject)
  })
  // Who waits for one of them need not wait for the other.
  for (const one of [url, ended]) one.catch(() => {})
  return { url, ended }
}
