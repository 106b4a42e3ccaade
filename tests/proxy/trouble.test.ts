import { expect, test } from 'vitest'
import { isStaleSocket, troubleOf } from '../../src/proxy/trouble.ts'

const failed = (code: string): Error => Object.assign(new Error('CANARY'), { code })

test.each([
  ['dns', 'ENOTFOUND EAI_AGAIN EAI_FAIL ENODATA'],
  ['tls', 'CERT_HAS_EXPIRED CERT_NOT_YET_VALID DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN'],
  ['tls', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT_LOCALLY ERR_TLS_CERT_ALTNAME_INVALID'],
  ['tls', 'CRL_HAS_EXPIRED INVALID_CA HOSTNAME_MISMATCH EPROTO ERR_SSL_WRONG_VERSION_NUMBER'],
  ['timeout', 'ETIMEDOUT UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT'],
  ['network', 'ECONNREFUSED ECONNRESET EPIPE UND_ERR_SOCKET EHOSTUNREACH'],
])('%s: %s', (kind, codes) => {
  for (const code of codes.split(' ')) {
    expect([code, troubleOf(failed(code))]).toEqual([code, kind])
    // As the global `fetch` says it.
    expect([code, troubleOf(new TypeError('fetch failed', { cause: failed(code) }))]).toEqual([code, kind])
  }
})

test('a call that took too long is a timeout', () =>
  expect(troubleOf(new DOMException('CANARY', 'TimeoutError'))).toBe('timeout'))

test.each([undefined, null, 'CANARY', {}, new Error('CANARY')])('whatever else is thrown is network: %s', (error) => {
  expect(troubleOf(error)).toBe('network')
  expect(isStaleSocket(error)).toBe(false)
})
