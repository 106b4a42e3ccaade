import { rmSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { copyTracked, isClone, readersPath } from '../reader.ts'
import { startInShell } from './shell.ts'
import { snippet } from './snippets.ts'

const [start = '', rest = ''] = snippet('try it').split(/^(?=npm test)/m)

// It installs and builds. The other command of the block is what runs this.
test.skipIf(!isClone)(
  'npm start in a fresh clone serves the page (needs git)',
  { ...heavy, timeout: 600_000 },
  async () => {
    expect(rest).toMatch(/^npm test +#.+\n$/)
    const folder = copyTracked()
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { found, stop } = await startInShell(start, /Open (http:\S+)/, {
      folder,
      env: { PATH: readersPath, PORT: '0' },
    })
    const page = await fetch(found[1] as string)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>')])
    await stop()
  },
)
