import { systemClock } from '../../../core/ports.ts'
import { parseSafeUrl } from '../../../core/safe-url.ts'
import { type Deployment, deploymentAt } from './deployment.ts'
import { checkFiles } from './files.ts'
import { type Finding, wrong } from './finding.ts'
import { type Line, Unanswered } from './line.ts'
import { checkOrigins } from './origins.ts'
import { checkPolicy } from './policy.ts'
import type { Request } from './request.ts'
import { checkClock, checkRoute } from './route.ts'
import { checkToken, checkTokenRoute } from './token.ts'
import { writeContact } from './write.ts'

const checkScheme = ({ folder }: Deployment): Finding[] =>
  parseSafeUrl(folder)
    ? []
    : [wrong('https', 'tokens and contacts travel readable for everybody', 'serve pages and proxy on https')]

/** Each part of the examination; one that gets no answer is a finding, and the others go on. */
export async function* examine(line: Line, request: Request): AsyncGenerator<Finding[]> {
  const { folder, pageOrigin, tokenUrl, policy, token, cookie, mayWrite } = request
  const deployment = deploymentAt(line, folder, pageOrigin)
  /** Servers that cannot be asked: one line says all there is to say of one. */
  const silent = new Set<string>()
  const attempt = async (about: string, { origin }: URL, check: () => Promise<Finding[]>): Promise<Finding[]> => {
    if (silent.has(origin)) return []
    try {
      return await check()
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      if (error.of === 'server') silent.add(origin)
      return [wrong(about, `no answer: ${error.message}`, error.hint)]
    }
  }
  let isProxy = false
  let held = token
  yield checkScheme(deployment)
  yield await attempt('route', folder, async () => {
    const { findings, isProxy: found } = await checkRoute(deployment)
    isProxy = found
    return findings
  })
  if (isProxy) {
    yield await attempt('origin table', folder, () => checkOrigins(deployment))
    yield await attempt('clock', folder, async () => [checkClock(await line.ask(deployment.route), systemClock.now())])
  }
  yield await attempt('files', folder, () => checkFiles(deployment))
  if (tokenUrl)
    yield await attempt('token route', tokenUrl, async () => {
      const { findings, token: fetched } = await checkTokenRoute(deployment, tokenUrl, cookie)
      held ??= fetched
      return findings
    })
  let mayUse = false
  if (isProxy && held !== undefined) {
    const given = held
    const findings = await attempt('token', folder, () => checkToken(deployment, given, systemClock.now()))
    mayUse = findings.every(({ level }) => level === 'ok')
    yield findings
    if (mayWrite && mayUse) yield await attempt('write', folder, () => writeContact(deployment, given))
  }
  if (mayWrite && isProxy && !mayUse)
    yield [
      wrong(
        'write',
        'not tried, as no token was found good',
        'give one by --token, or --cookie of somebody who is signed in',
      ),
    ]
  if (policy !== undefined) yield await checkPolicy(policy, deployment, tokenUrl)
}
