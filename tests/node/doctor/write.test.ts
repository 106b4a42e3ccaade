import { describe, expect, onTestFinished, test } from 'vitest'
import { serve } from '../../../src/node.ts'
import { jwt, memory, type Verify } from '../../../src/server.ts'
import { type Reply, startUpstream } from '../../upstream/server.ts'
import { runProxy, secret, tokenFor } from '../running-proxy.ts'
import { deploy, examine, expectWrong } from './examine.ts'

const deployed = deploy()

const always = (status: number): Reply[] => Array.from({ length: 20 }, () => ({ status }))

describe('what an examination writes', () => {
  test('is nothing, not even with a token', async () => {
    const before = deployed.upstream.received.length
    const { status, lines } = await examine([`${deployed.url}/orq`, '--token', await tokenFor('doctor_1')])
    expect(lines).toContain('ok     token: is taken')
    expect([status, deployed.upstream.received.length]).toEqual([0, before])
  })

  test('is the one contact that --write asks for, each time anew', async () => {
    for (const before of [0, 1]) {
      const { status, lines } = await examine([`${deployed.url}/orq`, '--write'], {
        ORQ_TOKEN: await tokenFor('doctor_2'),
      })
      expect(lines).toContain('ok     write: the contacts API has taken the contact')
      const bodies = deployed.upstream.received.map(({ json }) => json)
      expect([status, bodies]).toEqual([0, Array(before + 1).fill({ external_id: 'doctor_2' })])
    }
  })

  test('is nothing where the token is refused, and that is wrong', async () => {
    const before = deployed.upstream.received.length
    const examination = await examine([`${deployed.url}/orq`, '--token', 'opaque', '--write'])
    expectWrong(examination, /^write: not tried, as no token was found good; give one by --token/)
    expect(deployed.upstream.received.length).toBe(before)
  })

  test('is nothing where nobody is signed in, and that is wrong', async () => {
    const examination = await deployed.examineBehind(
      { incoming: ({ path }) => (path === '/token' ? { status: 204 } : undefined) },
      ['--token-url', '/token', '--write'],
    )
    expectWrong(examination, /^write: not tried, as no token was found good; .*--cookie/)
  })
})

describe('a contact that is accepted by the proxy', () => {
  test('and delivered a moment later is good', async () => {
    const upstream = await startUpstream({ status: 503 })
    const { url } = await runProxy(upstream.url)
    const { status, lines } = await examine([url, '--token', await tokenFor('doctor_3'), '--write'])
    expect(lines).toContain('ok     write: the contacts API has taken the contact')
    expect(status).toBe(0)
  })

  test('and turned away by the contacts API is wrong, even if it is known there from before', async () => {
    const upstream = await startUpstream()
    const { url, post } = await runProxy(upstream.url)
    expect((await post({ external_id: 'doctor_4' })).status).toBe(200)
    upstream.replies.push(...always(401))
    const examination = await examine([url, '--token', await tokenFor('doctor_4'), '--write'])
    expectWrong(examination, /^write: accepted, but not delivered within \d+ s; see orq-identify queue .*ORQ_API_KEY/)
    expect(examination.lines.join('\n')).not.toContain('All is well')
  })

  test('and refused for good by the contacts API is wrong', async () => {
    const { url } = await runProxy((await startUpstream(...always(422))).url)
    const examination = await examine([url, '--token', await tokenFor('doctor_5'), '--write'])
    expectWrong(examination, /^write: accepted, but not delivered within \d+ s; /)
  })
})

describe('a contact that is not accepted is wrong', () => {
  const examineWith = async (verify: Verify, replies: Reply[] = []) => {
    const proxy = await serve({
      verify,
      upstream: { apiKey: 'key', serverUrl: (await startUpstream(...replies)).url },
      store: memory(),
      host: '127.0.0.1',
      port: 0,
      adminPort: 0,
    })
    onTestFinished(() => proxy.close())
    return examine([proxy.url, '--token', await tokenFor('doctor_6'), '--write'])
  }

  test.each([[401], [503]])('where nothing is kept and the contacts API answers %i', async (status) => {
    expectWrong(
      await examineWith(jwt({ secret }), always(status)),
      /^write: not delivered: answered 503 upstream_unavailable; check ORQ_API_KEY, ORQ_SERVER_URL/,
    )
  })

  test('where the contacts API refuses it', async () => {
    expectWrong(
      await examineWith(jwt({ secret }), always(422)),
      /^write: the contacts API does not take this id: answered 422 invalid_field; /,
    )
  })

  test('where another claim of the token names the contact', async () => {
    expectWrong(
      await examineWith(async () => ({ subject: 'employee-7' })),
      /^write: sub is not the external id here: answered 403 scope_mismatch; .*subjectClaim/,
    )
  })
})
