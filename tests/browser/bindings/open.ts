import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright'
import { onTestFinished } from 'vitest'
import { type Visitor, visitor } from '../page.ts'
import { type App, startApp } from './app.ts'
import { bundle } from './bundle.ts'

export interface Opened extends Visitor {
  app: App
  /** Warnings and errors of the console. */
  complaints: string[]
  /** What the option `debug` has printed. */
  decisions: string[]
  /** Calls a method of what the page's script has put at `window[name]`. */
  call(method: string, ...args: unknown[]): Promise<unknown>
  run(code: string): Promise<unknown>
}

export interface Page {
  script: string
  /** Where the page's script has put what tests may call. */
  name: string
  markup?: string
}

/** Opens a page in a fresh profile, for one test. */
export const open = async (browser: Browser, { script, name, markup }: Page): Promise<Opened> => {
  const app = await startApp(script, markup)
  const guest = await visitor(browser)
  const { page, context } = guest
  onTestFinished(async () => {
    await context.close()
    await app.close()
  })
  const complaints: string[] = []
  const decisions: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'info') decisions.push(message.text())
    if (/warn|error/.test(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(app.url)
  return {
    ...guest,
    app,
    complaints,
    decisions,
    call: (method, ...args) =>
      page.evaluate(
        ([object, key, given]) => {
          const methods = (window as unknown as Record<string, Record<string, (...args: unknown[]) => unknown>>)[object]
          return methods?.[key]?.(...given)
        },
        [name, method, args] as const,
      ),
    run: (code) => page.evaluate(code),
  }
}

/** The exports of a script of `pages`, made for a server. */
export const importForServer = async <T>(entry: string): Promise<T> => {
  const file = join(import.meta.dirname, `${entry}.${process.pid}.mjs`)
  writeFileSync(file, await bundle(entry, 'server'))
  try {
    return await import(pathToFileURL(file).href)
  } finally {
    rmSync(file)
  }
}

/** In a page: all that is stored. */
export const stored = 'JSON.stringify({ ...localStorage })'
/** In a page: the ledgers of all persons, by hash. */
export const ledgers = 'Object.values(localStorage).map((text) => JSON.parse(text.slice(16)).seen).filter(Boolean)'
