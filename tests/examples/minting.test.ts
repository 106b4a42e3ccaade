import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { jwt } from '../../src/server.ts'
import { heavy, isAll } from '../is-all.ts'
import { findPython, findRuby } from './languages.mjs'

const folder = fileURLToPath(new URL('../../examples/minting', import.meta.url))
const secret = 'a secret of the tests, 32 bytes and more'
const temporary = mkdtempSync(join(tmpdir(), 'orq-minting-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

interface Language {
  name: string
  /** What is needed, for whoever sees it skipped. */
  needs: string
  /** Finds whether it is at hand. */
  probe: [command: string, ...args: string[]]
  mint: [command: string, ...args: string[]]
  env?: Record<string, string>
}

const python = findPython() ?? 'python3'
const ruby = findRuby() ?? 'ruby'

/** Debian's golang-jwt under the name that modules have for it, as nothing can be fetched by the tests. */
const goPath = (): string => {
  const library = '/usr/share/gocode/src/github.com/golang-jwt/jwt'
  const parent = join(temporary, 'src/github.com/golang-jwt/jwt')
  mkdirSync(parent, { recursive: true })
  if (existsSync(library)) symlinkSync(library, join(parent, 'v5'))
  return temporary
}

const languages: Language[] = [
  {
    name: 'Python',
    needs: 'python3 with PyJWT',
    probe: [python, '-c', 'import jwt'],
    mint: [python, 'mint.py'],
  },
  {
    name: 'Go',
    needs: 'go with golang-jwt',
    probe: ['go', 'list', 'github.com/golang-jwt/jwt/v5'],
    mint: ['go', 'run', 'mint.go'],
    env: { GO111MODULE: 'off', GOFLAGS: '', GOPATH: goPath(), GOCACHE: join(temporary, 'cache') },
  },
  { name: 'Ruby', needs: 'ruby with the gem jwt', probe: [ruby, '-rjwt', '-e', ''], mint: [ruby, 'mint.rb'] },
  {
    name: 'PHP',
    needs: 'php with firebase/php-jwt in examples/minting/vendor',
    probe: ['php', '-r', 'require "vendor/autoload.php"; class_exists("Firebase\\JWT\\JWT") or exit(1);'],
    mint: ['php', 'mint.php'],
  },
]

const optionsOf = ({ env }: Language) => ({ cwd: folder, env: { ...process.env, ORQ_TOKEN_SECRET: secret, ...env } })

// A compiler takes its time.
describe('a token minted by the example', heavy, () => {
  for (const language of languages) {
    const { name, needs, probe, mint } = language
    const [command, ...args] = probe
    const isAtHand = isAll && spawnSync(command, args, optionsOf(language)).status === 0
    test.skipIf(!isAtHand)(
      `in ${name} is taken for its subject alone (needs ${needs})`,
      async () => {
        const [program, ...words] = mint
        const token = execFileSync(program, [...words, 'user_Łódź'], { ...optionsOf(language), encoding: 'utf8' })
        const verify = jwt({ secret })
        const request = new Request('https://app.example/orq/v2/contacts')
        expect(await verify(token.trim(), request)).toMatchObject({ subject: 'user_Łódź' })
        expect(await jwt({ secret: 'x'.repeat(32) })(token.trim(), request)).toBeUndefined()
      },
      120_000,
    )
  }
})
