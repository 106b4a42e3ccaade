import { contactsPath, statusOf } from '../../../core/wire.ts'
import { quote } from '../../setting-error.ts'
import { type Finding, wrong } from './finding.ts'
import type { Answer, Line } from './line.ts'

/** What is examined, and the one way to ask it. */
export interface Deployment {
  line: Line
  /** Folder of the proxy, with a slash at the end. */
  folder: URL
  /** The contacts route. */
  route: URL
  /** Of the pages. */
  pageOrigin: string
}

/** Headers by which the proxy tells who asks; see the table in `proxy/origin`. */
export type Who = Record<string, string>

export const deploymentAt = (line: Line, folder: URL, pageOrigin: string): Deployment => ({
  line,
  folder,
  route: new URL(contactsPath.slice(1), folder),
  pageOrigin,
})

/** Whether the pages have another origin than the proxy. */
export const isApart = ({ folder, pageOrigin }: Deployment): boolean => folder.origin !== pageOrigin

/** As a browser speaks for a page of this deployment. */
export const ownPage = (deployment: Deployment): Who => ({
  origin: deployment.pageOrigin,
  'sec-fetch-site': isApart(deployment) ? 'cross-site' : 'same-origin',
})

/** Posts what is never written: without a token in `who`, or with a body that is refused. */
export const post = ({ line, route }: Deployment, who: Who, body = '{'): Promise<Answer> =>
  line.ask(route, { method: 'POST', headers: { 'content-type': 'application/json', ...who }, body })

/** The `status` or `code` of an answer of the proxy; undefined for any other answer, as the page judges it. */
export const wordOf = ({ status, bytes }: Answer): string | undefined => {
  try {
    const { status: state, code } = JSON.parse(bytes.toString()) as Record<string, unknown>
    if (typeof code === 'string' && statusOf[code as keyof typeof statusOf] === status) return code
    if (status === 200 ? state === 'delivered' : status === 202 && state === 'accepted') return state as string
  } catch {}
  return undefined
}

/** An answer in words, without its body. */
export const describeAnswer = (answer: Answer): string => {
  const word = wordOf(answer)
  if (word !== undefined) return `answered ${answer.status} ${word}`
  const type = answer.headers.get('content-type')
  return `answered ${answer.status} ${type ? quote(type) : 'without a type'}, not by the proxy`
}

/** An answer other than the one expected. @param hint what helps unless the answer itself says what does */
export const unexpected = (about: string, what: string, answer: Answer, hint: string): Finding =>
  wrong(
    about,
    `${what}: ${describeAnswer(answer)}`,
    wordOf(answer) === 'rate_limited' ? 'wait a minute and run this again' : hint,
  )
