import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { isAll } from '../is-all.ts'
import { startInShell } from './shell.ts'
import { snippet } from './snippets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Not where these files are only part of another repository. */
const isClone = existsSync(join(root, '.git')) && spawnSync('git', ['status'], { cwd: root }).status === 0

/** What a fresh clone would have, with the changes made since the last commit. */
const copyTracked = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-clone-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  for (const file of tracked.split('\0'))
    if (file && existsSync(join(root, file))) cpSync(join(root, file), join(folder, file))
  return folder
}

/** Without the programs that are installed here: the Node of the machine starts it. */
const plainPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !/node_modules|node-gyp-bin/.test(folder))
  .join(delimiter)

const [start = '', rest = ''] = snippet('try it').split(/^(?=npm test)/m)

// It installs and builds. The other command of the block is what runs this.
test.skipIf(!isAll || !isClone)(
  'npm start in a fresh clone serves the page (needs git)',
  { timeout: 600_000 },
  async () => {
    expect(rest).toMatch(/^npm test +#.+\n$/)
    const { found, stop } = await startInShell(start, /Open (http:\S+)/, {
      folder: copyTracked(),
      env: { PATH: plainPath, PORT: '0' },
    })
    const page = await fetch(found[1] as string)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>')])
    await stop()
  },
)
