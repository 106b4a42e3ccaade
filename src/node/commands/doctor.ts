import { systemClock } from '../../core/ports.ts'
import { parseSafeUrl } from '../../core/safe-url.ts'
import { printable } from '../printable.ts'
import { quote, SettingError } from '../setting-error.ts'
import { openSettings } from '../settings.ts'
import { type Command, CommandError, createCommand, envFileFlag, settingFlag } from './command.ts'
import { type Deployment, deploymentAt } from './doctor/deployment.ts'
import { checkFiles } from './doctor/files.ts'
import { type Finding, wrong } from './doctor/finding.ts'
import { openLine, Unanswered } from './doctor/line.ts'
import { checkOrigins } from './doctor/origins.ts'
import { checkPolicy } from './doctor/policy.ts'
import { checkClock, checkRoute } from './doctor/route.ts'
import { checkToken, checkTokenRoute, writeContact } from './doctor/token.ts'

const readUrl = (value: string, name: string, base?: URL): URL => {
  const url = URL.parse(value, base?.href)
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url
  throw new SettingError(name, `${quote(value)} is no URL`, 'give one such as https://app.example/orq')
}

/** A site alone means the default folder in it. */
const readFolder = (value: string): URL => {
  const url = readUrl(value, 'URL')
  const path = url.pathname === '/' && !value.endsWith('/') ? '/orq' : url.pathname
  return new URL(`${path.replace(/\/+$/, '')}/`, url.origin)
}

const readOrigin = (value: string): string => {
  if (URL.canParse(value) && new URL(value).origin === value) return value
  throw new SettingError(
    '--origin',
    `${quote(value)} is no origin`,
    'give scheme and host, such as https://app.example',
  )
}

/** What was asked for, as the person gave it. */
interface Request {
  deployment: Deployment
  tokenUrl: URL | undefined
  policy: string | undefined
  token: string | undefined
  cookie: string | undefined
  mayWrite: boolean
}

const checkScheme = ({ folder }: Deployment): Finding[] =>
  parseSafeUrl(folder)
    ? []
    : [wrong('https', 'tokens and contacts travel readable for everybody', 'serve pages and proxy on https')]

/** Each part of the examination; one that gets no answer is a finding, and the others go on. */
async function* examine({ deployment, tokenUrl, policy, token, cookie, mayWrite }: Request): AsyncGenerator<Finding[]> {
  const attempt = async (about: string, check: () => Promise<Finding[]>): Promise<Finding[]> => {
    try {
      return await check()
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      return [wrong(about, `no answer: ${error.message}`, 'check the address, its certificate and that it runs')]
    }
  }
  let isProxy = false
  let held = token
  yield checkScheme(deployment)
  yield await attempt('route', async () => {
    const { findings, isProxy: found } = await checkRoute(deployment)
    isProxy = found
    return findings
  })
  if (isProxy) {
    yield await attempt('origin table', () => checkOrigins(deployment))
    yield await attempt('clock', async () => [
      checkClock(await deployment.line.ask(deployment.route), systemClock.now()),
    ])
  }
  yield await attempt('files', () => checkFiles(deployment))
  if (tokenUrl)
    yield await attempt('token route', async () => {
      const { findings, token: fetched } = await checkTokenRoute(deployment, tokenUrl, cookie)
      held ??= fetched
      return findings
    })
  if (isProxy && held !== undefined) {
    const given = held
    yield await attempt('token', () => checkToken(deployment, given, systemClock.now()))
    if (mayWrite) yield await attempt('write', () => writeContact(deployment, given))
  }
  if (policy !== undefined) yield checkPolicy(policy, deployment, tokenUrl)
}

/** Examines a deployment from outside, as the browser of somebody who uses it would meet it. */
export const doctorCommand: Command = createCommand({
  name: 'doctor',
  description: 'Checks a deployment from outside; writes nothing unless --write is given',
  args: {
    url: { type: 'positional', description: 'Folder of the proxy, such as https://app.example/orq', required: true },
    'token-url': {
      type: 'string',
      description: 'Route that gives pages their token, such as /token',
      valueHint: 'URL',
    },
    origin: {
      type: 'string',
      description: 'Origin of the pages, where it is not that of the proxy',
      valueHint: 'https://app.example',
    },
    csp: { type: 'string', description: 'Content-Security-Policy of the pages', valueHint: 'POLICY' },
    ...settingFlag('ORQ_TOKEN', 'A token to try; without --write nothing is written with it', 'TOKEN'),
    ...settingFlag('ORQ_COOKIE', 'Cookie of a signed-in person, for the token route', 'NAME=VALUE'),
    write: { type: 'boolean', description: 'Writes the contact of the token too, by its id alone' },
    ...envFileFlag,
  },
  run: async (flags, { environment, print }) => {
    const text = (name: string): string | undefined => {
      const value = flags[name]
      if (value === '') throw new SettingError(`--${name}`, 'has no value', 'give one, or leave the flag out')
      return typeof value === 'string' ? value : undefined
    }
    const settings = openSettings({ flags, environment })
    const folder = readFolder(String(flags['url']))
    const origin = text('origin')
    const pageOrigin = origin === undefined ? folder.origin : readOrigin(origin)
    const tokenUrl = text('token-url')
    const token = settings.get('ORQ_TOKEN')
    const mayWrite = flags['write'] === true
    if (mayWrite && token === undefined && tokenUrl === undefined)
      throw new SettingError(
        '--write',
        'needs a token',
        'give one by --token, or the route that gives one by --token-url',
      )
    const line = openLine()
    const count = { ok: 0, note: 0, wrong: 0 }
    try {
      const request: Request = {
        deployment: deploymentAt(line, folder, pageOrigin),
        tokenUrl: tokenUrl === undefined ? undefined : readUrl(tokenUrl, '--token-url', new URL(pageOrigin)),
        policy: text('csp'),
        token,
        cookie: settings.get('ORQ_COOKIE'),
        mayWrite,
      }
      for await (const findings of examine(request))
        for (const { level, about, text: said } of findings) {
          count[level]++
          print(printable(`${level.padEnd(5)}  ${about}: ${said}`))
        }
    } finally {
      await line.close()
    }
    if (count.wrong) throw new CommandError(`${count.wrong} wrong, ${count.note} to note, ${count.ok} good`)
    print(`All is well: ${count.ok} good, ${count.note} to note.`)
  },
})
