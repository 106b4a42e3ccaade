import { brotliDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { deploy, expectWrong, listed } from './examine.ts'
import { type Front, html, isFile, withHeaders, without } from './front.ts'

const deployed = deploy()

describe('a file that pages cannot use is a line that says how to fix it, and exit status 1', () => {
  test.each<[string, Front, string[], RegExp]>([
    [
      'a page in place of a file',
      { incoming: (exchange) => (isFile('orq.js')(exchange) ? html : undefined) },
      [],
      /^orq\.js: is served as "text\/html"; /,
    ],
    [
      'a file that is not there, beside one that loads it',
      { incoming: (exchange) => (isFile('transport.js')(exchange) ? { status: 404 } : undefined) },
      [],
      /^transport\.js: answered 404; serve the files of this package’s dist folder/,
    ],
    [
      'a redirect in place of a file',
      { incoming: (exchange) => (isFile('orq.js')(exchange) ? { status: 301 } : undefined) },
      [],
      /^orq\.js: answered 301; /,
    ],
    [
      'a file that is said to be packed otherwise than it is',
      { outgoing: withHeaders(isFile('orq.js'), { 'content-encoding': 'gzip' }) },
      [],
      /^orq\.js: cannot be unpacked; /,
    ],
    [
      'a script that is kept for ever',
      { outgoing: withHeaders(isFile('orq.js'), { 'cache-control': 'max-age=31536000' }) },
      [],
      /^orq\.js: browsers keep it for longer than a day/,
    ],
    [
      'files of two builds',
      {
        outgoing: (reply, exchange) => {
          if (!isFile('transport.js')(exchange)) return
          reply.headers['content-encoding'] = undefined
          reply.body = Buffer.concat([brotliDecompressSync(reply.body), Buffer.from('\n')])
        },
      },
      [],
      /^transport\.js: is of another build than orq\.js; /,
    ],
    [
      'a file that a front has changed',
      {
        outgoing: (reply, exchange) => {
          if (!isFile('orq.full.js')(exchange)) return
          reply.headers['content-encoding'] = undefined
          reply.body = Buffer.concat([brotliDecompressSync(reply.body), Buffer.from('/* injected */')])
        },
      },
      [],
      /^orq\.full\.js: is not what sri\.json says; /,
    ],
    [
      'a file that other origins may not read',
      { outgoing: withHeaders(isFile('orq.full.js'), { 'access-control-allow-origin': undefined }) },
      ['--origin', listed],
      /^orq\.full\.js: https:\/\/pages\.example may not read it; send Access-Control-Allow-Origin/,
    ],
    [
      'a file that other sites may not load',
      { outgoing: withHeaders(isFile('orq.full.js'), { 'cross-origin-resource-policy': 'same-origin' }) },
      ['--origin', listed],
      /^orq\.full\.js: other sites may not load it; /,
    ],
  ])('%s', async (_, front, args, expected) => {
    expectWrong(await deployed.examineBehind(front, args), expected)
  })
})

describe('what could be better is noted, and is no failure', () => {
  test.each<[string, Front, RegExp]>([
    [
      'a file that is not compressed',
      { incoming: without('accept-encoding') },
      /^orq\.js: \d+ bytes, not compressed; compress it with br or gzip/,
    ],
    [
      'a file that is fetched each time',
      { outgoing: withHeaders(isFile('orq.js'), { 'cache-control': 'no-store' }) },
      /^orq\.js: each page load fetches it again; send Cache-Control/,
    ],
  ])('%s', async (_, front, expected) => {
    const { status, of } = await deployed.examineBehind(front)
    expect(of('note')).toContainEqual(expect.stringMatching(expected))
    expect(status).toBe(0)
  })
})
