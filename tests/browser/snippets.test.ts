import { readFileSync } from 'node:fs'
import { parseAst } from 'rollup/parseAst'
import { type JsxEmit, transpileModule } from 'typescript'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compileScript, parse } from 'vue/compiler-sfc'
import { frameworksAt } from '../../src/dev/page/snippets.ts'
import { heavy } from '../is-all.ts'
import { type AppBesideDev, importMap, startAppBesideDev } from './beside-dev.ts'
import { visitor } from './page.ts'

let app: AppBesideDev
beforeAll(async () => {
  app = await startAppBesideDev()
})
afterAll(() => app?.close())

const frameworks = frameworksAt('http://localhost:8787')
const codeOf = (framework: string, file: string): string =>
  frameworks.find(({ name }) => name === framework)?.parts.find((part) => part.file === file)?.code ?? ''

test.each([
  ['Script tag', () => codeOf('Script tag', 'index.html')],
  ['ES module', () => `${importMap}<script type="module">${codeOf('ES module', 'main.js')}</script>`],
])('the snippet of %s, pasted as it is, makes whoever is signed in on the page of dev a contact', async (_, make) => {
  app.show(make())
  const { sent, errors } = await app.visitSignedIn()
  await expect
    .poll(app.stored)
    .toMatchObject({ display_name: 'Ada Lovelace', email: 'ada@example.com', metadata: { plan: 'pro' } })
  expect(await sent()).toHaveLength(2)
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

test.each(Object.entries(apps))(
  'the snippet of %s, with the real library, makes whoever is signed in a contact',
  { ...heavy, timeout: 120_000 },
  async (_, make) => {
    await app.showBundled(make())
    const { sent, errors } = await app.visitSignedIn()
    await expect.poll(app.stored).toMatchObject({ display_name: 'Ada Lovelace' })
    expect(await sent()).toHaveLength(2)
    expect(errors).toEqual([])
  },
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
  const { page, context } = await visitor(app.browser)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(app.dev.url)
  await page.getByRole('radio', { name: 'React' }).check()
  await page.getByRole('button', { name: 'Copy: App.jsx' }).click()
  await page.waitForFunction(() => document.getElementById('copied')?.textContent === 'Copied: App.jsx.')
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codeOf('React', 'App.jsx'))
  const config = page.locator('#snippets li', { hasText: 'vite.config.js' })
  expect(await config.textContent()).toContain(`'/orq': '${app.dev.url}'`)
  await context.close()
})
