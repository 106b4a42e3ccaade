import { describe, expect, test } from 'vitest'
import { tokenFor } from '../running-proxy.ts'
import { deploy, examine } from './examine.ts'
import { type Exchange, html, json } from './front.ts'

const deployed = deploy()

describe('the token route', () => {
  const behind = (reply: object | undefined, args: string[] = []) =>
    deployed.examineBehind({ incoming: ({ path }) => (path === '/token' ? reply : undefined) }, [
      '--token-url',
      '/token',
      ...args,
    ])
  const noStore = { 'cache-control': 'no-store' }

  test('is good when it gives a token that no cache keeps and the proxy takes', async () => {
    const { status, lines } = await behind(json({ token: await tokenFor('doctor_4') }, noStore))
    expect(lines).toContain('ok     token route: answers a token that no cache keeps')
    expect(lines).toContain('ok     token: is taken')
    expect(status).toBe(0)
  })

  test('is good when nobody is signed in', async () => {
    const { status, lines } = await behind({ status: 204 })
    expect(lines).toContain('ok     token route: answered 204, as nobody is signed in')
    expect(status).toBe(0)
  })

  test('is asked by a POST with the cookie, and neither cookie nor token is printed', async () => {
    const asked: Exchange[] = []
    const token = await tokenFor('doctor_5')
    const { lines, errors } = await deployed.examineBehind(
      {
        incoming: (exchange) => {
          if (exchange.path !== '/token') return undefined
          asked.push(exchange)
          return json({ token }, noStore)
        },
      },
      ['--token-url', '/token', '--cookie', 'session=CANARY-1'],
    )
    expect(asked).toMatchObject([{ method: 'POST', headers: { cookie: 'session=CANARY-1' } }])
    expect([...lines, ...errors].filter((line) => line.includes('CANARY') || line.includes(token))).toEqual([])
  })

  test.each<[string, object | undefined, RegExp]>([
    [
      'a cache may keep',
      json({ token: 'a.b.c' }),
      /^token route: its answer may be kept by a cache; send Cache-Control: no/,
    ],
    ['redirects', { status: 302, headers: { location: '/login' } }, /^token route: answered 302 .*; answer 204/],
    ['is a page', html, /^token route: answered 200 "text\/html"; answer a POST with { "token"/],
    ['is not there', undefined, /^token route: answered 404 not_found; answer a POST/],
  ])('is wrong when it %s', async (_, reply, expected) => {
    const { status, of } = await behind(reply)
    expect(of('wrong')).toContainEqual(expect.stringMatching(expected))
    expect(status).toBe(1)
  })

  test('is wrong on another origin than the pages, where no cookie goes', async () => {
    const { status, of } = await examine([`${deployed.url}/orq`, '--token-url', 'https://tokens.example/token'])
    expect(of('wrong')).toContainEqual(expect.stringMatching(/^token route: pages of http:.* send no cookie to https:/))
    expect(status).toBe(1)
  })
})
