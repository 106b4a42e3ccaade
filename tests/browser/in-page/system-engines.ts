import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { type CaseResult, whenDone } from './results.ts'

/** The first of these programs on the path. */
export const findFile = (...names: string[]): string | undefined =>
  names
    .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
    .find((path) => existsSync(path))

// By a computed name: the types are not there until tests/package.json is installed.
const load = async (name: string) => import(name)

/** An installed Firefox, by WebDriver BiDi. */
export const runInFirefox = async (executablePath: string, url: string): Promise<CaseResult[]> => {
  const { default: puppeteer } = await load('puppeteer-core')
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    protocolTimeout: 300_000,
  })
  try {
    const page = await browser.newPage()
    await page.goto(url)
    return await page.evaluate(whenDone)
  } finally {
    await browser.close()
  }
}

/** Debian's WebKitGTK ships a browser for tests, below a folder named after its version. */
const findMiniBrowser = (): string => {
  const found = ['/usr/lib', ...readdirSync('/usr/lib').map((folder) => `/usr/lib/${folder}`)]
    .filter((folder) => folder.endsWith('-linux-gnu') || folder === '/usr/lib')
    .flatMap((folder) => ['4.1', '4.0', '6.0'].map((version) => `${folder}/webkit2gtk-${version}/MiniBrowser`))
    .find((path) => existsSync(path))
  if (!found) throw new Error('WebKitWebDriver is there, and no MiniBrowser')
  return found
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** A display of its own where there is none; it says its number when it is ready. */
const startDisplay = async (): Promise<{ display: string; stop(): void }> => {
  if (process.env.DISPLAY) return { display: process.env.DISPLAY, stop: () => {} }
  const child = spawn('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const number = await new Promise<string>((resolve, reject) => {
    child.stdio[3]?.once('data', (text) => resolve(String(text).trim()))
    child.once('exit', () => reject(new Error('Xvfb did not start')))
  })
  return { display: `:${number}`, stop: () => void child.kill() }
}

/** An installed WebKitGTK, by its own WebDriver. */
export const runInWebKit = async (url: string): Promise<CaseResult[]> => {
  const { Builder, Capabilities } = await load('selenium-webdriver')
  const { display, stop } = await startDisplay()
  const port = await freePort()
  const env = { ...process.env, DISPLAY: display, WEBKIT_DISABLE_COMPOSITING_MODE: '1' }
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { stdio: 'ignore', env })
  try {
    await answering(`http://127.0.0.1:${port}/status`)
    const capabilities = new Capabilities({
      browserName: 'MiniBrowser',
      'webkitgtk:browserOptions': { binary: findMiniBrowser(), args: ['--automation'] },
    })
    const session = await new Builder().usingServer(`http://127.0.0.1:${port}`).withCapabilities(capabilities).build()
    try {
      await session.manage().setTimeouts({ script: 300_000 })
      await session.get(url)
      return await session.executeAsyncScript(`${whenDone}.then(arguments[arguments.length - 1])`)
    } finally {
      await session.quit()
    }
  } finally {
    driver.kill()
    stop()
  }
}

/** A driver has no line that says it is ready: asked until it answers. */
const answering = async (url: string): Promise<void> => {
  for (let n = 0; ; n++) {
    try {
      await fetch(url)
      return
    } catch (error) {
      if (n > 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
