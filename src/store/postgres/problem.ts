import { OrqError } from '../../core/errors.ts'

export const poolerHint = 'give the URL of PostgreSQL itself: each proxy has a pool of its own, see ORQ_STORE_POOL'

/** What a person can do, by PostgreSQL's code (https://www.postgresql.org/docs/current/errcodes-appendix.html) or Node's. */
const hints: readonly [code: RegExp, problem: string, hint: string][] = [
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'names a host that nobody knows', 'check the host in the URL'],
  [
    /^(28P01|28000)$/,
    'is refused by PostgreSQL: wrong user, password or address',
    'check user and password in the URL; where PostgreSQL asks for TLS, add sslmode=verify-full',
  ],
  [/^3D000$/, 'names a database that does not exist', 'create it, or name another one in the URL'],
  [/^42501$/, 'lacks a right in the database', 'GRANT CREATE ON DATABASE to this user, or make it owner of the schema'],
  [/^53300$/, 'finds no free connection', 'raise max_connections of PostgreSQL, or lower ORQ_STORE_POOL'],
  [/^25006$/, 'is a read-only replica', 'give the URL of the primary'],
  [/^57P03$/, 'reaches a PostgreSQL that is starting or stopping', 'start again when it takes connections'],
  [/^08P01$/, 'reaches something that is no PostgreSQL, or a pooler that refuses our settings', poolerHint],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'is not trusted: its certificate is one of another host',
    'name the host in the URL as the certificate does',
  ],
  [/^CERT_HAS_EXPIRED$/, 'is not trusted: its certificate has expired', 'renew it on the server'],
  [
    /CERT|SSL|TLS|SIGNATURE/,
    'is not trusted: its certificate was not accepted',
    'name the CA in the URL: sslrootcert=FILE',
  ],
  [/^E[A-Z]+$/, 'reaches no PostgreSQL', 'check host and port in the URL, and that PostgreSQL runs'],
]

/** pg's own errors have no code, and their text holds nothing of ours. */
const texts: readonly [text: RegExp, problem: string, hint: string][] = [
  [/password must be a string/, 'has no password, and PostgreSQL asks for one', 'add it to the URL'],
  [
    /does not support SSL/,
    'asks for TLS, which this PostgreSQL does not have',
    'turn TLS on there, or leave sslmode out',
  ],
  [
    /timeout|terminated|not queryable/i,
    'reaches no PostgreSQL in time',
    'check host and port in the URL, and that PostgreSQL runs',
  ],
]

/** @param problem what is wrong with the store, as a predicate: `is read-only` */
export const unusable = (problem: string, hint: string, cause?: unknown): OrqError =>
  new OrqError('STORE_UNUSABLE', `the store ${problem}; ${hint}`, { cause })

/** What was met at the start, as one line without anything of PostgreSQL's own text, which could hold values. */
export const startError = (error: unknown): unknown => {
  if (error instanceof OrqError) return error
  // Of several addresses of one host, each has its own failure.
  const first = error instanceof AggregateError ? error.errors[0] : error
  const { code, message, syscall } = (first ?? {}) as { code?: unknown; message?: unknown; syscall?: unknown }
  // Not that of a socket, which is missing where no PostgreSQL runs.
  if (/^(ENOENT|EACCES|EISDIR)$/.test(String(code)) && syscall !== 'connect')
    return unusable(
      `names a file that cannot be read (${code})`,
      'check sslrootcert, sslcert and sslkey in the URL',
      error,
    )
  const found =
    typeof code === 'string'
      ? hints.find(([form]) => form.test(code))
      : texts.find(([form]) => form.test(String(message)))
  if (found) return unusable(`${found[1]}${typeof code === 'string' ? ` (${code})` : ''}`, found[2], error)
  // 22 to 58: something that PostgreSQL says. Anything else is a failure of ours, with its stack.
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code))
    return unusable(`cannot be used (${code})`, 'see that code in the manual of PostgreSQL', error)
  return error
}
