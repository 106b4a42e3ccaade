import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../examples')
const names = readdirSync(root).filter((name) => existsSync(join(root, name, 'package.json')))

/** The packages that an example's files import. */
const importedBy = (name: string): string[] => {
  const files = readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(m?jsx?|vue|svelte)$/.test(file) && !/node_modules|\.next|dist/.test(file),
  )
  const found = files.flatMap((file) => {
    const source = readFileSync(join(root, name, file), 'utf8')
    return [...source.matchAll(/(?:\bfrom\s+|^import\s+|\bresolve\()'([^'.][^']*)'/gm)].map(
      ([, from]) => from as string,
    )
  })
  const packages = found.filter((from) => !from.startsWith('node:'))
  return [...new Set(packages.map((from) => /^(@[^/]+\/)?[^/]+/.exec(from)?.[0] ?? from))]
}

// The tests install what all of them name in one folder, where one that forgets something would find it.
test.each(names)('the example %s names every package that it imports', (name) => {
  const { dependencies } = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8'))
  const imported = importedBy(name)
  expect(imported).toContain('orq-identify')
  expect(imported.filter((one) => !(one in dependencies))).toEqual([])
})

test('every example is in the list of them', () => {
  const list = readFileSync(join(root, 'README.md'), 'utf8')
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map(({ name }) => name).filter((name) => !list.includes(`(${name}`))).toEqual([])
})
