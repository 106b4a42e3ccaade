/**
 * Why there was no answer. `dns` and `tls` want a person: the name cannot be resolved, or whoever answers under it cannot
 * be trusted.
 */
export type Trouble = 'dns' | 'tls' | 'timeout' | 'network'

const codeOf = (error: unknown): string => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } }
  return String(code ?? cause?.code)
}

/** The socket was closed while it was idle and is found closed by the first request that uses it. */
export const isStaleSocket = (error: unknown): boolean =>
  ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error))

// As Node names what OpenSSL says of a certificate (https://nodejs.org/api/tls.html#x509-certificate-error-codes), of a
// list of revoked ones, and of a connection that is no TLS.
const tlsCode = /CERT|CRL|SIGNATURE|^(ERR_(TLS|SSL)_|EPROTO$|INVALID_(CA|PURPOSE)$|PATH_LENGTH_|HOSTNAME_MISMATCH$)/
const dnsCode = /^(ENOTFOUND|ENODATA|EAI_\w+)$/

/** Only a kind: the text of an error could name whatever somebody put into an answer or a certificate. */
export const troubleOf = (error: unknown): Trouble => {
  const code = codeOf(error)
  if (dnsCode.test(code)) return 'dns'
  if (tlsCode.test(code)) return 'tls'
  const isLate = (error as { name?: unknown } | undefined)?.name === 'TimeoutError' || /TIMEOUT|ETIMEDOUT/.test(code)
  return isLate ? 'timeout' : 'network'
}
