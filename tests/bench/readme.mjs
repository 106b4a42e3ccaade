import { readFileSync, writeFileSync } from 'node:fs'

const readme = new URL('../../README.md', import.meta.url)

/** The README quotes a benchmark's output as it is, between the comments `<!-- NAME -->` and `<!-- /NAME -->`. */
export const quoteInReadme = (name, text) => {
  const [before, after] = readFileSync(readme, 'utf8').split(
    new RegExp(`(?<=<!-- ${name} -->\n)[\\s\\S]*(?=<!-- /${name} -->)`),
  )
  if (after === undefined) throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`)
  writeFileSync(readme, `${before}${text.replace(/^#.*\n+/, '').trim()}\n${after}`)
}
