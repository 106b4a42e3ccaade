import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import typescript from '@rollup/plugin-typescript'

const compile = () =>
  typescript({ compilerOptions: { declaration: false, isolatedDeclarations: false, outDir: 'dist' } })
/** TypeScript wraps an import() of a computed URL to rewrite `.ts` in it: there is none in ours, and the helper is missing. */
const plainImport = {
  name: 'plain-import',
  transform: (code) => ({ code: code.replaceAll('__rewriteRelativeImportExtension(', '('), map: null }),
}

const minify = () =>
  terser({ ecma: 2020, module: true, compress: { passes: 3, unsafe_arrows: true }, format: { comments: false } })

/** The chunk is never bundled into the core: whoever has nothing to send does not load ky. */
const externalChunk = {
  name: 'external-chunk',
  resolveDynamicImport: (id) => (/^\.\/engine\.[jt]s$/.test(id) ? { id: './transport.js', external: true } : null),
}

/** Everything in one file: the chunk's code in place of its import. */
const inlineChunk = {
  name: 'inline-chunk',
  resolveId(id, importer) {
    return /^\.\/chunk\.[jt]s$/.test(id) ? this.resolve('./chunk.inline.ts', importer) : null
  },
}

/** The chunk's own hash in its URL, so that it can be cached for ever. */
const chunkHash = {
  name: 'chunk-hash',
  renderChunk: (code) =>
    code.replace(
      '__TRANSPORT_HASH__',
      createHash('sha256').update(readFileSync('dist/transport.js')).digest('hex').slice(0, 12),
    ),
}

/** `integrity` values of the browser files. */
const sri = {
  name: 'sri',
  writeBundle() {
    const files = ['orq.js', 'orq.esm.js', 'transport.js', 'orq.full.js']
    const hashes = files.map((file) => [
      file,
      `sha384-${createHash('sha384')
        .update(readFileSync(`dist/${file}`))
        .digest('base64')}`,
    ])
    writeFileSync('dist/sri.json', `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`)
  },
}

const pageFileNames = ['index.html', 'theme.css', 'page.css', 'lists.css']

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

const browser = (input, file, output, plugins = []) => ({
  input,
  output: { file, ...output },
  plugins: [externalChunk, ...plugins, nodeResolve({ browser: true }), compile(), plainImport, minify()],
})
const umd = { format: 'umd', name: 'orq', exports: 'default' }

const doors = readdirSync('src').filter((file) => /^(server|node|cli)\.ts$/.test(file))

export default [
  browser('src/client/engine.ts', 'dist/transport.js', { format: 'es' }),
  browser('src/index.ts', 'dist/orq.esm.js', { format: 'es' }),
  browser('src/script.ts', 'dist/orq.js', umd, [chunkHash]),
  browser('src/script.ts', 'dist/orq.full.js', umd, [inlineChunk, sri]),
  ...(existsSync('src/dev/page/page.ts')
    ? [browser('src/dev/page/page.ts', 'dist/page/page.js', { format: 'es' }, [pageFiles])]
    : []),
  ...(doors.length
    ? [
        {
          input: Object.fromEntries(doors.map((file) => [file.replace('.ts', ''), `src/${file}`])),
          output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name].js' },
          external: /^(node:|[a-z@])/,
          plugins: [compile()],
        },
      ]
    : []),
]
