import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSettings, parseTokenKeys, readHost, readPort, SettingError } from '../../src/node/config.ts'
import { keepSecret, openDataFolder } from '../../src/node/data-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const failure = (action: () => unknown): SettingError => {
  try {
    action()
  } catch (error) {
    if (error instanceof SettingError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('where a setting comes from', () => {
  const open = (flags: Record<string, unknown>, environment: Record<string, string>, file?: string) => {
    const path = join(folder, 'settings.env')
    if (file !== undefined) writeFileSync(path, file)
    return openSettings({ flags: file === undefined ? flags : { ...flags, 'env-file': path }, environment })
  }

  test('a flag wins over the environment, and the environment over the file', () => {
    const settings = open({ port: '1' }, { PORT: '2', HOST: 'b' }, 'PORT=3\nHOST=c\nORQ_DATA_DIR=d\n')
    expect([settings.get('PORT'), settings.get('HOST'), settings.get('ORQ_DATA_DIR')]).toEqual(['1', 'b', 'd'])
  })

  test('the flag of a setting has its name without ORQ_, in kebab case', () => {
    expect(open({ 'data-dir': 'x' }, {}).get('ORQ_DATA_DIR')).toBe('x')
  })

  test('an empty value in the environment or in the file counts as not given', () => {
    expect(open({}, { PORT: '' }, 'PORT=7\n').get('PORT')).toBe('7')
    expect(open({}, {}, 'PORT=\n').get('PORT')).toBeUndefined()
  })

  test('a flag without a value is a mistake that names the flag', () => {
    expect(failure(() => open({ port: '' }, {}).get('PORT')).message).toMatch(/^--port: has no value/)
  })

  test('an --env-file that cannot be read is named', () => {
    const error = failure(() => openSettings({ flags: { 'env-file': join(folder, 'none') }, environment: {} }))
    expect(error.setting).toBe('--env-file')
  })
})

describe('a wrong value', () => {
  const settings = (name: string, value: string) => openSettings({ flags: {}, environment: { [name]: value } })

  test.each(['abc', '-1', '65536', '80 ', '1e3', '0x10'])('%j is no port', (value) => {
    const error = failure(() => readPort(settings('PORT', value), 'PORT', 8787))
    expect(error.message).toMatch(/^PORT: .* is not a port; give a number from 0 to 65535/)
  })

  test('stays on one line, whatever it holds', () => {
    const error = failure(() => readPort(settings('PORT', 'a\nb\u001b[31m\u2028c'), 'PORT', 8787))
    expect(error.message).not.toMatch(/[\p{Cc}\p{Zl}]/u)
  })

  test('a host with a scheme, a path or a space is refused, an address of version 6 is not', () => {
    for (const value of ['http://a', 'a/b', 'a b'])
      failure(() => readHost(settings('HOST', value), 'HOST', '127.0.0.1'))
    expect(readHost(settings('HOST', '::1'), 'HOST', '127.0.0.1')).toBe('::1')
  })
})

describe('token secrets', () => {
  const a = 'a'.repeat(32)
  const b = 'b'.repeat(32)

  test('one alone has the kid "default"', () =>
    expect(parseTokenKeys(a)).toEqual({ signing: { keyId: 'default', secret: a }, secrets: { default: a } }))

  test('of several the first one signs, even when the kids are numbers', () => {
    const keys = parseTokenKeys(`2026:${a}, 2025:${b}`)
    expect(keys).toEqual({ signing: { keyId: '2026', secret: a }, secrets: { 2026: a, 2025: b } })
  })

  test('length counts bytes, not characters', () => expect(parseTokenKeys('é'.repeat(16))).toBeTruthy())

  test('a short one is named with a hint and without the secret', () => {
    const { message } = failure(() => parseTokenKeys('k1:hunter2'))
    expect(message).toMatch(/^ORQ_TOKEN_SECRET: .*shorter than 32 bytes; .*openssl rand -base64 32$/)
    expect(message).not.toContain('hunter2')
  })

  test.each([`:${a}`, `k1:${a},${b}`, `k1:${a}:${b}`, `k1:${a},k1:${b}`, `k 1:${a}`])('%s is refused', (value) => {
    expect(failure(() => parseTokenKeys(value)).message).not.toContain('aaaa')
  })
})

describe('the data folder', () => {
  test('is made for its owner only, with the folders above it', () => {
    const path = openDataFolder(join(folder, 'deep', '.orq'))
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  test('a file in its place is named', () => {
    const path = join(folder, 'file')
    writeFileSync(path, '')
    expect(failure(() => openDataFolder(path)).message).toMatch(/^ORQ_DATA_DIR: .* is a file, not a folder; /)
  })

  test('keeps a secret that only its owner reads, the same at every start', () => {
    const secret = keepSecret(folder, 'token-secret')
    expect(keepSecret(folder, 'token-secret')).toBe(secret)
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(statSync(join(folder, 'token-secret')).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['token-secret'])
  })
})
