import { type Site, serveSite } from '../site.ts'

export interface Upstream extends Site {
  /** Bodies received for one contact, in order. */
  received(externalId: string): Record<string, unknown>[]
  /** Statuses of the next answers for one contact; 200 when none is left. */
  script(externalId: string, statuses: number[]): void
}

export const apiKey = 'canary-api-key-of-the-upstream'

/** A contacts API that keeps what it receives, and fails as told. */
export const startUpstream = async (): Promise<Upstream> => {
  const bodies = new Map<string, Record<string, unknown>[]>()
  const statuses = new Map<string, number[]>()
  const site = await serveSite(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(String(Buffer.concat(chunks))) as Record<string, unknown>
    const [, patched] = /^\/v2\/contacts\/(.+)$/.exec(request.url ?? '') ?? []
    const id = patched ? decodeURIComponent(patched) : String(body.external_id)
    const status = statuses.get(id)?.shift() ?? 200
    if (status === 200) bodies.set(id, [...(bodies.get(id) ?? []), body])
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ _id: 'contact_01H8XGJWBWBAQ4N1N0V3S5T6Y7', external_id: id }))
  })
  return {
    ...site,
    received: (id) => bodies.get(id) ?? [],
    script: (id, next) => void statuses.set(id, [...next]),
  }
}
