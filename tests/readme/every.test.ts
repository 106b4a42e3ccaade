import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { blocks, blocksOf, type SnippetName, snippet, snippets } from './snippets.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const names = Object.keys(snippets) as SnippetName[]

test('every snippet of the README is named once', () => {
  const named = names.map(snippet)
  expect(blocks.map(({ code }) => [named.filter((one) => one === code).length, code])).toEqual(
    blocks.map(({ code }) => [1, code]),
  )
  expect(named).toHaveLength(blocks.length)
})

test.each(names)('%s is run by the test that is said to run it', (name) => {
  expect(read(`tests/readme/${snippets[name].runBy}`)).toContain(`snippet('${name}')`)
})

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md']
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

test.each(pages)('%s names no script of npm that there is not', (page) => {
  const called = [...read(page).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(
    ([, run, short]) => run ?? short,
  )
  expect(called.filter((name) => !name || !(name in scripts))).toEqual([])
})

const commands = new Set(
  pages.flatMap((page) =>
    [...read(page).matchAll(/`(?:npx )?orq-identify ([a-z]+(?: [a-z]+)?)/g)].map(([, words]) => words),
  ),
)

test.each([...commands] as string[])('orq-identify %s, which a text names, is a command', (words) => {
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
  expect(spawnSync(process.execPath, [cli, ...words.split(' '), '--help']).status).toBe(0)
})

test('every line of the commands in CONTRIBUTING.md starts a script', () => {
  const found = blocksOf(read('CONTRIBUTING.md')).filter(({ language }) => language === 'sh')
  expect(found).toHaveLength(1)
  for (const line of found[0]?.code.trimEnd().split('\n') ?? []) expect(line).toMatch(/^npm (run [\w:]+|start|test) +#/)
})
