import { type Contact, isProblem, maxBodyBytes, parseContact } from '../core/contact.ts'
import type { Clock } from '../core/ports.ts'
import { Refusal } from './answer.ts'

const bodyTimeoutMs = 10_000

/** JSON in UTF-8 only. Refusing `text/plain` also forces a preflight on every cross-origin request. */
export const checkContentType = (headers: Headers): void => {
  const isJson = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(headers.get('content-type') ?? '')
  const encoding = headers.get('content-encoding')
  if (!isJson || (encoding && encoding.toLowerCase() !== 'identity')) throw new Refusal('unsupported_media_type')
  // A first look; the bytes are counted all the same.
  if (Number(headers.get('content-length')) > maxBodyBytes) throw new Refusal('too_large')
}

const readCounted = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> => {
  const bytes = new Uint8Array(maxBodyBytes)
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return bytes.subarray(0, length)
      if (length + value.byteLength > maxBodyBytes) throw new Refusal('too_large')
      bytes.set(value, length)
      length += value.byteLength
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** Of a body with a length HTTP lets no more through than it says, and adapters read it whole without a stream. */
const readWhole = async (request: Request): Promise<Uint8Array> => {
  const bytes = new Uint8Array(await request.arrayBuffer())
  if (bytes.length > maxBodyBytes) throw new Refusal('too_large')
  return bytes
}

/** Reads at most `maxBodyBytes` within 10 s: whoever sends a byte now and then holds no connection for long. */
const readBytes = (request: Request, clock: Clock): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    const isDeclared = Number.isInteger(Number(request.headers.get('content-length') ?? undefined))
    const reader = isDeclared ? undefined : request.body?.getReader()
    const cancelTimer = clock.after(bodyTimeoutMs, () => {
      reject(new Refusal('body_timeout'))
      reader?.cancel().catch(() => {})
    })
    const reading = reader ? readCounted(reader) : readWhole(request)
    reading
      .catch((error: unknown) => {
        throw error instanceof Refusal ? error : new Refusal('bad_request')
      })
      .then(resolve, reject)
      .finally(cancelTimer)
  })

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Depth first: `JSON.parse` takes 20 000 levels that `JSON.stringify` cannot give back. */
export const readContact = async (request: Request, clock: Clock): Promise<Contact> => {
  const bytes = await readBytes(request, clock)
  let text: string
  try {
    // Fatal: U+FFFD in place of bad bytes would let two different bodies be one. A BOM is not JSON (RFC 8259, section 8.1).
    text = utf8.decode(bytes)
  } catch {
    throw new Refusal('bad_utf8')
  }
  if (text.startsWith('\ufeff')) throw new Refusal('bad_utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Refusal('bad_json')
  }
  if (!value || typeof value !== 'object' || Array.isArray(value))
    throw new Refusal('invalid_field', { path: '', hint: 'the body: one JSON object' })
  const contact = parseContact(value)
  if (isProblem(contact)) throw new Refusal('invalid_field', contact)
  return contact
}
