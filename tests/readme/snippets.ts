import { readFileSync } from 'node:fs'

/** A fenced block with a language, or a transcript with a prompt. */
export interface Block {
  language: string
  code: string
}

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

export const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^ *```([^\n`]*)\n([\s\S]*?)^ *```$/gm)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))

/** What is not to be run is a drawing. */
export const blocks: Block[] = blocksOf(readme).filter(({ language, code }) => language || /^\$ /m.test(code))

/** What no other block has in it, and the test that runs the block. */
export const snippets = {
  'try it': { has: 'npm start ', runBy: 'start.test.ts' },
  'script tag': { has: '<script async', runBy: 'page.test.ts' },
  module: { has: 'await orq.identify(', runBy: 'page.test.ts' },
  'own types': { has: 'interface Register', runBy: 'types.test.ts' },
  react: { has: 'orq-identify/react', runBy: 'page.test.ts' },
  vue: { has: 'orq-identify/vue', runBy: 'page.test.ts' },
  segment: { has: 'orq-identify/segment', runBy: 'page.test.ts' },
  analytics: { has: 'orq-identify/analytics', runBy: 'page.test.ts' },
  'token route': { has: 'await mintToken(', runBy: 'server.test.ts' },
  python: { has: 'import os, time, jwt', runBy: 'server.test.ts' },
  proxy: { has: 'createProxy({', runBy: 'server.test.ts' },
  contacts: { has: 'createContacts({', runBy: 'server.test.ts' },
  'running the proxy': { has: 'openssl rand', runBy: 'shell.test.ts' },
  docker: { has: 'docker build', runBy: 'docker.test.ts' },
  doctor: { has: 'orq-identify doctor', runBy: 'shell.test.ts' },
  'several machines': { has: 'npm install pg', runBy: 'postgres.test.ts' },
  moving: { has: 'queue export', runBy: 'postgres.test.ts' },
  queue: { has: '$ ', runBy: 'queue.test.ts' },
} as const satisfies Record<string, { has: string; runBy: string }>

export type SnippetName = keyof typeof snippets

/** @throws Error when none, or more than one, is meant */
const blockOf = (name: SnippetName): Block => {
  const [found, ...others] = blocks.filter(({ code }) => code.includes(snippets[name].has))
  if (!found || others.length) throw new Error(`README.md: ${found ? 'several blocks' : 'no block'} for "${name}"`)
  return found
}

/** The text of a block as it stands in the README. */
export const snippet = (name: SnippetName): string => blockOf(name).code

/** The language that it is said to be. */
export const languageOf = (name: SnippetName): string => blockOf(name).language

/** A text with words replaced, each of which it has exactly once. @throws Error when that is not so */
export const replaced = (text: string, words: Readonly<Record<string, string>>): string =>
  Object.entries(words).reduce((result, [from, to]) => {
    const parts = result.split(from)
    if (parts.length !== 2) throw new Error(`README.md: "${from}" is there ${parts.length - 1} times in: ${text}`)
    return parts.join(to)
  }, text)
