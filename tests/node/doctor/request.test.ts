import { describe, expect, onTestFinished, test } from 'vitest'
import { deploy, examine, listed } from './examine.ts'
import { startFront } from './front.ts'

const deployed = deploy()

describe('an address', () => {
  test.each([[''], ['/'], ['/orq'], ['/orq/']])('that ends in "%s" means the folder /orq', async (end) => {
    const { status, lines } = await examine([deployed.url + end])
    expect(lines).toContain('ok     route: POST /orq/v2/contacts is answered by the proxy')
    expect(status).toBe(0)
  })

  test.each([['/people'], ['/people/'], ['/a/orq']])('that ends in "%s" means that folder', async (end) => {
    const folder = end.replace(/\/$/, '')
    const site = await startFront(deployed.url, {
      incoming: (exchange) => {
        exchange.path = exchange.path.replace(`${folder}/`, '/orq/')
        return undefined
      },
    })
    onTestFinished(() => site.close())
    const { status, lines } = await examine([site.url + end])
    expect(lines).toContain(`ok     route: POST ${folder}/v2/contacts is answered by the proxy`)
    expect(status).toBe(0)
  })

  test('of the pages may have the slash of an address bar', async () => {
    const { status } = await examine([deployed.url, '--origin', `${listed}/`])
    expect(status).toBe(0)
  })
})

test.each<[string, string[], RegExp]>([
  ['no URL', ['no url'], /^URL: "no url" is no URL; give one such as/],
  ['an origin that is none', ['http://127.0.0.1:1', '--origin', 'https://a/b'], /^--origin: .* is no origin/],
  ['an origin with a password', ['http://127.0.0.1:1', '--origin', 'https://u:CANARY@a'], /^--origin: has a user name/],
  ['a URL with a password', ['https://u:CANARY@127.0.0.1'], /^URL: has a user name or password in it; leave them out/],
  ['a token of two lines', ['http://127.0.0.1:1', '--token', 'CANARY\nx'], /^ORQ_TOKEN: has characters that no header/],
  ['a cookie of two lines', ['http://127.0.0.1:1', '--cookie', 'CANARY\nx'], /^ORQ_COOKIE: has characters that no/],
  ['a policy that is none', ['http://127.0.0.1:1', '--csp', "https: 'self'"], /^--csp: "https:" is no directive; give/],
  ['--write without a token', ['http://127.0.0.1:1', '--write'], /^--write: needs a token/],
  ['a flag that is none', ['http://127.0.0.1:1', '--tokn', 'x'], /^--tokn: is no flag/],
])('%s is one line that says so, and exit status 2', async (_, args, expected) => {
  const { status, lines, errors } = await examine(args)
  expect([status, lines, errors]).toEqual([2, [], [expect.stringMatching(expected)]])
  expect(errors.join()).not.toContain('CANARY')
})

test('help names every flag, and what exit status 1 means', async () => {
  const { status, lines } = await examine(['--help'])
  for (const flag of ['--token-url', '--origin', '--csp', '--token', '--cookie', '--write', '--env-file'])
    expect(lines.join('\n')).toContain(flag)
  expect(lines.join('\n')).toContain('exit status 1 when something is wrong')
  expect(status).toBe(0)
})
