import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { createApp } from './app-folder.ts'
import { languageOf, type SnippetName, snippet } from './snippets.ts'

const packages = [
  ...['@types/node', '@types/react', 'vue'].map((name) => `node_modules/${name}`),
  ...['@segment/analytics-next', 'analytics'].map((name) => `tests/node_modules/${name}`),
]

const options: ts.CompilerOptions = {
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: ['node'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  skipLibCheck: true,
}
const strict: ts.CompilerOptions = { strict: true, exactOptionalPropertyTypes: true }
// Parameters without a type are usual there, and settings that may not be given.
const javaScript: ts.CompilerOptions = { allowJs: true, checkJs: true, strict: false, jsx: ts.JsxEmit.ReactJSX }

/** What each leaves to the app. */
const around: Partial<Record<SnippetName, string>> = {
  module: '',
  react: `const useSession = () => ({ user: { id: 'user_1', name: 'Jane', email: 'jane@example.com' }, loading: false })`,
  vue: `declare const app: import('vue').App
    declare const session: { user: { id: string; email: string } | null | undefined }`,
  segment: 'declare const writeKey: string',
  analytics: '',
  'token route': 'const app = /** @type {any} */ (undefined)',
  proxy: '',
  contacts: '',
}
const names = Object.keys(around) as SnippetName[]

const complaintsOf = (some: SnippetName[], more: ts.CompilerOptions): string[] => {
  const files = some.map((name): [string, string] => [
    `${name.replace(' ', '-')}.${languageOf(name)}`,
    `${around[name]}\n${snippet(name)}`,
  ])
  const folder = createApp(Object.fromEntries(files), packages)
  const typeRoots = [join(folder, 'node_modules/@types')]
  const rootNames = files.map(([file]) => join(folder, file))
  return ts
    .getPreEmitDiagnostics(ts.createProgram({ rootNames, options: { ...options, typeRoots, ...more } }))
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
}

// With the types of the libraries, which come with tests/package.json.
describe('the compiler has nothing to say', heavy, () => {
  const isTypeScript = (name: SnippetName): boolean => languageOf(name) === 'ts'

  test('to what is TypeScript, where it is strict', () => {
    const some = names.filter(isTypeScript)
    expect(some.length).toBeGreaterThan(3)
    expect(complaintsOf(some, strict)).toEqual([])
  })

  // In a program of its own: what one file registers holds for all.
  test('to an app that registers its own types', () => {
    const folder = createApp({ 'app.ts': snippet('own types') })
    const program = ts.createProgram([join(folder, 'app.ts')], { ...options, ...strict, types: [] })
    expect(ts.getPreEmitDiagnostics(program)).toEqual([])
  })

  test('to what is JavaScript, where it checks names and options', () => {
    expect(
      complaintsOf(
        names.filter((name) => !isTypeScript(name)),
        javaScript,
      ),
    ).toEqual([])
  })
})
