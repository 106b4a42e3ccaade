import type { Browser } from 'playwright'
import { transpileModule } from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frameworksAt } from '../../src/dev/page/snippets.ts'
import { launch, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'
import { type Site, serveSite } from './site.ts'

let browser: Browser
let dev: Dev
/** An app of its own port, whose dev server passes `/orq` and `/token` on, as the snippet for it says. */
let site: Site
let html = ''

beforeAll(async () => {
  dev = await startDev()
  browser = await launch()
  site = await serveSite(async (request, response) => {
    const { url = '/', method = 'GET' } = request
    if (!/^\/(orq|token)\b/.test(url)) {
      response.setHeader('content-type', 'text/html').end(html)
      return
    }
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
    const body = method === 'POST' ? Buffer.concat(await request.toArray()) : null
    const answer = await fetch(dev.url + url, { method, headers: headers as Record<string, string>, body })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
})
afterAll(async () => {
  await browser?.close()
  await site?.close()
  await dev?.stop()
})

const frameworks = frameworksAt('http://localhost:8787')
const codeOf = (framework: string, file: string): string =>
  frameworks.find(({ name }) => name === framework)?.parts.find((part) => part.file === file)?.code ?? ''

const importMap = '<script type="importmap">{"imports":{"orq-identify":"/orq/orq.esm.js"}}</script>'

test.each([
  ['Script tag', () => codeOf('Script tag', 'index.html')],
  ['ES module', () => `${importMap}<script type="module">${codeOf('ES module', 'main.js')}</script>`],
])('the snippet of %s, pasted as it is, makes whoever is signed in on the page of dev a contact', async (_, make) => {
  html = `<!doctype html>${make()}`
  const { page, context, posts, errors } = await visitor(browser)
  await page.goto(dev.url)
  await page.fill('#external-id', 'user_1')
  await page.fill('#display-name', 'Somebody else')
  await page.click('#sign-in')
  await page.waitForSelector('#calls li[data-status="delivered"]')
  await page.goto(site.url)
  const stored = async () => (await dev.contacts()).find(({ external_id }) => external_id === 'user_1')
  await expect
    .poll(stored)
    .toMatchObject({ display_name: 'Ada Lovelace', email: 'ada@example.com', metadata: { plan: 'pro' } })
  expect(posts).toHaveLength(2)
  expect(errors).toEqual([])
  await context.close()
})

const parts = frameworks.flatMap(({ name, parts }) => parts.map(({ file, code }) => [name, file, code] as const))

test.each(parts.filter(([, file]) => file !== 'index.html'))(
  'the code for %s, %s, has no error of syntax',
  (_, file, code) => {
    const { diagnostics } = transpileModule(code, {
      fileName: file.endsWith('sx') ? file : 'code.ts',
      compilerOptions: { jsx: 1, target: 99, module: 99 },
      reportDiagnostics: true,
    })
    expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([])
  },
)

test('Copy puts the code on the clipboard, and says so', async () => {
  const { page, context } = await visitor(browser)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(dev.url)
  await page.getByRole('radio', { name: 'React' }).check()
  await page.getByRole('button', { name: 'Copy: App.jsx' }).click()
  await page.waitForFunction(() => document.getElementById('copied')?.textContent === 'Copied: App.jsx.')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codeOf('React', 'App.jsx'))
  const config = page.locator('#snippets li', { hasText: 'vite.config.js' })
  expect(await config.textContent()).toContain(`'/orq': '${dev.url}'`)
  await context.close()
})
