import type { Contact, FieldName } from '../core/contact.ts'
import { nameError, OrqError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/ports.ts'
import { contactsPath, statusOf } from '../core/wire.ts'
import { memory } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { createUpstreamRequest, type UpstreamOptions } from '../upstream/request.ts'
import { upsert } from '../upstream/upsert.ts'
import { acceptedAnswer, Refusal, refusalAnswer } from './answer.ts'
import { callMs } from './attempt.ts'
import { checkContentType, readContact } from './body.ts'
import { createDispatcher } from './dispatcher.ts'
import { type EventListener, type ProxyEvent, shieldListener } from './events.ts'
import { pathOf, type RequestInfo, readInfo, readToken, readUpdateId } from './incoming.ts'
import { createLimiter, type Limiter, networkOf } from './limits.ts'
import { createOriginCheck, type OriginCheck, preflightAnswer } from './origin.ts'
import type { Scope, Verify } from './verify.ts'

/** What a proxy stands on. Only `verify` and `upstream` have to be there. */
export interface ProxyOptions {
  /** Who may write what: `jwt(…)`, `jwks(…)`, or a function of your own. */
  verify: Verify
  /** The contacts API and its key. */
  upstream: UpstreamOptions
  /** Where accepted updates are kept until they are delivered. @defaultValue memory(), which answers no 202 */
  store?: Store | undefined
  /** Origins other than the proxy's own whose pages may write, like `https://app.example`. @defaultValue [] */
  allowedOrigins?: readonly string[] | undefined
  /** The folder of the proxy's URLs. @defaultValue '/orq' */
  basePath?: string | undefined
  /**
   * Requests per minute of one subject with a valid token, per instance; more are answered 429. 0: no limit.
   * @defaultValue 60
   */
  subjectLimit?: number | undefined
  /**
   * Requests per minute without a valid token from one address (IPv6: from one /64), per instance. Valid ones never
   * count: a thousand people may share an address. 0: no limit. @defaultValue 60
   */
  addressLimit?: number | undefined
  /** Calls to the contacts API at the same time. @defaultValue 64 */
  concurrency?: number | undefined
  /** Hears what happens, for logs and metrics. @defaultValue nobody */
  onEvent?: EventListener | undefined
  /** Tells time to limits, back-offs and pauses; tokens go by the clock of `verify`. @defaultValue the system's */
  clock?: Clock | undefined
}

/** The proxy, for any server that speaks `Request` and `Response`. */
export interface Proxy {
  /**
   * Answers `POST {basePath}/v2/contacts`, its preflight, and 404 to the rest. Never rejects. `export default { fetch }` is
   * enough where a runtime calls that: what it hands in besides is ignored, so that requests without a token go uncounted.
   * Waits for upstream 2 s at most where the store is durable, else 8 s. What is not 200 or 202 has a `RefusalCode`.
   */
  fetch(request: Request, info?: RequestInfo): Promise<Response>
  /**
   * Starts no more calls, lets those on the wire end for `graceMs`, by default 0, and closes the store. What a durable store
   * has is delivered by the next process at once.
   */
  close(graceMs?: number): Promise<void>
}

type Answered = Extract<ProxyEvent, { type: 'answered' }>

const checkFields = ({ external_id, ...fields }: Contact, scope: Scope): void => {
  // Exact code units, no normalisation: two spellings of one name are two people.
  if (external_id !== scope.subject) throw new Refusal('scope_mismatch')
  const path = (Object.keys(fields) as FieldName[]).find((field) => scope.fields && !scope.fields.includes(field))
  if (path) throw new Refusal('field_forbidden', { path })
}

const checkCount = (name: string, value: number, least: number): void => {
  if (!Number.isInteger(value) || value < least)
    throw new OrqError('INVALID_OPTION', `${name}: a whole number, at least ${least}`)
}

/**
 * The token-scoped proxy as a function from Request to Response: web standards only. Checks go cheapest first, and
 * nothing has an effect before all of them have passed.
 * @throws OrqError `INVALID_OPTION`
 */
export const createProxy = (options: ProxyOptions): Proxy => {
  const { verify, upstream, clock = systemClock, allowedOrigins = [], basePath = '/orq' } = options
  const { subjectLimit = 60, addressLimit = 60, concurrency } = options
  const store = options.store ?? memory({ clock })
  const onEvent = options.onEvent && shieldListener(options.onEvent)
  const badOrigin = allowedOrigins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)
  if (badOrigin !== undefined)
    throw new OrqError(
      'INVALID_OPTION',
      `allowedOrigins: ${JSON.stringify(badOrigin)} is no origin like https://app.example`,
    )
  checkCount('subjectLimit', subjectLimit, 0)
  checkCount('addressLimit', addressLimit, 0)
  checkCount('concurrency', concurrency ?? 64, 1)
  if (store.isDurable && (upstream.timeoutMs ?? callMs) > callMs)
    throw new OrqError(
      'INVALID_OPTION',
      `upstream.timeoutMs: at most ${callMs}, so that a lease of the store outlives a call`,
    )
  const subjects = createLimiter({ perMinute: subjectLimit, clock })
  const addresses = createLimiter({ perMinute: addressLimit, clock })
  const checkOrigin = createOriginCheck(allowedOrigins)
  const route = `/${basePath}${contactsPath}`.replace(/\/+/g, '/')
  const request = createUpstreamRequest(upstream)
  const dispatcher = createDispatcher({
    store,
    clock,
    concurrency,
    onEvent,
    upsert: (contact, signal, goesOn) => upsert(request, contact, { path: upstream.path, signal, goesOn }),
  })

  const limit = (limiter: Limiter, key: string, by: 'subject' | 'address'): void => {
    const waitMs = limiter.take(key)
    if (waitMs === undefined) return
    onEvent?.({ type: 'limited', by })
    throw new Refusal('rate_limited', {}, { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) })
  }

  const authenticate = async (incoming: Request): Promise<Scope> => {
    const scope = await verify(readToken(incoming.headers), incoming)
    if (!scope) throw new Refusal('token_invalid')
    if (scope === 'expired') throw new Refusal('token_expired')
    return scope
  }

  const answer = async (
    incoming: Request,
    origin: OriginCheck,
    { address, waitUntil, event }: RequestInfo & { event: Answered | undefined },
  ): Promise<Response> => {
    const { headers, method } = incoming
    if (pathOf(incoming.url) !== route) throw new Refusal('not_found')
    if (method === 'OPTIONS') return preflightAnswer(origin)
    if (method !== 'POST') throw new Refusal('method_not_allowed', {}, { allow: 'POST, OPTIONS' })
    if (!origin.isAllowed) throw new Refusal('origin_forbidden')
    checkContentType(headers)
    const scope = await authenticate(incoming).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
      if (statusOf[error.code] !== 401) {
        onEvent?.({ type: 'unverifiable' })
        throw error
      }
      onEvent?.({ type: 'refused', code: error.code })
      // Where nobody tells the address, there is nobody to count for.
      if (address !== undefined) limit(addresses, networkOf(address), 'address')
      throw error
    })
    if (scope.origin !== undefined && scope.origin !== headers.get('origin')) throw new Refusal('origin_forbidden')
    if (event) event.externalId = scope.subject
    limit(subjects, scope.subject, 'subject')
    const id = readUpdateId(headers)
    const contact = await readContact(incoming, clock)
    checkFields(contact, scope)
    const { external_id, ...fields } = contact
    const issuedAt = scope.issuedAt === undefined ? undefined : scope.issuedAt * 1000
    const delivery = await dispatcher
      .deliver({ externalId: external_id, fields, id, issuedAt }, waitUntil)
      .catch(() => {
        throw new Refusal('store_unavailable')
      })
    switch (delivery.kind) {
      case 'delivered':
        return acceptedAnswer(
          { external_id, status: 'delivered', _id: delivery.id, updated: delivery.updated },
          origin.cors,
        )
      case 'accepted':
        return acceptedAnswer({ external_id, status: 'accepted' }, origin.cors)
      case 'superseded':
        throw new Refusal('superseded', { number: delivery.number })
      case 'revoked':
        throw new Refusal('token_revoked')
      case 'refused':
        throw new Refusal('invalid_field', { path: delivery.field, hint: 'refused by the contacts API' })
      case 'unavailable': {
        // At least a second: a page that asks again at once does not help upstream.
        const seconds = Math.max(1, Math.ceil((delivery.retryAfterMs ?? 0) / 1_000))
        throw new Refusal('upstream_unavailable', {}, { 'retry-after': String(seconds) })
      }
    }
  }

  return {
    fetch: async (incoming, given) => {
      const info = readInfo(given)
      const start = onEvent ? clock.monotonic() : 0
      // The one thing that is made per request to be told, and only where somebody listens.
      const event: Answered | undefined = onEvent && {
        type: 'answered',
        status: 0,
        code: 'internal',
        ms: 0,
        externalId: undefined,
      }
      const origin = checkOrigin(incoming.headers)
      let response: Response
      try {
        response = await answer(incoming, origin, { ...info, event })
        if (event) event.code = response.status === 200 ? 'delivered' : 'accepted'
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal('internal')
        if (refusal !== error) onEvent?.({ type: 'failed', where: nameError(error) })
        response = refusalAnswer(refusal, origin.cors)
        if (event) event.code = refusal.code
      }
      if (event && response.status !== 204) {
        event.status = response.status
        event.ms = clock.monotonic() - start
        onEvent?.(event)
      }
      return response
    },
    close: dispatcher.close,
  }
}
