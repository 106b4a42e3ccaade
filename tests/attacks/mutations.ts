import { listed } from '../proxy/harness.ts'
import { randomContact } from './contacts.ts'
import type { Random } from './random.ts'
import { path, tokenWith } from './target.ts'

/** A request in parts, each of which can be made wrong. */
export interface Draft {
  who: string
  line: [method: string, target: string, version: string]
  /** With the token and the content type, without what tells the length. */
  headers: [name: string, value: string][]
  body: Buffer
  frame: (body: Buffer, random: Random) => { headers: [string, string][]; bytes: Buffer }
}

export const byLength: Draft['frame'] = (body) => ({ headers: [['Content-Length', String(body.length)]], bytes: body })

const chunk = (bytes: Buffer, size = bytes.length.toString(16), end = '\r\n'): Buffer =>
  Buffer.concat([Buffer.from(`${size}${end}`), bytes, Buffer.from(end)])

const cut = (body: Buffer, random: Random): Buffer[] => {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.int(random.oneIn(4) ? 8 : 4_096)
    parts.push(body.subarray(at, at + size))
    at += size
  }
  return parts
}

export const byChunks: Draft['frame'] = (body, random) => ({
  headers: [['Transfer-Encoding', 'chunked']],
  bytes: Buffer.concat([...cut(body, random).map((part) => chunk(part)), Buffer.from('0\r\n\r\n')]),
})

const edit = (random: Random, bytes: Buffer): Buffer => {
  const at = random.int(bytes.length + 1)
  const size = random.int(random.oneIn(4) ? 64 : 4)
  const [before, rest] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (random.int(6)) {
    case 0:
      return Buffer.concat([before, Buffer.from(random.list(4, () => random.int(256))), rest])
    case 1:
      return Buffer.concat([before, rest.subarray(size)])
    case 2:
      return Buffer.concat([before, rest.subarray(0, size), rest])
    case 3:
      return before
    case 4:
      return Buffer.concat([
        before,
        Buffer.from(random.pick(['\r\n', '\n', '\r', '\0', ': ', '\t', ' ', '\r\n\r\n'])),
        rest,
      ])
    default: {
      const flipped = Buffer.from(bytes)
      if (flipped.length) flipped[at % flipped.length]! ^= 1 << random.int(8)
      return flipped
    }
  }
}

/** Some edits of bytes anywhere. */
export const editBytes = (random: Random, bytes: Buffer): Buffer => {
  let edited = bytes
  for (let left = 1 + random.int(4); left > 0; left--) edited = edit(random, edited)
  return edited
}

export const tokenFor = (who: string, claims: object = {}, header: object = {}, key?: string): string =>
  tokenWith({ sub: who, ...claims }, header, key)

const setHeader = (draft: Draft, name: string, value: string): void => {
  draft.headers = [...draft.headers.filter(([one]) => one !== name), [name, value]]
}

const tokens: ((random: Random, who: string) => string)[] = [
  (random, who) => editBytes(random, Buffer.from(tokenFor(who))).toString('latin1'),
  (_, who) => tokenFor(`${who}x`),
  (_, who) => tokenFor(who, {}, {}, 'another-secret-0123456789-0123456789'),
  (random, who) => tokenFor(who, {}, { alg: random.pick(['none', 'RS256', 'HS512', '', null]) }),
  (random, who) =>
    tokenFor(who, {}, { [random.pick(['kid', 'typ', 'jku', 'crit', '__proto__'])]: random.pick(['x', null, 1, []]) }),
  (random, who) =>
    tokenFor(who, {
      [random.pick(['iat', 'exp', 'nbf', 'aud', 'sub', 'fields', 'origin'])]: random.pick([
        -1,
        0,
        1e308,
        'x',
        null,
        [],
        {},
        4e9,
      ]),
    }),
  (random, who) => tokenFor(who, { fields: random.list(3, () => random.pick(['email', 'tags', 'metadata', 'phone'])) }),
  (random, who) => tokenFor(who).split('.').slice(0, random.int(3)).join('.'),
  (random, who) => tokenFor(who, { pad: 'x'.repeat(random.int(6_000)) }),
]

