import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from './recorder.ts'

const openssl = (...words: string[]): string =>
  execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()

/** Why no certificates can be made here; undefined where they can. */
export const noCertificates: string | undefined = (() => {
  try {
    openssl('version')
    return undefined
  } catch {
    return 'no openssl at hand'
  }
})()

/** An authority of this test alone. */
export interface Authority {
  /** The file of its own certificate, for `NODE_EXTRA_CA_CERTS`. */
  path: string
  /** @param name the host; @param validity as `openssl ca` writes it, `YYYYMMDDHHMMSSZ` */
  issue(name: string, validity?: readonly [from: string, to: string]): Certificate
}

const forTenYears = ['20200101000000Z', '20491231000000Z'] as const

export const createAuthority = (whenOver: (task: () => void) => void): Authority => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-ca-'))
  whenOver(() => rmSync(folder, { recursive: true, force: true }))
  const at = (name: string): string => join(folder, name)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=authority')
  writeFileSync(at('index'), '')
  writeFileSync(
    at('ca.conf'),
    `[ca]\ndefault_ca=it\n[it]\ndatabase=${at('index')}\nnew_certs_dir=${folder}\nrand_serial=yes\ndefault_md=sha256
policy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n`,
  )
  let issued = 0
  return {
    path: at('ca.pem'),
    issue: (name, [from, to] = forTenYears) => {
      const [key, request, cert] = ['key', 'csr', 'pem'].map((end) => at(`${issued}.${end}`)) as [
        string,
        string,
        string,
      ]
      issued++
      const named = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
      openssl('req', '-new', ...newKey, '-keyout', key, '-out', request, ...named)
      const signed = ['-cert', at('ca.pem'), '-keyfile', at('ca.key'), '-startdate', from, '-enddate', to]
      openssl('ca', '-batch', '-notext', '-config', at('ca.conf'), ...signed, '-in', request, '-out', cert)
      return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
    },
  }
}
