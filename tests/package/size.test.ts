import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const built = (file: string): Buffer => readFileSync(new URL(`dist/${file}`, root))

describe('what a page loads', () => {
  // kB are 1000 bytes; brotli as zlib makes it by default, quality 11.
  test.each([
    ['orq.esm.js', 8_500],
    ['orq.js', 8_900],
    ['transport.js', 14_500],
    ['orq.full.js', 20_900],
  ])('%s weighs at most %i bytes of brotli', (file, most) => {
    expect(brotliCompressSync(built(file)).length).toBeLessThanOrEqual(most)
  })

  test('the README names the weight of each', () => {
    const readme = readFileSync(new URL('README.md', root), 'utf8')
    const spaced = (bytes: number): string =>
      String(bytes)
        .replace(/(?=(...)+$)/g, ' ')
        .trim()
    const rows = [...readme.matchAll(/^\| (`[\w.]+\.js`) \| ([\d ]+) \| ([\d ]+) \|/gm)].map((row) => row.slice(1))
    expect(rows).toEqual(
      ['orq.js', 'orq.esm.js', 'transport.js', 'orq.full.js'].map((file) => {
        const content = built(file)
        return [`\`${file}\``, spaced(brotliCompressSync(content).length), spaced(content.length)]
      }),
    )
  })

  test('the stub weighs at most 300 bytes', () => {
    const html = readFileSync(new URL('examples/script-tag/index.html', root), 'utf8')
    const [, stub = ''] = /<script>\s*(\S.*?)\s*<\/script>/s.exec(html) ?? []
    expect(stub).toContain('identify')
    expect(Buffer.byteLength(`<script>${stub}</script>`)).toBeLessThanOrEqual(300)
  })

  test.each(['orq.esm.js', 'orq.js'])('%s leaves ky to the chunk', (file) => {
    expect(built(file).toString()).toContain('transport.js')
    expect(built(file).toString()).not.toMatch(/throwHttpErrors|totalTimeout/)
  })

  test('orq.full.js imports nothing', () => {
    expect(built('orq.full.js').toString()).not.toMatch(/\bimport\s*\(|transport\.js\?v=/)
  })

  test('sri.json has the hash of each file', () => {
    const sri = JSON.parse(built('sri.json').toString())
    expect(Object.keys(sri).sort()).toEqual(['orq.esm.js', 'orq.full.js', 'orq.js', 'transport.js'])
    for (const [file, value] of Object.entries(sri))
      expect(value).toBe(`sha384-${createHash('sha384').update(built(file)).digest('base64')}`)
  })
})
