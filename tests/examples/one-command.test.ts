import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { launch, visitor } from '../browser/page.ts'
import { heavy } from '../is-all.ts'
import { type FreshClone, makeFreshClone } from './fresh-clone.ts'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))
const start = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [join(examples, 'start.mjs'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
const command = (...args: string[]) => start(args)
const namesIn = (text: string): string[] => (/one of: (.*)/.exec(text)?.[1] ?? '').split(', ')
const names = namesIn(command().stdout)

test.each([
  ['without a name', []],
  ['with --help', ['--help']],
])('the command %s lists the examples', (_, args) => {
  const { status, stdout } = command(...args)
  expect([status, namesIn(stdout)]).toEqual([0, names])
})

test('a name that is none gets the list, and 2', () => {
  const { status, stdout, stderr } = command('angular')
  expect([status, stdout, namesIn(stderr)]).toEqual([2, '', names])
})

test('a port that is taken for the embedded API is told by the name that it has here', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { status, stderr } = start(['script-tag'], { ORQ_DEV_PORT: String(port), ORQ_API_KEY: '' })
  expect(status).toBe(2)
  expect(stderr).toContain(`${port} is in use`)
  expect(stderr).toContain('Its port is ORQ_DEV_PORT here')
})

// Those that the README says more about.
const others = ['compose', 'kubernetes', 'minting', 'screenshots', 'testing']

test('every other folder of examples is started by that command', () => {
  const folders = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect([...names, ...others].sort()).toEqual(folders.map(({ name }) => name).sort())
})

test.each(names)('%s says how to start it where a reader looks first', (name) => {
  const files = readdirSync(join(examples, name))
  const first = files.includes('README.md') ? 'README.md' : 'index.html'
  expect(readFileSync(join(examples, name, first), 'utf8')).toContain(`node examples/start.mjs ${name}`)
})

/** Where somebody has to sign in before there is a contact. */
const signIns: Record<string, (page: Page) => Promise<void>> = {
  express: async (page) => {
    await page.fill('[name=name]', 'Jane')
    await page.click('#in button')
  },
  'identity-provider': async (page) => {
    await page.click('#sign-in')
    await page.fill('[name=login]', 'Jane')
    await page.fill('[name=password]', 'any')
    await page.click('[type=submit]')
    await page.click('[type=submit]') // its consent
  },
}

// Installs and builds everything that a reader's machine would.
describe('in a fresh clone one command starts', heavy, () => {
  let clone: FreshClone
  let browser: Browser
  beforeAll(async () => {
    clone = makeFreshClone()
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    clone?.remove()
  }, 300_000) // it removes what a dozen installations have left

  test.each(names)(
    '%s, whose page delivers a contact',
    async (name) => {
      const started = await clone.start(name)
      onTestFinished(() => started.stop())
      const guest = await visitor(browser)
      onTestFinished(() => guest.context.close())
      await guest.page.goto(started.page)
      await signIns[name]?.(guest.page)
      await expect.poll(() => guest.page.textContent('#outcome'), { timeout: 20_000 }).toBe('delivered')
      // The provider's pages ask for a font, which not every machine reaches.
      expect(guest.errors.filter((text) => !text.includes('https://fonts.googleapis.com/'))).toEqual([])
      // There, where the command says that the contacts arrive.
      await guest.page.goto(started.contacts)
      await expect.poll(() => guest.page.textContent('#contacts')).toContain('Jane')
      await started.stop()
      for (const url of [started.page, started.contacts])
        await expect
          .poll(() =>
            fetch(url).then(
              () => 'answers',
              () => 'gone',
            ),
          )
          .toBe('gone')
    },
    600_000,
  )
})
