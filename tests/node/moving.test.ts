import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { sqlite } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { cli, type QueueRun, runQueue } from './run-queue.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-moving-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const onStore = async <T>(file: string, work: (store: Store) => Promise<T>): Promise<T> => {
  const store = sqlite({ path: join(folder, file), collectMs: 0 })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
const leave = (externalId: string, fields = {}) =>
  onStore('orq.db', (store) => store.put({ externalId, fields }, { claim: false }))
const target = { ORQ_STORE: 'sqlite:new.db' }
const importText = (text: string): Promise<QueueRun> => runQueue(folder, ['import'], target, text)
const waiting = (file = 'new.db') => onStore(file, (store) => store.list({ limit: 99_999 }))

test('export and import, one piped into the other, move what waits; again it changes nothing', async () => {
  await leave('u1', { email: 'a@b.c' })
  await onStore('orq.db', async (store) => {
    const result = await store.put({ externalId: 'u2', fields: { tags: ['x'] } }, { claim: true })
    if (result.kind === 'stored' && result.claim) await store.park(result.claim, ['tags'], '422 refused')
  })
  const pipe = `"$NODE" "$CLI" queue export | ORQ_STORE=sqlite:new.db "$NODE" "$CLI" queue import`
  const run = () =>
    spawnSync('/bin/sh', ['-c', pipe], { cwd: folder, env: { NODE: process.execPath, CLI: cli }, encoding: 'utf8' })
  const { status, stdout, stderr } = run()
  expect([status, stdout]).toEqual([0, '2 contacts taken over, 0 known already or newer here.\n'])
  expect(stderr).toMatch(/holds personal data/)
  expect(stderr).toMatch(/2 contacts, 2 of them with something undelivered or refused/)
  expect(stderr).toMatch(/Stop the proxy of this store before/)
  expect(stderr).not.toMatch(/a@b\.c|u1/)
  expect(run()).toMatchObject({ status: 0, stdout: '0 contacts taken over, 2 known already or newer here.\n' })
  const found = (await waiting()).sort((a, b) => (String(a.externalId) < String(b.externalId) ? -1 : 1))
  expect(found).toMatchObject([
    { externalId: 'u1', state: 'queued', fields: { email: 'a@b.c' } },
    { externalId: 'u2', state: 'parked', parked: { tags: { value: ['x'], reason: '422 refused' } } },
  ])
  // The old store is as it was.
  expect(await waiting('orq.db')).toHaveLength(2)
})

test('a value that would speak to the terminal, or break a line, is escaped on its way and arrives as it was', async () => {
  const evil = '\u001b]0;owned\u0007\u009b2J\r\n\u202egnp.exe\u2028\u{e0041}\u007f'
  await leave(`user_${evil}`, { display_name: evil, metadata: { [evil]: evil } })
  const { out } = await runQueue(folder, ['export'])
  expect(out).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u)
  expect((await importText(out)).status).toBe(0)
  expect(await waiting()).toMatchObject([
    { externalId: `user_${evil}`, fields: { display_name: evil, metadata: { [evil]: evil } } },
  ])
})

test('many contacts travel in little memory, with word of the progress', async () => {
  const fields = { metadata: { text: 'x'.repeat(10_000) } }
  await onStore('orq.db', (store) =>
    Promise.all(Array.from({ length: 10_001 }, (_, i) => store.put({ externalId: `u${i}`, fields }, { claim: false }))),
  )
  // All of it at once would be 100 MB.
  const env = { NODE_OPTIONS: '--max-old-space-size=64' }
  const exporting = spawn(process.execPath, [cli, 'queue', 'export'], { cwd: folder, env, stdio: 'pipe' })
  const importing = spawn(process.execPath, [cli, 'queue', 'import'], { cwd: folder, env: { ...env, ...target } })
  exporting.stdout.pipe(importing.stdin)
  const said = { exporting: '', importing: '' }
  exporting.stderr.on('data', (text) => {
    said.exporting += text
  })
  for (const stream of [importing.stdout, importing.stderr])
    stream.on('data', (text) => {
      said.importing += text
    })
  const ended = [exporting, importing].map((child) => new Promise((resolve) => child.once('close', resolve)))
  expect([await Promise.all(ended), said.importing]).toEqual([[0, 0], expect.stringContaining('10001 contacts taken')])
  expect(said.exporting).toContain('10000 contacts\n')
  expect(said.importing).toContain('10000 lines\n')
  expect(await onStore('new.db', (store) => store.stats())).toMatchObject({ pending: 10_001 })
})

