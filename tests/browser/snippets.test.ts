import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright'
import { parseAst } from 'rollup/parseAst'
import { type JsxEmit, transpileModule } from 'typescript'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { compileScript, parse } from 'vue/compiler-sfc'
import { frameworksAt } from '../../src/dev/page/snippets.ts'
import { bundle, hasLibraries } from './bindings/bundle.ts'
import { launch, visitor } from './page.ts'
import { type Dev, startDev } from './processes.ts'
import { type Site, serveSite } from './site.ts'

let browser: Browser
let dev: Dev
/** An app of its own port, whose dev server passes `/orq` and `/token` on, as the snippet for it says. */
let site: Site
let html = ''
let script = ''

beforeAll(async () => {
  dev = await startDev()
  browser = await launch()
  site = await serveSite(async (request, response) => {
    const { url = '/', method = 'GET' } = request
    if (!/^\/(orq|token)\b/.test(url)) {
      const [type, body] = url === '/page.js' ? ['text/javascript', script] : ['text/html', html]
      response.setHeader('content-type', type).end(body)
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

/** Signs in on the page of dev, and then opens the page of the app. */
const visitSignedIn = async (): Promise<{ posts: string[]; errors: string[] }> => {
  const { page, context, posts, errors } = await visitor(browser)
  onTestFinished(() => context.close())
  // Segment asks its own servers for settings, and tells them of calls.
  await context.route(/^https:\/\/[\w.]+\.segment\.(com|io)\//, (route) =>
    route.fulfill({ json: { integrations: { 'Segment.io': { apiKey: 'key' } } } }),
  )
  await page.goto(dev.url)
  await page.fill('#external-id', 'user_1')
  await page.fill('#display-name', 'Somebody else')
  await page.click('#sign-in')
  await page.waitForSelector('#calls li[data-status="delivered"]')
  expect(await stored()).toMatchObject({ display_name: 'Somebody else' })
  await page.goto(site.url)
  return { posts, errors }
}
const stored = async () => (await dev.contacts()).find(({ external_id }) => external_id === 'user_1')

test.each([
  ['Script tag', () => codeOf('Script tag', 'index.html')],
  ['ES module', () => `${importMap}<script type="module">${codeOf('ES module', 'main.js')}</script>`],
])('the snippet of %s, pasted as it is, makes whoever is signed in on the page of dev a contact', async (_, make) => {
  html = `<!doctype html>${make()}`
  const { posts, errors } = await visitSignedIn()
  await expect
    .poll(stored)
    .toMatchObject({ display_name: 'Ada Lovelace', email: 'ada@example.com', metadata: { plan: 'pro' } })
  expect(posts).toHaveLength(2)
  expect(errors).toEqual([])
})

const user = JSON.stringify({ id: 'user_1', name: 'Ada Lovelace', email: 'ada@example.com' })

/** Each snippet with what it leaves to the app: somebody who is signed in, and a place in the page. */
const apps: Record<string, () => Record<string, string>> = {
  React: () => ({
    'App.js': transpileModule(codeOf('React', 'App.jsx'), {
      compilerOptions: { jsx: 4 satisfies JsxEmit.ReactJSX, target: 99, module: 99 },
    }).outputText,
    'main.js': `import { createElement } from 'react'
      import { createRoot } from 'react-dom/client'
      import { App } from './App.js'
      createRoot(document.getElementById('app')).render(createElement(App, { user: ${user} }))`,
  }),
  Vue: () => ({
    'snippet.js': compileScript(
      parse(`<script setup>${codeOf('Vue', 'App.vue, in its script setup')}</script><template><p></p></template>`)
        .descriptor,
      { id: 'snippet', inlineTemplate: true },
    ).content,
    'App.vue': `import { h } from 'vue'
      import Snippet from './snippet.js'
      export default { render: () => h(Snippet, { user: ${user} }) }`,
    'main.js': codeOf('Vue', 'main.js'),
  }),
  Segment: () => ({ 'main.js': codeOf('Segment', 'main.js') }),
  analytics: () => ({ 'main.js': codeOf('analytics', 'main.js') }),
}

test.runIf(hasLibraries).each(Object.entries(apps))(
  'the snippet of %s, with the real library, makes whoever is signed in a contact',
  async (_, make) => {
    const folder = mkdtempSync(join(tmpdir(), 'orq-snippet-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const [file, code] of Object.entries(make())) writeFileSync(join(folder, file), code)
    script = await bundle(join(folder, 'main.js'))
    html = `<!doctype html><link rel="icon" href="data:,">${importMap}
      <div id="app"></div><script type="module" src="/page.js"></script>`
    const { posts, errors } = await visitSignedIn()
    await expect.poll(stored).toMatchObject({ display_name: 'Ada Lovelace' })
    expect(posts).toHaveLength(2)
    expect(errors).toEqual([])
  },
  60_000,
)

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

/** The names that a built door gives. */
const namesOf = (door: string): string[] => {
  const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const file = exports[door.replace('orq-identify', '.')].default
  const { body } = parseAst(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
  return body.flatMap((node) =>
    node.type === 'ExportNamedDeclaration'
      ? node.specifiers.map(({ exported }) => 'name' in exported && exported.name)
      : [],
  ) as string[]
}

const imported = parts.flatMap(([framework, , code]) =>
  [...code.matchAll(/import \{ (.+) \} from '(orq-identify[^']*)'/g)].flatMap(([, names, door]) =>
    (names as string).split(', ').map((name) => [framework, name, door as string] as const),
  ),
)

test('no import of ours escapes that look', () => {
  const named = parts.flatMap(([framework, , code]) =>
    [...code.matchAll(/from '(orq-identify[^']*)'/g)].map(([, door]) => `${framework} ${door}`),
  )
  expect(new Set(imported.map(([framework, , door]) => `${framework} ${door}`))).toEqual(new Set(named))
})

test.each(imported)('%s imports %s from %s, where it is', (_, name, door) => expect(namesOf(door)).toContain(name))

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
