import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { deploy, distFolder, examine, listed } from '../node/doctor/examine.ts'
import { json, startFront } from '../node/doctor/front.ts'
import { tokenFor } from '../node/running-proxy.ts'
import { launch, visitor } from './page.ts'

/** What the doctor says of a policy, beside what Chromium does with a page under it: two seconds each. */

const deployed = deploy()
let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())

const hashOf = (file: string, algorithm = 'sha384'): string =>
  `${algorithm}-${createHash(algorithm)
    .update(readFileSync(join(distFolder, file)))
    .digest('base64')}`
const ofTag = hashOf('orq.js')
const ofChunk = hashOf('transport.js')
const ofFull = hashOf('orq.full.js')
const stranger = `sha256-${createHash('sha256').update('stranger').digest('base64')}`

interface Tag {
  /** @defaultValue 'orq.js' */
  file?: string
  attributes?: string
  /** In the HTML itself, or put there by an inline script. */
  by?: 'html' | 'script'
}

/** What a page under a policy comes to, as the visitor sees it. */
type Seen = 'works' | 'runs nothing' | 'is refused its import' | 'may not send'

const inserting = `
  const tag = Object.assign(document.createElement('script'), { src: '/orq/orq.js' })
  tag.dataset.tokenUrl = '/token'
  document.head.append(tag)`

const htmlOf = ({ file = 'orq.js', attributes = '', by = 'html' }: Tag): string =>
  by === 'script'
    ? `<!doctype html><title>page</title><script>${inserting}</script>`
    : `<!doctype html><title>page</title>
       <script src="/orq/${file}" data-token-url="/token" data-debounce-ms="10" ${attributes}></script>`

const startSite = async (policy: string, tag: Tag): Promise<string> => {
  const token = await tokenFor('doctor_csp')
  const html = Buffer.from(htmlOf(tag))
  const site = await startFront(deployed.url, {
    incoming: ({ path }) => {
      if (path === '/token') return json({ token }, { 'cache-control': 'no-store' })
      if (path === '/favicon.ico') return { status: 204 }
      if (path !== '/') return undefined
      return { headers: { 'content-type': 'text/html', 'content-security-policy': policy }, body: html }
    },
  })
  onTestFinished(() => site.close())
  return site.url
}

const visit = async (url: string): Promise<Seen> => {
  const { context, page } = await visitor(browser)
  onTestFinished(() => context.close())
  const refused: string[] = []
  await page.exposeFunction('tellRefused', (uri: string) => refused.push(uri))
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', ({ blockedURI }) =>
      (window as unknown as { tellRefused(uri: string): void }).tellRefused(blockedURI),
    ),
  )
  await page.goto(url, { waitUntil: 'load' })
  if (!(await page.evaluate(`typeof window.orq?.identify === 'function'`))) return 'runs nothing'
  await page.evaluate(`void orq.identify('doctor_csp', { name: 'Ada' }).then(({ status }) => { outcome = status })`)
  const outcome = (): Promise<unknown> => page.evaluate('window.outcome')
  // A page that is refused something would wait for it longer than this.
  await expect.poll(async () => refused.length > 0 || (await outcome())).toBeTruthy()
  if (refused.some((uri) => uri.includes('transport.js'))) return 'is refused its import'
  if (refused.length) return 'may not send'
  expect(await outcome()).toBe('delivered')
  return 'works'
}

/** The levels and texts of the findings on a policy, in the order scripts, requests. */
const judge = async (url: string, policy: string): Promise<string[]> => {
  const { lines } = await examine([url, '--token-url', '/token', '--csp', policy])
  return lines.filter((line) => line.includes('csp ')).map((line) => line.replace(/ {2,}/, ' '))
}

const compare = async (policy: string, tag: Tag = {}): Promise<{ said: string[]; seen: Seen }> => {
  const url = await startSite(policy, tag)
  return { said: await judge(url, policy), seen: await visit(url) }
}

const withNonce: Tag = { attributes: 'nonce="x"' }

