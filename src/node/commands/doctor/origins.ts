import { type Deployment, describeAnswer, isApart, ownPage, post, unexpected, type Who, wordOf } from './deployment.ts'
import { type Finding, ok, orOk, wrong } from './finding.ts'
import type { Answer } from './line.ts'

/** A site that nobody has listed: the name cannot exist (RFC 6761, section 6.4). */
const stranger = 'https://doctor.invalid'

const foreignPage = { origin: stranger, 'sec-fetch-site': 'cross-site' }

interface Row {
  name: string
  who: Who
  isAllowed: boolean
}

const rows: readonly Row[] = [
  { name: 'a page of another site', who: foreignPage, isAllowed: false },
  { name: 'another origin without Sec-Fetch-Site', who: { origin: stranger }, isAllowed: false },
  { name: 'the origin null', who: { origin: 'null', 'sec-fetch-site': 'cross-site' }, isAllowed: false },
  { name: 'another site without Origin', who: { 'sec-fetch-site': 'cross-site' }, isAllowed: false },
  { name: 'no browser', who: {}, isAllowed: true },
  { name: 'a page that says same-origin', who: { origin: stranger, 'sec-fetch-site': 'same-origin' }, isAllowed: true },
]

const passHeaders = 'let Origin and Sec-Fetch-Site reach the proxy as they are'

const checkRow = ({ name, isAllowed }: Row, answer: Answer): Finding[] => {
  const expected = isAllowed ? 'token_missing' : 'origin_forbidden'
  if (wordOf(answer) === expected) return []
  return [unexpected('origin table', `${name} should be ${isAllowed ? 'let in' : 'refused'}`, answer, passHeaders)]
}

/** CORS headers on an answer to a stranger: his page could read it. */
const isOpenTo = ({ headers }: Answer): boolean => headers.has('access-control-allow-origin')

const leaveCors = 'leave CORS headers to the proxy: nothing in front may add or answer them'

const preflight = ({ line, route }: Deployment, who: Who): Promise<Answer> =>
  line.ask(route, {
    method: 'OPTIONS',
    headers: {
      ...who,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,orq-update-id',
    },
  })

const checkStranger = async (deployment: Deployment): Promise<Finding[]> => {
  const answer = await preflight(deployment, foreignPage)
  if (wordOf(answer) === 'origin_forbidden' && !isOpenTo(answer)) return [ok('preflight', 'strangers are refused')]
  return [wrong('preflight', `of a stranger: ${describeAnswer(answer)}`, leaveCors)]
}

const lists = ({ headers }: Answer, name: string, wanted: string): boolean =>
  (headers.get(name) ?? '')
    .toLowerCase()
    .split(',')
    .some((text) => [wanted, '*'].includes(text.trim()))

/** What pages of another origin than the proxy's need. */
const checkListed = async (deployment: Deployment): Promise<Finding[]> => {
  const { pageOrigin } = deployment
  const answer = await preflight(deployment, ownPage(deployment))
  const addOrigin = `add ${pageOrigin} to ORQ_ALLOWED_ORIGINS (allowedOrigins of createProxy)`
  if (wordOf(answer) === 'origin_forbidden') return [unexpected('preflight', `of ${pageOrigin}`, answer, addOrigin)]
  const allowed = answer.headers.get('access-control-allow-origin')
  const missing = ['authorization', 'content-type', 'orq-update-id'].filter(
    (name) => !lists(answer, 'access-control-allow-headers', name),
  )
  if (answer.status !== 204 || allowed !== pageOrigin || missing.length)
    return [
      wrong(
        'preflight',
        `of ${pageOrigin}: answered ${answer.status}, ${missing.length ? `without ${missing.join(', ')}` : `for ${allowed ? 'another origin' : 'no origin'}`}`,
        leaveCors,
      ),
    ]
  const read = await post(deployment, ownPage(deployment))
  const troubles: Finding[] = []
  if (read.headers.get('access-control-allow-origin') !== pageOrigin)
    troubles.push(wrong('cors', `${pageOrigin} may not read an answer`, leaveCors))
  if (!lists(read, 'access-control-expose-headers', 'retry-after'))
    troubles.push(
      wrong(
        'cors',
        'Retry-After is not exposed, so pages ask again too early',
        `let Access-Control-Expose-Headers through`,
      ),
    )
  return [ok('preflight', `${pageOrigin} may write`), ...orOk(troubles, 'cors', 'answers and Retry-After can be read')]
}

/** Row by row, which pages may write; nothing is written, as no token is sent. */
export const checkOrigins = async (deployment: Deployment): Promise<Finding[]> => {
  const troubles: Finding[] = []
  for (const row of rows) {
    const answer = await post(deployment, row.who)
    troubles.push(...checkRow(row, answer))
    if (row.who === foreignPage && isOpenTo(answer))
      troubles.push(wrong('cors', 'a stranger’s page may read answers', leaveCors))
  }
  return [
    ...orOk(troubles, 'origin table', 'only pages of this site, listed origins and servers are let in'),
    ...(await checkStranger(deployment)),
    ...(isApart(deployment) ? await checkListed(deployment) : []),
  ]
}
