import { createHash } from 'node:crypto'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { quote } from '../../setting-error.ts'
import { type Deployment, isApart, wordOf } from './deployment.ts'
import { type Finding, note, ok, wrong } from './finding.ts'
import { type Answer, Unanswered } from './line.ts'

const doors = ['orq.js', 'orq.esm.js', 'orq.full.js'] as const
const chunk = 'transport.js'

/** The content, and how it was packed; undefined where it is packed in a way that was not asked for. */
const unpack = ({ headers, bytes }: Answer): { content: Buffer; packing: string } | undefined => {
  const packing = headers.get('content-encoding') ?? 'none'
  try {
    if (packing === 'none') return { content: bytes, packing }
    if (packing === 'br') return { content: brotliDecompressSync(bytes), packing }
    if (packing === 'gzip') return { content: gunzipSync(bytes), packing }
  } catch {}
  return undefined
}

interface Fetched {
  name: string
  answer: Answer
}

const isAbsent = ({ answer }: Fetched): boolean => answer.status === 404 || wordOf(answer) === 'not_found'

const longestSeconds = 86_400

const checkCaching = (name: string, { headers }: Answer): Finding[] => {
  const caching = headers.get('cache-control') ?? ''
  const [, age] = /max-age=(\d+)/.exec(caching) ?? []
  if (/immutable/.test(caching) || Number(age) > longestSeconds)
    return [
      wrong(
        name,
        'browsers keep it for longer than a day, and so a former version',
        'send Cache-Control: public, max-age=300, and long times for an address with ?v= only',
      ),
    ]
  if (age && !/no-store/.test(caching)) return []
  return [note(name, 'each page load fetches it again', 'send Cache-Control: public, max-age=300 and an ETag')]
}

/** For pages of another origin, which load it with `integrity`. */
const checkSharing = (name: string, { headers }: Answer, pageOrigin: string): Finding[] => {
  const allowed = headers.get('access-control-allow-origin')
  if (allowed !== '*' && allowed !== pageOrigin)
    return [wrong(name, `${pageOrigin} may not read it`, 'send Access-Control-Allow-Origin: *')]
  if (/same-/.test(headers.get('cross-origin-resource-policy') ?? ''))
    return [wrong(name, 'other sites may not load it', 'send Cross-Origin-Resource-Policy: cross-origin')]
  return []
}

/** As `integrity` and a policy name it. */
export const hashOf = (content: Buffer, algorithm = 'sha384'): string =>
  `${algorithm}-${createHash(algorithm).update(content).digest('base64')}`

/** The content when it is a script that browsers take, and what could be better. */
const checkScript = ({ name, answer }: Fetched): { findings: Finding[]; content?: Buffer } => {
  const { status, headers, bytes } = answer
  const type = headers.get('content-type') ?? ''
  const hint = 'serve the files of this package’s dist folder as they are'
  if (status !== 200) return { findings: [wrong(name, `answered ${status}`, hint)] }
  if (!/^(text|application)\/javascript\b/.test(type))
    return {
      findings: [wrong(name, `is served as ${quote(type)}`, `browsers run it as text/javascript only: ${hint}`)],
    }
  const { content, packing } = unpack(answer) ?? {}
  if (!content) return { findings: [wrong(name, 'cannot be unpacked', `compress it once, with br or gzip`)] }
  if (packing !== 'none') return { findings: [ok(name, `${type}, ${bytes.length} bytes by ${packing}`)], content }
  const seen = `${bytes.length} bytes, not compressed`
  return { findings: [note(name, seen, 'compress it with br or gzip: less than half')], content }
}

/** The address of the chunk that the script loads, whose `v` is the hash of its content. */
const versionOf = (script: Buffer): string | undefined => /transport\.js\?v=([\w-]+)/.exec(script.toString())?.[1]

const checkBuild = (version: string | undefined, content: Buffer | undefined): Finding[] =>
  version === undefined || !content || createHash('sha256').update(content).digest('base64url').startsWith(version)
    ? []
    : [wrong(chunk, 'is of another build than orq.js', 'put the files of one version side by side')]

const readHashes = ({ status, bytes }: Answer): Record<string, unknown> | undefined => {
  if (status !== 200) return undefined
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** Whether the browser files are there, in types, sizes and versions that work. */
export const checkFiles = async (deployment: Deployment): Promise<Finding[]> => {
  const { line, folder, pageOrigin } = deployment
  const get = async (name: string, encoding = 'br, gzip'): Promise<Fetched> => {
    const answer = await line.ask(new URL(name, folder), { headers: { 'accept-encoding': encoding } })
    return { name: name.replace(/\?.*/, ''), answer }
  }
  const fetched = await Promise.all(doors.map((name) => get(name)))
  const there = fetched.filter((file) => !isAbsent(file))
  if (!there.length)
    return [
      note(
        'files',
        `there are none in ${folder.pathname}`,
        'that is fine where your bundler has the module; a script tag needs the dist folder of this package there',
      ),
    ]
  const hashes = readHashes((await get('sri.json', 'identity')).answer)
  const findings: Finding[] = []
  const judge = (file: Fetched): Buffer | undefined => {
    const { findings: found, content } = checkScript(file)
    findings.push(...found)
    const hash = hashes?.[file.name]
    if (content && typeof hash === 'string' && hash !== hashOf(content))
      findings.push(
        wrong(file.name, 'is not what sri.json says', 'serve it unchanged: a tag with integrity refuses it'),
      )
    return content
  }
  let version: string | undefined
  for (const file of there) {
    const content = judge(file)
    if (!content) continue
    findings.push(...checkCaching(file.name, file.answer))
    if (file.name === 'orq.js') version = versionOf(content)
    if (isApart(deployment) && file.name === 'orq.full.js')
      findings.push(...checkSharing(file.name, file.answer, pageOrigin))
  }
  if (there.every(({ name }) => name === 'orq.full.js')) return findings
  const named = version === undefined ? undefined : await get(`${chunk}?v=${version}`)
  // Our own server has no chunk of another build under that name, but its own.
  const content = judge(named && !isAbsent(named) ? named : await get(chunk))
  return [...findings, ...checkBuild(version, content)]
}

/** The one that imports nothing. */
export const fullFile = ({ folder }: Deployment): URL => new URL('orq.full.js', folder)

/** What a script tag loads: the file itself, and what that imports. */
export const filesOfTag = (deployment: Deployment): [URL, ...URL[]] => {
  const at = (name: string): URL => new URL(name, deployment.folder)
  return isApart(deployment) ? [fullFile(deployment)] : [at('orq.js'), at(chunk)]
}

/** The content of a file as browsers hash it; undefined where there is none. */
export const contentOf = async ({ line }: Deployment, url: URL): Promise<Buffer | undefined> => {
  const answer = await line.ask(url, { headers: { 'accept-encoding': 'br, gzip' } }).catch((error: unknown) => {
    if (error instanceof Unanswered) return undefined
    throw error
  })
  return answer?.status === 200 ? unpack(answer)?.content : undefined
}