const wrongFields: [string, unknown][] = [
  ['external_id', 1],
  ['external_id', 'other'],
  ['external_id', null],
  ['email', 'a@b\r\nBcc:x'],
  ['email', `${'x'.repeat(300)}@b`],
  ['avatar_url', 'javascript:1'],
  ['display_name', 'x'.repeat(257)],
  ['display_name', '\ud800'],
  ['display_name', '\0'],
  ['tags', 'x'],
  ['tags', Array(51).fill('x')],
  ['tags', [['x']]],
  ['metadata', []],
  ['metadata', null],
  ['metadata', { a: 2 ** 53 }],
  ['metadata', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, 1]))],
  ['metadata', JSON.parse(`${'{"a":'.repeat(18)}1${'}'.repeat(18)}`)],
  ['role', 'admin'],
  ['id', 'contact_1'],
  ['metadata', { pad: 'x'.repeat(40_000) }],
]
const wrongTexts: ((text: string, random: Random) => string)[] = [
  (text) => text.replace('}', ',"__proto__":{"polluted":1}}'),
  (text) => text.replace('}', ',"metadata":{"constructor":{"prototype":1}}}'),
  (text) => text.replace('}', ',"external_id":"other"}'),
  (text) => text.replace('}', ',"metadata":{"a":1e999}}'),
  (text) => text.replace('}', ',"metadata":{"a":12345678901234567890}}'),
  (text) => text.replace('}', `,"metadata":${'['.repeat(9_000)}${']'.repeat(9_000)}}`),
  (text) => `\ufeff${text}`,
  (text) => `[${text}]`,
  (text) => text + text,
  (text) => text.replaceAll('"', "'"),
  (text) => `${text}//`,
  (text, random) => text.slice(0, random.int(text.length)),
  (_, random) => random.pick(['', 'null', '[]', '"x"', '1', '{}', 'NaN', '\0']),
]

