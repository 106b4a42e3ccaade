/** Why a body was not taken: its HTTP status and a code for programs. */
export type BodyProblem = { status: 400; code: 'bad_utf8' | 'bad_json' } | { status: 413; code: 'too_large' }

export type Body = { value: unknown } | BodyProblem

/** Counted while reading: `Content-Length` is only a claim, and absent from a chunked body. */
const readBytes = async (request: Request, maxBytes: number): Promise<Uint8Array | undefined> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Reads at most `maxBytes` of strict UTF-8 JSON. */
export const readJsonBody = async (request: Request, maxBytes: number): Promise<Body> => {
  const bytes = await readBytes(request, maxBytes)
  if (!bytes) return { status: 413, code: 'too_large' }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { status: 400, code: 'bad_utf8' }
  }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { status: 400, code: 'bad_json' }
  }
}