describe('a page works under a policy that is called good', heavy, () => {
  test.each<[string, Tag?]>([
    ["default-src 'self'"],
    ['img-src *'],
    ['default-src http://127.0.0.1:*'],
    ['script-src http://127.0.0.1:*/orq/; connect-src *'],
    ["script-src 'none'; script-src-elem 'self'"],
    ["script-src 'self' 'unsafe-inline'"],
    [`script-src 'self' '${stranger}'`],
    ["default-src 'self'; sandbox allow-scripts allow-same-origin"],
    ["default-src 'self', script-src http:"],
    ["script-src 'nonce-x'; connect-src 'self'", withNonce],
    ["script-src 'nonce-x' 'strict-dynamic'; connect-src 'self'", withNonce],
    ["default-src 'self' 'nonce-x' 'strict-dynamic'", withNonce],
    ["default-src 'none'; script-src 'nonce-x'; connect-src 'self'; require-trusted-types-for 'script'", withNonce],
  ])('%s', async (policy, tag) => {
    const { said, seen } = await compare(policy, tag)
    expect(said.map((line) => line.split(':')[0])).toEqual(
      policy.split(',').flatMap(() => ['ok csp scripts', 'ok csp requests']),
    )
    expect(seen).toBe('works')
  })
})

describe('a page does not work under a policy that is called wrong', heavy, () => {
  test.each<[string, RegExp, Seen, Tag?]>([
    ["default-src 'none'", /^wrong csp scripts: default-src refuses .*orq\.js; add script-src 'self'/, 'runs nothing'],
    ["script-src 'none'", /^wrong csp scripts: .*; make it script-src 'self', or use a nonce/, 'runs nothing'],
    ["script-src 'unsafe-inline'", /^wrong csp scripts: .*; add 'self' to script-src, or use/, 'runs nothing'],
    ["script-src 'self'; script-src-elem https://*.example", /^wrong csp scripts: script-src-elem /, 'runs nothing'],
    ["default-src 'self', script-src https://cdn.example", /^wrong csp scripts: script-src refuses/, 'runs nothing'],
    ['script-src http://127.0.0.1', /^wrong csp scripts: script-src refuses/, 'runs nothing'],
    ['script-src https://127.0.0.1:*', /^wrong csp scripts: script-src refuses/, 'runs nothing'],
    ["script-src 'strict-dynamic' 'self' https:", /^wrong csp scripts: .* by 'strict-dynamic' alone/, 'runs nothing'],
    ['script-src http://127.0.0.1:*/orq/orq.js', /^wrong csp scripts: .*transport\.js; /, 'is refused its import'],
    ["default-src 'self'; sandbox", /^wrong csp sandbox: lacks allow-scripts and allow-same-origin; /, 'runs nothing'],
    ["default-src 'self'; connect-src https://api.example", /^wrong csp requests: .*; add 'self' to/, 'may not send'],
    [
      "default-src 'none'; script-src 'self'",
      /^wrong csp requests: default-src refuses .*contacts; add connect-src 'self' to the policy/,
      'may not send',
    ],
    [
      "default-src https://api.example; script-src 'self'",
      /^wrong csp requests: .*; add connect-src https:\/\/api\.example 'self' to the policy/,
      'may not send',
    ],
  ])('%s', async (policy, expected, outcome, tag) => {
    const { said, seen } = await compare(policy, tag)
    expect(said).toContainEqual(expect.stringMatching(expected))
    expect(seen).toBe(outcome)
  })
})

