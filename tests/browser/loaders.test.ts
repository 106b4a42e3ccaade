import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext } from 'playwright'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { startAppSite } from './app-site.ts'
import { launch, watchErrors } from './page.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const requireJs = read('node_modules/requirejs/require.js')
const [, stub = ''] = /<script>\s*(.*?)\s*<\/script>/s.exec(read('examples/script-tag/index.html')) ?? []

let browser: Browser
// One for all: each site has a port, and so a storage, of its own.
let context: BrowserContext
beforeAll(async () => {
  browser = await launch()
  context = await browser.newContext()
})
afterAll(() => browser?.close())

/** AMD as a strict loader has it: it takes nothing without a name, and runs no factory unless asked. */
const strictAmd = `<script>
  defined = []
  define = function (name, ...rest) {
    if (typeof name !== 'string') throw new Error('Mismatched anonymous define() module')
    defined.push(name)
  }
  define.amd = {}
</script>`

const byText = (run: string): string => `<script>
  loaded = fetch('FILE').then((answer) => answer.text()).then((text) => { ${run} })
</script>`

/** What a page has before the script, or how it loads it. FILE stands for the script's path. */
const pages: Record<string, string> = {
  'a plain tag': '<script src="FILE"></script>',
  'a deferred tag': '<script defer src="FILE"></script>',
  'an async tag': '<script async src="FILE"></script>',
  'a module tag': '<script type="module" src="FILE"></script>',
  'a tag in the head of a page with a CSP of its own':
    '<meta http-equiv="content-security-policy" content="script-src \'self\'"><script src="FILE"></script>',
  'two tags': '<script src="FILE"></script><script src="FILE"></script>',
  'RequireJS on the page': '<script src="/require.js"></script><script src="FILE"></script>',
  'RequireJS on the page, later': '<script src="FILE"></script><script src="/require.js"></script>',
  'RequireJS that loads the script by its URL':
    '<script src="/require.js"></script><script>loaded = new Promise((end) => require(["FILE"], end))</script>',
  'RequireJS that loads the script by its name': `<script src="/require.js"></script><script>
    require.config({ paths: { 'orq-identify': 'FILE'.slice(0, -3) } })
    loaded = new Promise((resolve, reject) => require(['orq-identify'], (given) => resolve(same = given === orq), reject))
  </script>`,
  'a strict AMD loader': `${strictAmd}<script src="FILE"></script>`,
  'define without amd': '<script>define = () => { throw new Error("not AMD") }</script><script src="FILE"></script>',
  'an element called define': '<div id="define"></div><script src="FILE"></script>',
  'an element called exports': '<div id="exports"></div><script src="FILE"></script>',
  'an element called module': '<div id="module"></div><script src="FILE"></script>',
  'elements called module and exports': '<a id="module"></a><a id="exports"></a><script src="FILE"></script>',
  'a form called module with a field called exports':
    '<form name="module"><input name="exports"></form><script src="FILE"></script>',
  'var exports': '<script>var exports = {}</script><script src="FILE"></script>',
  'var module': '<script>var module = {}</script><script src="FILE"></script>',
  'var module = null': '<script>var module = null</script><script src="FILE"></script>',
  'var module with frozen exports':
    '<script>var module = Object.freeze({ exports: {} }), exports = module.exports</script><script src="FILE"></script>',
  'var module with exports': '<script>var module = { exports: {} }</script><script src="FILE"></script>',
  'an element called orq': '<div id="orq"></div><script src="FILE"></script>',
  'two elements called orq': '<p id="orq"></p><form name="orq"></form><script src="FILE"></script>',
  'an element called orq before the stub': `<div id="orq"></div><script>${stub}
    early = orq.identify('ID')</script><script src="FILE"></script>`,
  'a form called orq with a field called splice':
    '<form id="orq"><input name="splice"></form><script src="FILE"></script>',
  'links called orq and splice': '<a id="orq"></a><a id="orq" name="splice"></a><script src="FILE"></script>',
  'a frame of another origin called orq':
    '<iframe name="orq" src="data:text/html,x"></iframe><script src="FILE"></script>',
  'an object of another library called orq':
    '<script>var orq = { identify: () => {}, splice: 1 }</script><script src="FILE"></script>',
  'a frozen queue': '<script>var orq = Object.freeze([])</script><script src="FILE"></script>',
  'a tag that the parent of a frame has made': `<script>
    loaded = new Promise((end) => {
      const frame = document.createElement('iframe')
      frame.src = '/frame'
      frame.onload = () => {
        const tag = document.createElement('script')
        tag.src = 'FILE'
        tag.onload = () => end(window.orq = frame.contentWindow.orq)
        frame.contentDocument.head.append(tag)
      }
      document.documentElement.append(frame)
    })
  </script>`,
  'the stub twice': `<script>${stub}</script><script>${stub}
    early = orq.identify('ID')</script><script src="FILE"></script>`,
  'the stub after the script': `<script src="FILE"></script><script>${stub}</script>`,
  'a tag that a script injects': `<script>
    loaded = new Promise((end) => {
      const tag = document.createElement('script')
      tag.src = 'FILE'
      tag.onload = end
      document.head.append(tag)
    })
  </script>`,
  'text that eval runs': byText('(0, eval)(text)'),
  'text that a function runs': byText('new Function(text)()'),
  'text that an inline tag runs': byText(`
    const tag = document.createElement('script')
    tag.text = text
    document.head.append(tag)`),
  'text that a CommonJS loader runs': byText(`
    const module = { exports: {} }
    new Function('module', 'exports', 'require', text)(module, module.exports, () => { throw new Error('not here') })
    same = module.exports === orq`),
  'text that another script runs while it runs itself': '<script src="/assets/loader.js" data-file="FILE"></script>',
  'a tag with a blob of the text': byText(`
    const tag = document.createElement('script')
    tag.src = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
    document.head.append(tag)
    return new Promise((end) => { tag.onload = end })`),
  'a library that has set a global of every name':
    '<script>var global = {}, self_ = 1, process = { env: {} }, root = {}</script><script src="FILE"></script>',
}

