import type { Settings } from './settings.ts'

/** One setting of `proxy`, for help, README, and the line that tells what is in force. */
export interface Setting {
  name: string
  description: string
  valueHint: string
  /** What counts when it is not given. */
  otherwise?: string
  /** The setting that is in force in its place, where that one is given. */
  unless?: string
  /** How a given value appears in a log. Absent: never, for it is a secret. */
  shown?(value: string): string
}

const asGiven = (value: string): string => value

/** A connection string may hold a password, the query of a URL an access key. */
const originAlone = (value: string): string =>
  URL.canParse(value) ? `${new URL(value).protocol}//${new URL(value).host}` : '?'

const storeAlone = (value: string): string => (value.startsWith('sqlite:') ? value : originAlone(value))

/** Those of where updates wait; `queue` takes them too. */
export const isOfStore = ({ name }: Setting): boolean => /^ORQ_STORE(_|$)/.test(name)

/** Every setting of `proxy`, in the order in which help and README list them. Each is a flag too, see `flagOf`. */
export const proxySettings: readonly Setting[] = [
  {
    name: 'ORQ_API_KEY',
    description: 'API key of your Orq workspace; better in the environment than as a flag',
    valueHint: 'KEY',
  },
  {
    name: 'ORQ_TOKEN_SECRET',
    description: 'What your backend signs tokens with: secret, or kid:secret,kid:secret while one replaces another',
    valueHint: 'SECRET',
  },
  {
    name: 'ORQ_TOKEN_KEYS',
    description: 'In its place: a JWK set file of public Ed25519 and P-256 keys',
    valueHint: 'FILE',
    shown: asGiven,
  },
  {
    name: 'ORQ_JWKS_URL',
    description: 'In its place: the JWK set of your identity provider, whose own tokens are taken then',
    valueHint: 'URL',
    shown: originAlone,
  },
  {
    name: 'ORQ_TOKEN_ISSUER',
    description: 'What `iss` of a token must be; required with ORQ_JWKS_URL',
    valueHint: 'ISSUER',
    shown: asGiven,
  },
  {
    name: 'ORQ_TOKEN_AUDIENCE',
    description: 'What `aud` of a token must contain; ORQ_JWKS_URL requires it, or the next one in its place',
    valueHint: 'AUDIENCE',
    otherwise: 'orq-identify',
    unless: 'ORQ_TOKEN_AUTHORIZED_PARTIES',
    shown: asGiven,
  },
  {
    name: 'ORQ_TOKEN_AUTHORIZED_PARTIES',
    description: 'With ORQ_JWKS_URL: what `azp` of a token must be one of, separated by commas',
    valueHint: 'CLIENT,CLIENT',
    shown: asGiven,
  },
  {
    name: 'ORQ_TOKEN_SUBJECT_CLAIM',
    description: 'With ORQ_JWKS_URL: the claim that is the external id, one that users cannot edit',
    valueHint: 'CLAIM',
    otherwise: 'sub',
    shown: asGiven,
  },
  {
    name: 'ORQ_TOKEN_FIELDS',
    description: 'With ORQ_JWKS_URL: the only fields that pages may write, all when not given',
    valueHint: 'email,tags',
    shown: asGiven,
  },
  {
    name: 'ORQ_ALLOWED_ORIGINS',
    description: 'Other origins whose pages may write, separated by commas',
    valueHint: 'https://app.example',
    shown: asGiven,
  },
  {
    name: 'ORQ_STORE',
    description: 'Where updates wait: sqlite: and a file, or the URL of a PostgreSQL database',
    valueHint: 'sqlite:FILE|postgres:URL',
    otherwise: 'sqlite:orq.db',
    shown: storeAlone,
  },
  {
    name: 'ORQ_STORE_SCHEMA',
    description: 'With PostgreSQL: the schema of its tables',
    valueHint: 'NAME',
    otherwise: 'orq',
    shown: asGiven,
  },
  {
    name: 'ORQ_STORE_POOL',
    description: 'With PostgreSQL: connections of this process at most, 2 or more',
    valueHint: 'NUMBER',
    otherwise: '4',
    shown: asGiven,
  },
  {
    name: 'ORQ_STORE_TIMEOUT_MS',
    description: 'With PostgreSQL: the longest that connecting or a statement takes',
    valueHint: 'NUMBER',
    otherwise: '5000',
    shown: asGiven,
  },
  {
    name: 'ORQ_SERVER_URL',
    description: 'The contacts API',
    valueHint: 'URL',
    otherwise: 'https://api.orq.ai',
    shown: asGiven,
  },
  {
    name: 'ORQ_UPSTREAM_PATH',
    description: 'Its path',
    valueHint: 'PATH',
    otherwise: '/v2/contacts',
    shown: asGiven,
  },
  {
    name: 'ORQ_BASE_PATH',
    description: 'Folder of the proxy',
    valueHint: 'PATH',
    otherwise: '/orq',
    shown: asGiven,
  },
  { name: 'HOST', description: 'Address to listen on', valueHint: 'HOST', otherwise: '0.0.0.0', shown: asGiven },
  { name: 'PORT', description: 'Port to listen on', valueHint: 'PORT', otherwise: '8787', shown: asGiven },
  {
    name: 'ORQ_ADMIN_HOST',
    description: 'Address of /livez, /readyz and /metrics',
    valueHint: 'HOST',
    otherwise: '127.0.0.1',
    shown: asGiven,
  },
  {
    name: 'ORQ_ADMIN_PORT',
    description: 'Port of /livez, /readyz and /metrics',
    valueHint: 'PORT',
    otherwise: '8788',
    shown: asGiven,
  },
  {
    name: 'ORQ_SUBJECT_LIMIT',
    description: 'Requests per minute of one person; 0 limits nothing',
    valueHint: 'NUMBER',
    otherwise: '60',
    shown: asGiven,
  },
  {
    name: 'ORQ_ADDRESS_LIMIT',
    description: 'Requests per minute without a valid token, of one address; 0 limits nothing',
    valueHint: 'NUMBER',
    otherwise: '60',
    shown: asGiven,
  },
  {
    name: 'ORQ_UPSTREAM_CONCURRENCY',
    description: 'Calls to the contacts API at once',
    valueHint: 'NUMBER',
    otherwise: '64',
    shown: asGiven,
  },
  {
    name: 'ORQ_TRUSTED_PROXIES',
    description: 'How many proxies of yours in front append to X-Forwarded-For',
    valueHint: 'NUMBER',
    otherwise: '0',
    shown: asGiven,
  },
  {
    name: 'ORQ_LOG_LEVEL',
    description: 'What is logged: debug (each request), info, warn, error or silent',
    valueHint: 'LEVEL',
    otherwise: 'info',
    shown: asGiven,
  },
]

/** The settings in force by name, for a log: no secret is among them, and nothing that is not set. */
export const shownSettings = (settings: Settings): Record<string, string> => {
  const shown: Record<string, string> = {}
  for (const { name, otherwise, unless, shown: show } of proxySettings) {
    const value = settings.get(name)
    const isReplaced = unless !== undefined && settings.get(unless) !== undefined
    if (show && !isReplaced && (value ?? otherwise) !== undefined)
      shown[name] = value === undefined ? (otherwise as string) : show(value)
  }
  return shown
}
