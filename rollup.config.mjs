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

/**
 * Properties that only our own browser code sees, shortened alike in every file: the core and the chunk hand each other
 * objects. Never a name of an option, a port, a stored value, the wire, the DOM or ky.
 */
const internalNames = `
  recall renew stamp claims arrivedAt goodToken
  bearer subject held ask discard
  person lastFailure speaksFor settings store tokens mayRun emit say
  calledAt serial reply end
  take sendNow isBusy wake leave resume post forget load
  fields carriers carrier sent since cancelDebounce isSuperseded line lines
  quietUntil lineOf takeUp refresh launch settle release drop
  wait waitMs sendAll land halt
  verdict foreign isQuiet retryAfterMs
`.match(/\w+/g)

// The most frequent letters of minified code first: it packs better.
const letters = 'etnorscaliudfpmhybgwvOkSjxNTMJUAPqDECBIRLzFGHKVWXYQZ'
const shortNames = Object.fromEntries(
  internalNames.map((name, n) => [`$${name}`, letters[n] ?? `${letters[n - letters.length]}_`]),
)

// What is a script must not be taken for a module: its outermost variables would become the page's globals.
const minify = (isModule) =>
  terser({
    ecma: 2022,
    module: isModule,
    compress: { passes: 4, unsafe: true, unsafe_arrows: true },
    mangle: { properties: { builtins: true, regex: new RegExp(`^(${internalNames.join('|')})$`) } },
    nameCache: { vars: { props: {} }, props: { props: { ...shortNames } } },
    format: { comments: false },
  })

/** `let` for `const`, in code that a compiler has checked: it packs better, everywhere. */
const letForConst = {
  name: 'let-for-const',
  renderChunk: (code) => ({ code: code.replace(/\bconst\b/g, 'let'), map: null }),
}

/**
 * What ky's one call of ours, `ky(url, { …, retry: 0, throwHttpErrors: false })`, never reaches, and what no minifier can
 * see: each module with what stands in its place in the browser files. On the server ky is whole.
 */
const unreached = {
  // Streams that count bytes, for `onUploadProgress` and `onDownloadProgress`.
  'utils/body.js': 'export const streamRequest = 0, streamResponse = 0',
  // Tells network errors from others, to retry them: to us every rejection but a timeout is one.
  'utils/is-network-error.js': 'export default () => false',
  // One set of options each time, in the forms that ky works with: nothing to merge, nothing unknown to hand on.
  'utils/merge.js': `export const validateAndMerge = (defaults, options) => ({ ...options })
    export const mergeHeaders = (inherited, headers) => new Headers(headers)
    export const mergeHooks = () => undefined, cloneShallow = 0, deletedParametersSymbol = 0, replaceOption = 0`,
  'utils/options.js': 'export const findUnknownOptions = () => ({}), hasSearchParameters = () => false',
  // Errors of what is not used: schemas, `throwHttpErrors`, retries asked for by hooks.
  'errors/SchemaValidationError.js': 'export class SchemaValidationError {}',
  'errors/HTTPError.js': 'export class HTTPError {}',
  'errors/ForceRetryError.js': 'export class ForceRetryError {}',
}

/** The same for methods of ky's one class: what each comes to without hooks, schemas, retries and a total timeout. */
const reduced = {
  calculateDelay: '',
  calculateRetryDelay: '',
  retryFromError: 'throw error',
  throwProcessedError: 'throw error',
  consumeReturnedResponseFromBeforeRetryHook: '',
  runBeforeRequestHooks: '',
  runAfterResponseHooks: 'return response',
  decorateResponse: '',
  getResponseData: '',
  getErrorDataTimeout: '',
  getBodyReadTimeout: '',
  getRemainingTotalTimeout: '',
  getNormalizedOptions: '',
  getCurrentTime: '',
  raceBodyRead: '',
  raceWithTotalTimeout: '',
  readResponseText: '',
  parseJson: '',
  isJsonContentType: '',
  cancelReturnedBody: '',
  cancelResponseBody: '',
  throwIfTotalTimeoutExhausted: '',
  assignRequest: '',
  normalizeSearchParams: '',
  wrapRequestWithUploadProgress: 'return request',
}

const kyFolder = /\/node_modules\/ky\/distribution\//

const onlyWhatIsReached = {
  name: 'only-what-is-reached',
  load: (id) => (kyFolder.test(id) ? unreached[id.split(kyFolder)[1]] : undefined),
  transform(code, id) {
    if (id.split(kyFolder)[1] !== 'core/Ky.js') return undefined
    const { body } = this.parse(code).body.find(({ declaration }) => declaration?.id.name === 'Ky').declaration.body
    let text = code
    const names = Object.keys(reduced)
    for (const { key, value } of body.toReversed()) {
      if (!names.includes(key.name)) continue
      names.splice(names.indexOf(key.name), 1)
      text = `${text.slice(0, value.body.start)}{${reduced[key.name]}}${text.slice(value.body.end)}`
    }
    if (names.length) this.error(`ky has no method ${names} any more`)
    return { code: text, map: null }
  },
}

