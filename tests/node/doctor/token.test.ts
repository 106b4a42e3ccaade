import { describe, expect, test } from 'vitest'
import { mintToken } from '../../../src/server.ts'
import { tokenFor } from '../running-proxy.ts'
import { deploy, examine } from './examine.ts'
import { without } from './front.ts'

const deployed = deploy()

describe('a token that is refused comes with the likely reason', () => {
  const now = (): number => Math.floor(Date.now() / 1_000)
  const good = { sub: 'u', aud: 'orq-identify', iat: now(), exp: now() + 300 }
  const head = { alg: 'HS256', typ: 'orq-identify+jwt', kid: 'default' }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forge = (claims: object, header: object = head): string => `${part(header)}.${part(claims)}.AAAA`

  test.each<[string, () => string | Promise<string>, RegExp]>([
    ['no JWT', () => 'opaque', /it is no JWT/],
    ['no times', () => forge({ sub: 'u' }), /iat and exp are missing/],
    ['milliseconds', () => forge({ ...good, exp: Date.now() }), /exp is in milliseconds/],
    ['a clock ahead', () => forge({ ...good, iat: now() + 90, exp: now() + 300 }), /iat lies in the future/],
    ['an old one', () => forge({ ...good, iat: now() - 900, exp: now() - 600 }), /it has expired/],
    ['a number as sub', () => forge({ ...good, sub: 7 }), /sub is no text/],
    ['another typ', () => forge(good, { ...head, typ: 'JWT' }), /typ is not orq-identify\+jwt/],
    ['a long life', () => forge({ ...good, exp: now() + 3_600 }), /more than 15 minutes/],
    ['another aud', () => forge({ ...good, aud: 'me' }), /aud is not orq-identify/],
    ['no kid', () => forge(good, { alg: 'HS256', typ: 'orq-identify+jwt' }), /kid is missing/],
    ['another secret', () => mintToken({ subject: 'u' }, { secret: 'x'.repeat(32) }), /use the same ORQ_TOKEN_SECRET/],
  ])('%s', async (_, make, expected) => {
    const { status, of } = await examine([`${deployed.url}/orq`, '--token', await make()])
    expect(of('wrong')).toEqual([expect.stringMatching(expected)])
    expect(status).toBe(1)
  })

  test('one that is for another origin', async () => {
    const token = await tokenFor('u', { origin: 'https://elsewhere.example' })
    const { of } = await examine([`${deployed.url}/orq`, '--token', token])
    expect(of('wrong')).toEqual([
      expect.stringMatching(/^token: its origin: answered 403 origin_forbidden; mint it for http:/),
    ])
  })

  test('one whose update ids do not arrive', async () => {
    const { of } = await deployed.examineBehind({ incoming: without('orq-update-id') }, [
      '--token',
      await tokenFor('u'),
    ])
    expect(of('wrong')).toEqual([expect.stringMatching(/^token: is taken, but Orq-Update-Id does not arrive; /)])
  })
})