describe('a hash in a policy', heavy, () => {
  const withIntegrity = (hash: string, file = 'orq.js'): Tag => ({ file, attributes: `integrity="${hash}"` })

  test.each<[string, string, Tag]>([
    ['of orq.full.js', `script-src '${ofFull}'`, withIntegrity(ofFull, 'orq.full.js')],
    [
      'of another algorithm than sri.json has',
      `script-src '${hashOf('orq.full.js', 'sha512')}'`,
      withIntegrity(hashOf('orq.full.js', 'sha512'), 'orq.full.js'),
    ],
    [
      'of orq.js beside the address of its import',
      `script-src '${ofTag}' http://127.0.0.1:*/orq/transport.js`,
      withIntegrity(ofTag),
    ],
  ])('%s lets the tag run that has it as integrity, and no other', async (_, policy, tag) => {
    const { said, seen } = await compare(policy, tag)
    expect(said[0]).toMatch(/^note csp scripts: script-src lets orq(\.full)?\.js run where its tag has integrity="sha/)
    expect(said[0]).toContain(tag.attributes)
    expect(seen).toBe('works')
    expect(await visit(await startSite(policy, { file: tag.file as string }))).toBe('runs nothing')
  })

  test("of orq.js refuses its import, with the hash of that and with 'strict-dynamic' too", async () => {
    for (const policy of [
      `script-src '${ofTag}'`,
      `script-src '${ofTag}' '${ofChunk}'`,
      `script-src '${ofTag}' 'strict-dynamic'`,
    ]) {
      const { said, seen } = await compare(policy, withIntegrity(ofTag))
      expect(said[0]).toMatch(/^wrong csp scripts: script-src refuses .*\/orq\/transport\.js, .*; add 'sha384-/)
      expect(said[0]).toContain(`integrity="${ofFull}" to the tag of orq.full.js`)
      expect(seen).toBe('is refused its import')
    }
  })

  test('of something else refuses the tag, and the hint that is told helps', async () => {
    const { said, seen } = await compare(`script-src '${stranger}'`, withIntegrity(ofTag))
    expect(said[0]).toMatch(/^wrong csp scripts: script-src refuses .*\/orq\/orq\.js, /)
    expect(seen).toBe('runs nothing')
    const [, hash = '', integrity = ''] = /add '(\S+)' to script-src and integrity="(\S+)"/.exec(said[0] ?? '') ?? []
    const mended = await compare(`script-src '${stranger}' '${hash}'`, withIntegrity(integrity, 'orq.full.js'))
    expect(mended.seen).toBe('works')
  })

  test("of a script that inserts the tag lets it run under 'strict-dynamic', and no tag of the HTML", async () => {
    const policy = `script-src 'sha256-${createHash('sha256').update(inserting).digest('base64')}' 'strict-dynamic'`
    const { said, seen } = await compare(policy, { by: 'script' })
    expect(said[0]).toMatch(/^note csp scripts: script-src lets in what a script of these hashes puts into the page, /)
    expect(seen).toBe('works')
    expect(await visit(await startSite(policy, {}))).toBe('runs nothing')
  })
})

test('a policy of pages on another origin is read as theirs', async () => {
  const { lines } = await examine([deployed.url, '--origin', listed, '--csp', "default-src 'self'"])
  expect(lines.filter((line) => line.includes('csp '))).toEqual([
    expect.stringMatching(/^wrong {2}csp scripts: .*orq\.full\.js; add script-src 'self' http:.*\/orq\/ to the policy/),
    expect.stringMatching(/^wrong {2}csp requests: .*; add connect-src 'self' http:\/\/127/),
  ])
})

test('a policy that was copied with the name of its header is read without it', async () => {
  const { lines } = await examine([deployed.url, '--csp', "Content-Security-Policy: default-src 'none'"])
  expect(lines).toContainEqual(expect.stringMatching(/^wrong {2}csp scripts: default-src refuses/))
})

test('the query of a token route that is refused is not printed', async () => {
  const args = ['--token-url', '/token?key=CANARY', '--csp', 'connect-src http://127.0.0.1:*/orq/']
  const { lines } = await examine([deployed.url, ...args])
  expect(lines).toContainEqual(expect.stringMatching(/^wrong {2}csp requests: connect-src refuses .*\/token; /))
  expect(lines.join()).not.toContain('CANARY')
})

test('a sandbox without an origin of its own is wrong: the page cannot write', async () => {
  const url = await startSite("default-src 'self'; sandbox allow-scripts", { attributes: 'data-settle-ms="1000"' })
  expect(await judge(url, "default-src 'self'; sandbox allow-scripts")).toContainEqual(
    expect.stringMatching(/^wrong csp sandbox: lacks allow-same-origin; add allow-same-origin to it/),
  )
  const { context, page, posts } = await visitor(browser)
  onTestFinished(() => context.close())
  await page.goto(url)
  expect(await page.evaluate(`orq.identify('doctor_csp')`)).toMatchObject({ status: 'pending' })
  expect(posts).toEqual([])
})