/** What an attacker changes in a request that he knows how to make. */
const mutations: ((draft: Draft, random: Random) => void)[] = [
  // The request line.
  (draft, random) => {
    draft.line[0] = random.pick([
      'GET',
      'HEAD',
      'PUT',
      'TRACE',
      'OPTIONS',
      'DELETE',
      'FOO',
      'post',
      'CONNECT',
      '',
      'PRI',
    ])
  },
  (draft, random) => {
    const targets = [
      '/',
      `${path}/`,
      `/${path}`,
      `http://evil.example${path}`,
      `${path}?a=${'x'.repeat(random.int(20_000))}`,
    ]
    draft.line[1] = random.pick([
      ...targets,
      '*',
      '',
      '/orq/../orq/v2/contacts',
      '/orq/v2/%63ontacts',
      `${path}#x`,
      '/\\evil',
      '/livez',
    ])
  },
  (draft, random) => {
    draft.line[2] = random.pick([
      'HTTP/1.0',
      'HTTP/0.9',
      'HTTP/2.0',
      'HTTP/1.2',
      'http/1.1',
      'HTTP/1.1 ',
      '',
      'ICY/1.1',
    ])
  },
  // Headers.
  (draft, random) => {
    draft.headers.splice(random.int(draft.headers.length), 1)
  },
  (draft, random) => {
    draft.headers.push(random.pick(draft.headers))
  },
  (draft, random) => {
    const names = [
      'X-A',
      'x-a ',
      ' X-A',
      'X A',
      '',
      'X-\0',
      'X-\xff',
      '__proto__',
      'constructor',
      'Host',
      'Connection',
      'Upgrade',
      'Trailer',
    ]
    const values = [
      '',
      'x',
      'a\r\n b',
      '\0',
      '\xff',
      'a\rb',
      'a\nB: c',
      'x'.repeat(random.int(20_000)),
      'upgrade',
      'close',
      'keep-alive',
    ]
    draft.headers.push([random.pick(names), random.pick(values)])
  },
  (draft, random) => {
    for (let left = random.int(300); left > 0; left--) draft.headers.push([`X-${left}`, 'x'])
  },
  (draft, random) =>
    setHeader(draft, 'Host', random.pick(['', 'a/b?c@d', '[::1', 'a b', 'a:99999', '\xff', 'evil.example'])),
  (draft, random) =>
    setHeader(
      draft,
      'Content-Type',
      random.pick(['', 'text/plain', 'application/json; charset=utf-16', 'APPLICATION/JSON', '\xff']),
    ),
  (draft, random) =>
    setHeader(draft, 'Content-Encoding', random.pick(['gzip', 'identity', 'br', '', 'identity, gzip'])),
  (draft, random) =>
    setHeader(draft, 'Origin', random.pick([listed, 'null', 'https://evil.example', '', listed.toUpperCase()])),
  (draft, random) => setHeader(draft, 'Sec-Fetch-Site', random.pick(['same-origin', 'cross-site', 'none', '', 'x'])),
  (draft, random) =>
    setHeader(
      draft,
      'Orq-Update-Id',
      random.pick(['', 'x', 'client-0123456789.1', 'client-0123456789.1.force', 'client-0123456789.1e3']),
    ),
  (draft, random) => setHeader(draft, 'Expect', random.pick(['100-continue', '200-ok', ''])),
  // The token.
  (draft, random) => setHeader(draft, 'Authorization', `Bearer ${random.pick(tokens)(random, draft.who)}`),
  (draft, random) =>
    setHeader(
      draft,
      'Authorization',
      random.pick(['', 'Bearer', 'Basic eDp5', 'Bearer a b', 'bearer  x', tokenFor(draft.who)]),
    ),
  // The body.
  (draft, random) => {
    const [field, value] = random.pick(wrongFields)
    draft.body = Buffer.from(JSON.stringify({ ...randomContact(random, draft.who), [field]: value }))
  },
  (draft, random) => {
    draft.body = Buffer.from(random.pick(wrongTexts)(draft.body.toString(), random))
  },
  (draft, random) => {
    draft.body = editBytes(random, draft.body)
  },
  (draft) => {
    draft.body = Buffer.from(draft.body.toString(), 'utf16le')
  },
  // How its end is told.
  (draft) => {
    draft.frame = (body, random) => ({
      headers: random.list(2, () => [
        'Content-Length',
        random.pick([
          String(body.length),
          String(body.length + random.int(40) - 20),
          '+2',
          '0x2',
          '',
          '1e2',
          '9'.repeat(20),
          `${body.length},2`,
        ]),
      ]),
      bytes: body,
    })
  },
  (draft) => {
    draft.frame = (body, random) => {
      const sizes = ['', '-1', 'zz', ' 5', '0x5', 'fffffffffffffffff', '5;a=b', `5;${'x'.repeat(5_000)}`, '0']
      const parts = cut(body, random).map((part) => {
        const size = part.length.toString(16)
        return chunk(
          part,
          random.oneIn(3) ? random.pick([...sizes, `${size};a="b"`, `0${size}`]) : size,
          random.oneIn(9) ? '\n' : '\r\n',
        )
      })
      const end = random.pick([
        '0\r\n\r\n',
        '0\r\n',
        '',
        '0\r\nX-A: b\r\n\r\n',
        '0\r\nContent-Length: 5\r\n\r\n',
        '0\n\n',
        '00\r\n\r\n',
      ])
      return { headers: [['Transfer-Encoding', 'chunked']], bytes: Buffer.concat([...parts, Buffer.from(end)]) }
    }
  },
  (draft) => {
    draft.frame = (body, random) => ({
      headers: [
        ...byChunks(body, random).headers,
        ...(random.oneIn(2) ? byLength(body, random).headers : []),
        ['Transfer-Encoding', random.pick(['identity', 'chunked', 'xchunked', '\x0bchunked', 'gzip, chunked', ''])],
      ],
      bytes: random.oneIn(2) ? body : byChunks(body, random).bytes,
    })
  },
]

/** Makes one to three things of it wrong. */
export const mutate = (draft: Draft, random: Random): void => {
  for (let left = 1 + random.int(random.oneIn(3) ? 3 : 1); left > 0; left--) random.pick(mutations)(draft, random)
}