/** The chunk is never bundled into the core: whoever has nothing to send does not load ky. */
const externalChunk = {
  name: 'external-chunk',
  resolveDynamicImport: (id) =>
    /^\.\.?\/(client\/)?engine\.[jt]s$/.test(id) ? { id: './transport.js', external: true } : null,
}

/** Everything in one file: the chunk's code in place of its import. */
const inlineChunk = {
  name: 'inline-chunk',
  resolveId(id, importer) {
    return /^\.\/chunk\.[jt]s$/.test(id) ? this.resolve('./chunk.inline.ts', importer) : null
  },
}

/** Every browser of our floor has globalThis; modules have their exports beside `module`. */
const shortUmd = {
  name: 'short-umd',
  renderChunk: (code) =>
    code
      .replace("typeof exports === 'object' && typeof module !== 'undefined'", "typeof exports === 'object'")
      .replace(
        "(global = typeof globalThis !== 'undefined' ? globalThis : global || self, global.orq = factory())",
        '(global.orq = factory())',
      )
      .replace('})(this, ', '})(globalThis, '),
}

/** The chunk's own hash in its URL, so that it can be cached for ever: 24 bits tell one build from the next. */
const chunkHash = {
  name: 'chunk-hash',
  renderChunk: (code) =>
    code.replace(
      '__TRANSPORT_HASH__',
      createHash('sha256').update(readFileSync('dist/transport.js')).digest('base64url').slice(0, 4),
    ),
}

const licences = new Map()

/** Whose code a file carries, said at its head, as minifying takes comments away; each licence in full in licenses.txt. */
const keepLicences = {
  name: 'keep-licences',
  renderChunk(code, { modules }) {
    const folders = Object.keys(modules).flatMap((id) => /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
    const heads = [...new Set(folders)].map((folder) => {
      const { name, version, license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      if (!file) this.error(`${name} has no licence to keep`)
      licences.set(name, readFileSync(`${folder}/${file}`, 'utf8').trim())
      return `/*! ${name} ${version}, ${license}, (c) ${author.name ?? author} */\n`
    })
    return { code: heads.join('') + code, map: null }
  },
  writeBundle() {
    const texts = [...licences].map(([name, text]) => `${name}\n\n${text}\n`)
    writeFileSync('dist/licenses.txt', `Part of the browser files:\n\n${texts.join('\n\n')}`)
  },
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

const browser = (input, file, output, plugins = []) => ({
  input,
  output: { file, ...output },
  plugins: [
    externalChunk,
    ...plugins,
    onlyWhatIsReached,
    nodeResolve({ browser: true }),
    compile(),
    plainImport,
    minify(output.format === 'es'),
    letForConst,
    keepLicences,
  ],
})
const umd = { format: 'umd', name: 'orq', exports: 'default', generatedCode: 'es2015', strict: false }

const doors = readdirSync('src').filter((file) => /^(server|node|cli|testing)\.ts$/.test(file))

/** For frameworks and other libraries. They import the core by its name, so that an app has it once. */
const binding = (name, output = {}) => ({
  input: `src/${name}.ts`,
  output: { file: `dist/${name}.js`, format: 'es', ...output },
  external: /^[a-z@]/,
  plugins: [compile()],
})

export default [
  browser('src/client/engine.ts', 'dist/transport.js', { format: 'es' }),
  browser('src/index.ts', 'dist/orq.esm.js', { format: 'es' }),
  browser('src/script.ts', 'dist/orq.js', umd, [shortUmd, chunkHash]),
  browser('src/script.ts', 'dist/orq.full.js', umd, [shortUmd, inlineChunk, sri]),
  ...(existsSync('src/dev/page/page.ts')
    ? [
        {
          input: 'src/dev/page/page.ts',
          output: { file: 'dist/page/page.js', format: 'es' },
          // Without the short names of `minify`: this page reads what the server says, under its own names.
          plugins: [pageFiles, nodeResolve({ browser: true }), compile(), terser({ ecma: 2022, module: true })],
        },
      ]
    : []),
  // React's server components may only import what says that it is for the client.
  binding('react', { banner: "'use client'" }),
  binding('vue'),
  binding('segment'),
  binding('analytics'),
  ...(doors.length
    ? [
        {
          input: Object.fromEntries(doors.map((file) => [file.replace('.ts', ''), `src/${file}`])),
          output: { dir: 'dist', format: 'es', chunkFileNames: 'chunks/[name].js', importAttributesKey: 'with' },
          external: /^(node:|[a-z@])/,
          plugins: [externalChunk, compile(), plainImport],
        },
      ]
    : []),
]
