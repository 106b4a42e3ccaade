import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

type Encoding = 'br' | 'gzip' | 'identity'

/** A file in memory, in every encoding that makes it smaller, each with an ETag of its own. */
export interface ServedFile {
  readonly type: string
  /** Names the content: the first 16 characters of its SHA-256 in base64url, as the script names its chunk. */
  readonly version: string
  readonly variants: ReadonlyMap<Encoding, { body: Uint8Array; etag: string }>
}

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
}

/** Reads and compresses a file, once. Rejects when it cannot be read. */
export const loadFile = async (path: string): Promise<ServedFile> => {
  const content = await readFile(path)
  const hash = createHash('sha256').update(content).digest('base64url')
  const brotli = {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  }
  const bodies: [Encoding, Buffer][] = [
    ['br', await promisify(brotliCompress)(content, brotli)],
    ['gzip', await promisify(gzip)(content, { level: 9 })],
    ['identity', content],
  ]
  const useful = bodies.filter(([name, body]) => name === 'identity' || body.length < content.length)
  return {
    type: types[extname(path)] ?? 'application/octet-stream',
    version: hash.slice(0, 16),
    // Strong ETags differ per encoding (RFC 9110, section 8.8.3.3).
    variants: new Map(
      useful.map(([name, body]) => [name, { body: new Uint8Array(body), etag: `"${hash.slice(0, 22)}-${name}"` }]),
    ),
  }
}

/** The weights of `Accept-Encoding` (RFC 9110, section 12.5.3); a coding with weight 0 is refused. */
const accepts = (header: string, encoding: string): boolean => {
  let any = false
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map((text) => text.trim())
    const wanted = !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    if (name === encoding) return wanted
    if (name === '*') any = wanted
  }
  return any
}

const matches = (header: string | null, etag: string): boolean =>
  !!header?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))

/** Answers GET and HEAD with the smallest encoding the peer takes, or 304 when it has that one already. */
export const respondWithFile = (file: ServedFile, request: Request, headers: Record<string, string>): Response => {
  const accepted = request.headers.get('Accept-Encoding') ?? ''
  const [encoding, variant] = [...file.variants].find(([name]) => name === 'identity' || accepts(accepted, name))!
  const answer = new Headers({ ...headers, ETag: variant.etag, Vary: 'Accept-Encoding' })
  if (matches(request.headers.get('If-None-Match'), variant.etag))
    return new Response(null, { status: 304, headers: answer })
  answer.set('Content-Type', file.type)
  answer.set('Content-Length', String(variant.body.length))
  if (encoding !== 'identity') answer.set('Content-Encoding', encoding)
  return new Response(request.method === 'HEAD' ? null : (variant.body as BodyInit), { headers: answer })
}
