import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']
const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found]) => found as string)

/** What stands in single back-ticks, by its words: commands have paths among them. */
const quotedWords = (text: string): string[] =>
  matches(text.replace(/^```[\s\S]*?^```/gm, ''), /`([^`]+)`/g).flatMap((quoted) => quoted.split(' '))

const isOfRepository = (word: string): boolean =>
  /^(src|tests|examples|dist|\.github|\.ci)(\/[\w.-]+)*\/?$/.test(word) || /^[\w-]+\.(md|json|ts|mjs)$/.test(word)

/** A part of the source without its `src/` and its ending, as CONTRIBUTING tells of them. */
const isOfSource = (word: string): boolean => /^(core|client|upstream|proxy|store|node|dev)\/[\w/-]*$/.test(word)

const isThere = (path: string): boolean => existsSync(join(root, path))

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

describe.each(documents)('%s', (document) => {
  const text = read(document)

  test('names scripts that package.json has', () => {
    const named = matches(text, /\bnpm (?:run )?(start|test(?::\w+)?|(?<=run )[\w:-]+)/g)
    expect(named.filter((name) => !scripts[name])).toEqual([])
  })

  test('names files and folders that are there', () => {
    const words = quotedWords(text)
    const missing = [
      ...words.filter((word) => isOfRepository(word) && !isThere(word) && !isThere(`dist/${word}`)),
      ...words.filter((word) => isOfSource(word) && !isThere(`src/${word}`) && !isThere(`src/${word}.ts`)),
    ]
    expect(missing).toEqual([])
  })

  test('links to what is there', () => {
    const targets = matches(text, /\]\(([^)\s]+)\)/g).filter((target) => !/^https?:/.test(target))
    const anchors = matches(text, /^#+ (.+)$/gm).map((heading) => `#${anchorOf(heading)}`)
    const isLinked = (target: string): boolean => (target.startsWith('#') ? anchors.includes(target) : isThere(target))
    expect(targets.filter((target) => !isLinked(target))).toEqual([])
  })
})

test('what the documents name is found at all', () => {
  const text = documents.map(read).join('\n')
  expect(matches(text, /\bnpm run ([\w:-]+)/g).length).toBeGreaterThan(8)
  expect(quotedWords(text).filter(isOfRepository).length).toBeGreaterThan(12)
  expect(quotedWords(text).filter(isOfSource).length).toBeGreaterThan(7)
})