const loader = `
  const request = new XMLHttpRequest()
  request.open('GET', document.currentScript.dataset.file, false)
  request.send()
  ;(0, eval)(request.responseText)`

const cases = ['orq.js', 'orq.full.js'].flatMap((file) => Object.keys(pages).map((name) => ({ file, name })))

describe('however a page loads the script, window.orq is there and delivers', () => {
  test.concurrent.for(cases)('$file by $name', async ({ file, name }, { expect, onTestFinished }) => {
    const id = `loader-${Math.random().toString(36).slice(2, 10)}`
    const app = await startAppSite(id)
    app.texts = { '/frame': '', '/require.js': requireJs, '/assets/loader.js': loader }
    const markup = (pages[name] as string).replaceAll('FILE', `/orq/${file}`).replaceAll('ID', id)
    app.html = `<!doctype html><link rel="icon" href="data:,">${markup}`
    const page = await context.newPage()
    const errors = watchErrors(page)
    onTestFinished(async () => {
      await page.close()
      await app.close()
    })
    await page.goto(app.url)
    const result = await page.evaluate(async (externalId) => {
      const scope = globalThis as unknown as Record<string, unknown>
      await scope['loaded']
      const { orq } = window
      orq.init({ proxyUrl: '/orq', tokenUrl: '/token', debounceMs: 10 })
      const early = scope['early'] && (await scope['early'])
      const first = await orq.identify(externalId, { n: 1 })
      const again = await orq.identify(externalId, { n: 1 })
      return { early, first, again, same: scope['same'] ?? true, defined: scope['defined'] ?? [] }
    }, id)
    // There the script takes the loader's folder for its own, and looks beside the proxy next.
    expect(errors.filter((text) => !text.includes('/assets/transport.js'))).toEqual([])
    expect(result).toMatchObject({ first: { status: 'delivered' }, again: { status: 'duplicate' }, same: true })
    if (name.includes('stub') && !name.includes('after')) expect(result.early).toEqual({ status: 'delivered' })
    if (name === 'a strict AMD loader') expect(result.defined).toEqual(['orq-identify'])
    expect(app.received().at(-1)).toMatchObject({ external_id: id, metadata: { n: 1 } })
  })
})
