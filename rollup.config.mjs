import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import typescript from '@rollup/plugin-typescript'

// `tsc` checks everything beside this build. While watching there is no `tsc`.
const isWatching = process.env.ROLLUP_WATCH === 'true'
const typescriptPlugin = typescript({
  compilerOptions: {
    noCheck: !isWatching,
    declaration: false,
    isolatedDeclarations: false,
    sourceMap: true,
    inlineSources: true,
    outDir: 'dist',
  },
})

let hasProgram = false
/** One TypeScript program for all bundles: by itself the plugin makes a new one for each. */
const compile = {
  ...typescriptPlugin,
  buildStart(options) {
    if (!hasProgram) typescriptPlugin.buildStart.call(this, options)
    hasProgram = true
  },
  buildEnd: undefined,
}
/** Ends that program. For the last bundle. */
const endProgram = { name: 'end-program', buildEnd: typescriptPlugin.buildEnd }

const licences = new Map()
/** Names the packages that a file carries, at its head. */
const licenceBanner = ({ modules }) =>
  [...new Set(Object.keys(modules).flatMap((id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))]
    .map((folder) => {
      const { name, version, license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      if (!file) throw new Error(`${name} has no licence file to keep`)
      licences.set(name, readFileSync(`${folder}/${file}`, 'utf8').trim())
      return `/*! ${name} ${version}, ${license}, (c) ${author.name ?? author} */`
    })
    .join('\n')

const chunk = 'dist/transport.js'
const versionModule = resolve('src/client/chunk-version.ts')
/** Gives the script the chunk's hash. The chunk is built first. */
const chunkVersion = {
  name: 'chunk-version',
  load(id) {
    if (id !== versionModule) return null
    this.addWatchFile(resolve(chunk))
    const hash = createHash('sha256').update(readFileSync(chunk)).digest('base64url').slice(0, 16)
    return `export const chunkVersion = '${hash}'`
  },
}

const browserFiles = ['orq.js', 'orq.esm.js', 'transport.js', 'orq.full.js']
/** The licences in full, and the `integrity` values of the browser files. For the last of these. */
const aboutBrowserFiles = {
  name: 'about-browser-files',
  writeBundle() {
    const texts = [...licences].map(([name, text]) => `${name}\n\n${text}\n`)
    writeFileSync('dist/licenses.txt', `Part of the browser files:\n\n${texts.join('\n\n')}`)
    const hashes = browserFiles.map((file) => {
      const hash = createHash('sha384').update(readFileSync(`dist/${file}`))
      return [file, `sha384-${hash.digest('base64')}`]
    })
    writeFileSync('dist/sri.json', `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`)
  },
}

const pageFileNames = ['index.html', 'theme.css', 'page.css', 'lists.css', 'cards.css']
/** The demo page's markup and style, beside its script. */
const pageFiles = {
  name: 'page-files',
  buildStart() {
    for (const file of pageFileNames) this.addWatchFile(`src/dev/page/${file}`)
  },
  writeBundle() {
    for (const file of pageFileNames) cpSync(`src/dev/page/${file}`, `dist/page/${file}`)
  },
}

/** Loaded by an `import()` of its own: a visitor with nothing to send does not load ky. */
const engine = resolve('src/client/engine/engine.ts')
const chunkPath = { [engine]: './transport.js' }

const browser = (input, file, format, { external = [], plugins = [] } = {}) => ({
  input,
  external,
  output: { file, format, paths: chunkPath, banner: licenceBanner, sourcemap: true, strict: false },
  plugins: [
    ...plugins,
    nodeResolve({ browser: true }),
    compile,
    terser({ ecma: 2022, module: format === 'es', compress: { passes: 2, inline: 1 }, format: { comments: /^!/ } }),
  ],
})

const doors = ['server', 'node', 'cli', 'testing']
/** They import the core by its name, so that an app has it once. */
const bindings = ['react', 'vue', 'segment', 'analytics']
const inputOf = (names) => Object.fromEntries(names.map((name) => [name, `src/${name}.ts`]))

export default [
  browser(engine, chunk, 'es'),
  browser('src/index.ts', 'dist/orq.esm.js', 'es', { external: [engine] }),
  browser('src/script.ts', 'dist/orq.js', 'iife', { plugins: [chunkVersion] }),
  browser('src/script.full.ts', 'dist/orq.full.js', 'iife', { plugins: [aboutBrowserFiles] }),
  browser('src/dev/page/page.ts', 'dist/page/page.js', 'es', { plugins: [pageFiles] }),
  {
    input: inputOf(bindings),
    external: /^[a-z@]/,
    output: {
      dir: 'dist',
      format: 'es',
      chunkFileNames: 'chunks/[name].js',
      sourcemap: true,
      // React's server components may only import what says that it is for the client.
      banner: ({ name }) => (name === 'react' ? "'use client'" : ''),
    },
    plugins: [compile],
  },
  {
    input: inputOf(doors),
    external: (id) => id === engine || /^(node:|[a-z@])/.test(id),
    output: {
      dir: 'dist',
      format: 'es',
      paths: chunkPath,
      chunkFileNames: 'chunks/[name].js',
      importAttributesKey: 'with',
      sourcemap: true,
    },
    plugins: [compile, endProgram],
  },
]
