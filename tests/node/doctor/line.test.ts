import { spawn } from 'node:child_process'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLine } from '../../../src/node/commands/doctor/line.ts'
import { serveSite } from '../../browser/site.ts'
import { createAuthority, noCertificates } from '../../faults/certificates.ts'
import { distFolder, examine, expectWrong } from './examine.ts'

/** Whoever is not there is one line, and nothing else is said of him. */
const expectOneLine = async (url: string, expected: RegExp): Promise<void> => {
  const examination = await examine([url, '--token', 'a.b.c', '--token-url', '/token', '--csp', "script-src 'self'"])
  expectWrong(examination, expected)
  expect(examination.of('wrong').filter((line) => !line.startsWith('csp'))).toHaveLength(1)
}

describe('a server that cannot be asked is one line, and exit status 1', () => {
  test('when nobody listens', async () => {
    const site = await serveSite(() => {})
    await site.close()
    await expectOneLine(site.url, /^route: no answer: nobody listens there \(ECONNREFUSED\); check the address and/)
  })

  test('when nobody knows its name', () =>
    expectOneLine(
      'https://doctor.invalid',
      /^route: no answer: the name is not found \(E\w+\); check the spelling of the address/,
    ))

  test('when it speaks no TLS', async () => {
    const site = await serveSite(() => {})
    onTestFinished(() => site.close())
    await expectOneLine(
      site.url.replace('http:', 'https:'),
      /^route: no answer: no TLS connection that can be trusted \(E\w+\); serve a certificate/,
    )
  })

  test.skipIf(noCertificates).each<[string, { name?: string; validity?: [string, string]; isKnown: boolean }, string]>([
    ['has expired', { validity: ['20200101000000Z', '20210101000000Z'], isKnown: true }, 'CERT_HAS_EXPIRED'],
    ['is of another host', { name: 'other.example', isKnown: true }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['is of an authority that nobody knows', { isKnown: false }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ])('when its certificate %s', async (_, { name = 'localhost', validity, isKnown }, code) => {
    const authority = createAuthority(onTestFinished)
    const server = createServer(authority.issue(name, validity), (_, response) => void response.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    // In a process of its own: who is trusted is read when Node starts.
    const child = spawn(process.execPath, [join(distFolder, 'cli.js'), 'doctor', url], {
      env: isKnown ? { NODE_EXTRA_CA_CERTS: authority.path } : {},
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text
      })
    expect([await new Promise((resolve) => child.once('close', resolve)), output.split('\n')]).toEqual([
      1,
      [
        `wrong  route: no answer: no TLS connection that can be trusted (${code}); serve a certificate that is valid for this name, with its chain; for an authority of your own set NODE_EXTRA_CA_CERTS`,
        'orq-identify doctor: 1 wrong, 0 to note, 0 good',
        '',
      ],
    ])
  })
})

test('a server that never answers is not waited for', async () => {
  const site = await serveSite(() => {})
  onTestFinished(() => site.close())
  const line = openLine(50)
  onTestFinished(() => line.close())
  await expect(line.ask(new URL(site.url))).rejects.toMatchObject({
    message: 'nothing within 0.05 s',
    hint: 'check that the server runs, and that no firewall drops requests to it',
  })
})

test('a connection that ends is a line of its own, and the rest is examined', async () => {
  const site = await serveSite((request) => void request.socket.destroy())
  onTestFinished(() => site.close())
  const { status, of } = await examine([site.url])
  expect(of('wrong')).toEqual(
    ['route', 'files'].map((about) => expect.stringMatching(`^${about}: no answer: the connection ended`)),
  )
  expect(status).toBe(1)
})