test('an import that is killed half-way is done by running it again', async () => {
  await onStore('orq.db', (store) =>
    Promise.all(
      Array.from({ length: 3_000 }, (_, i) => store.put({ externalId: `u${i}`, fields: {} }, { claim: false })),
    ),
  )
  const { out } = await runQueue(folder, ['export'])
  const child = spawn(process.execPath, [cli, 'queue', 'import'], { cwd: folder, env: target, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const half = out.indexOf('\n', out.length / 2) + 1
  child.stdin.write(out.slice(0, half))
  const arrived = async (): Promise<number> => {
    if (!existsSync(join(folder, 'new.db'))) return 0
    const database = new DatabaseSync(join(folder, 'new.db'), { readOnly: true })
    try {
      return Number(database.prepare('SELECT count(*) AS n FROM contacts').get()?.['n'])
    } catch {
      return 0 // it is being made
    } finally {
      database.close()
    }
  }
  await expect.poll(arrived).toBeGreaterThan(1_000)
  child.kill('SIGKILL')
  await ended
  const before = (await waiting()).length
  expect(before).toBeLessThan(3_000)
  const { status, out: said } = await importText(out)
  expect([status, said]).toEqual([0, `${3_000 - before} contacts taken over, ${before} known already or newer here.\n`])
  expect(await waiting()).toHaveLength(3_000)
})

test('what nobody can name is left out of a store with another key, and said', async () => {
  await onStore('orq.db', async (store) => {
    const result = await store.put({ externalId: 'u1', fields: {} }, { claim: true })
    if (result.kind === 'stored' && result.claim) await store.done(result.claim)
  })
  await onStore('new.db', async () => {})
  const { status, out } = await importText((await runQueue(folder, ['export'])).out)
  expect(status).toBe(0)
  expect(out).toMatch(/^0 contacts taken over.*\n1 of which nothing waits are left out: .* another key\.\n$/)
})

describe('bad input', () => {
  let whole: string[]
  beforeEach(async () => {
    await leave('canary-1', { email: 'canary@b.c' })
    whole = (await runQueue(folder, ['export'])).out.trimEnd().split('\n')
  })
  const change = (line: string | undefined, by: (value: Record<string, unknown>) => object): string =>
    JSON.stringify(by(JSON.parse(line ?? '')))

  test('a bad line is said by its number and what to do, and the others are taken', async () => {
    const [head, good, end] = whole
    const undelivered = (fields: object) =>
      change(good, (line) => ({ ...line, external_id: 'canary-2', undelivered: fields }))
    const cases: [line: string, says: RegExp][] = [
      ['canary{', /is no JSON object/],
      ['[]', /is no JSON object/],
      [change(good, (line) => ({ ...line, id: 'canary' })), /id: 32 hexadecimal digits/],
      [undelivered({ email: ['canary', 1] }), /undelivered\.email: null or an e-mail address/],
      [undelivered({ email: ['canary@b.c'] }), /undelivered\.email: take it as it was exported/],
      [undelivered({ canary: ['canary', 1] }), /undelivered: fields are external_id, display_name/],
      [undelivered({ external_id: ['canary-3', 1] }), /undelivered\.external_id: the same as external_id/],
      [
        change(good, (line) => ({ ...line, external_id: '..', undelivered: { email: ['canary@b.c', 1] } })),
        /undelivered\.external_id: 1 to 120 characters/,
      ],
      [
        change(good, (line) => ({ ...line, refused: { tags: [['x'], 'canary\n', 1, 1] } })),
        /refused\.tags: take it as/,
      ],
      [change(good, (line) => ({ ...line, delivered: { tags: ['canary canary', 1, 1] } })), /delivered\.tags: take it/],
      [change(good, (line) => ({ ...line, numbers: [['canary canary', 1]] })), /numbers: at most 8/],
      [change(good, (line) => ({ ...line, not_before: 'canary' })), /not_before: milliseconds/],
    ]
    const { status, out, err } = await importText([head, ...cases.map(([line]) => line), good, end, ''].join('\n'))
    expect([status, out]).toEqual([1, '1 contacts taken over, 0 known already or newer here.\n'])
    const lines = err.trimEnd().split('\n')
    expect(lines).toHaveLength(cases.length + 1)
    for (const [index, [, says]] of cases.entries()) {
      expect(lines[index]).toMatch(
        new RegExp(`^line ${index + 2}: ${says.source}.*; fix the line and import it again$`),
      )
    }
    expect(lines.at(-1)).toMatch(/12 lines were not taken; fix them and import again$/)
    expect(err).not.toContain('canary')
    expect(await waiting()).toMatchObject([{ externalId: 'canary-1' }])
  })

  const hour = 3_600_000
  test.each<[string, (lines: string[]) => string[], RegExp]>([
    ['nothing at all', () => [], /^standard input: is empty; pipe into it/],
    ['something else', () => ['canary'], /^line 1: is no JSON object; /],
    ['the lines without the first', (lines) => lines.slice(1), /^line 1: is not the beginning of an export; pipe/],
    [
      'another version',
      ([head]) => [change(head, (line) => ({ ...line, format: 2 }))],
      /^line 1: is of another version of orq-identify; export and import with the same one/,
    ],
    [
      'one of last week',
      ([head]) => [change(head, (line) => ({ ...line, at: Date.now() - 8 * 24 * hour }))],
      /^line 1: is of an export older than 7 days; make a new one/,
    ],
    [
      'one of tomorrow',
      ([head]) => [change(head, (line) => ({ ...line, at: Date.now() + hour }))],
      /^line 1: is of a machine whose clock is ahead of this one; set both by NTP/,
    ],
  ])('%s is refused before a store is made', async (_, spoil, says) => {
    const { status, out, err } = await importText(spoil(whole).join('\n'))
    expect(err).toMatch(says)
    expect([status, out, err.trimEnd().split('\n').length]).toEqual([2, '', 1])
    expect(err).not.toContain('canary')
    expect(readdirSync(folder)).not.toContain('new.db')
  })

  test('an export that ended early is no success, though what came is taken', async () => {
    const { status, out, err } = await importText(whole.slice(0, -1).join('\n'))
    expect([status, out]).toEqual([1, '1 contacts taken over, 0 known already or newer here.\n'])
    expect(err).toMatch(/the export ended early; .*run both again\n$/)
  })

  test('no name of a store: none is taken by default', async () => {
    const { status, err } = await runQueue(folder, ['import'], {}, whole.join('\n'))
    expect([status, err]).toEqual([2, expect.stringMatching(/^ORQ_STORE: is missing; name the store that takes over/)])
  })

  test('a row that cannot be read is named by both, and its neighbours travel', async () => {
    await leave('canary-2')
    const database = new DatabaseSync(join(folder, 'orq.db'))
    database.exec("UPDATE contacts SET payload = 'canary' WHERE id = 1")
    database.close()
    const exported = await runQueue(folder, ['export'])
    expect(exported).toMatchObject({
      status: 1,
      err: expect.stringMatching(/1 rows cannot be read and are not in the export, the first is [0-9a-f]{32}; see /),
    })
    const { status, err } = await importText(exported.out)
    expect([status, err]).toEqual([0, '1 rows could not be read by the export and are not in it.\n'])
    expect(await waiting()).toMatchObject([{ externalId: 'canary-2' }])
  })

  test('a row here that cannot be read stays, and is told by the line', async () => {
    await importText(whole.join('\n'))
    const database = new DatabaseSync(join(folder, 'new.db'))
    database.exec("UPDATE contacts SET payload = 'canary'")
    database.close()
    const { status, err } = await importText(whole.join('\n'))
    expect(status).toBe(1)
    expect(err).toMatch(/^line 2: the row of this contact cannot be read in this store; see orq-identify queue list\n/)
  })

  // `script` gives a process a terminal.
  const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
  test.skipIf(!hasTerminal)('a terminal sees an export only when that is asked for, and gives none', async () => {
    const at = (...words: string[]) =>
      spawnSync('script', ['-qec', `"${process.execPath}" "${cli}" queue ${words.join(' ')}`, '/dev/null'], {
        cwd: folder,
        env: { ...process.env, ...(words[0] === 'import' && target) },
        encoding: 'utf8',
      })
    const refused = at('export')
    expect(refused.status).toBe(2)
    expect(refused.stdout).toMatch(/^export: would print personal data to a terminal; pipe it/)
    expect(refused.stdout).not.toContain('canary')
    expect(at('export', '--terminal').stdout).toContain('canary@b.c')
    const asked = at('import')
    expect([asked.status, asked.stdout]).toEqual([2, expect.stringMatching(/^standard input: is a terminal; pipe an/)])
  })
})
