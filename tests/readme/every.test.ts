import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
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

describe.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md'])('%s', (file) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const text = read(file)

  test('names no script of npm that there is not', () => {
    const called = [...text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)].map(([, run, short]) => run ?? short)
    expect(called.filter((name) => !name || !(name in scripts))).toEqual([])
    if (file === 'CONTRIBUTING.md') expect(called.length).toBeGreaterThan(5)
  })

  test('names no file of the tests that there is not', () => {
    for (const [path] of text.matchAll(/\btests\/[\w/-]+\.test\.ts\b/g)) expect(read(path)).not.toBe('')
  })
})

test('every line of the commands in CONTRIBUTING.md starts a script', () => {
  const commands = blocksOf(read('CONTRIBUTING.md')).filter(({ language }) => language === 'sh')
  expect(commands).toHaveLength(1)
  for (const line of commands[0]?.code.trimEnd().split('\n') ?? [])
    expect(line).toMatch(/^npm (run [\w:]+|start|test) +#/)
})
