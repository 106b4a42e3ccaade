import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Fields } from '../../src/core/contact.ts'
import type { Entry } from '../../src/store/entry.ts'
import { sqlite } from '../../src/store/sqlite.ts'
import type { Claim, Store } from '../../src/store/store.ts'
import { cli, listQueue, runQueue } from './run-queue.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orq-queue-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const run = (...args: string[]) => runQueue(folder, args)
const hourMs = 3_600_000

/** What a proxy that has stopped has left. */
const leave = async (work: (store: Store) => Promise<unknown>): Promise<void> => {
  const store = sqlite({ path: join(folder, 'orq.db'), collectMs: 0 })
  await work(store)
  await store.close()
}
const put = async (store: Store, externalId: string, fields: Fields = {}): Promise<Claim> => {
  const result = await store.put({ externalId, fields }, { claim: true })
  if (result.kind !== 'stored' || !result.claim) throw new Error('no claim')
  return result.claim
}
const leaveQueued = async (store: Store, externalId: string, fields?: Fields): Promise<void> =>
  store.release([await put(store, externalId, fields)])
const leaveInBackOff = async (store: Store, externalId: string, fields?: Fields): Promise<void> =>
  store.retry(await put(store, externalId, fields), Date.now() + hourMs + 60_000, '503 retry')
const leaveParked = async (store: Store, externalId: string, fields: Fields): Promise<void> =>
  store.park(await put(store, externalId, fields), ['email', 'external_id'], '422 refused')

/** What waits, without a process of its own. */
const waiting = async (): Promise<Entry[]> => {
  let found: Entry[] = []
  await leave(async (store) => {
    found = await store.list({ limit: 9_999 })
  })
  return found
}
const onlyId = async (): Promise<string> => (await waiting())[0]?.id ?? ''

/** One contact in each state. The data of all names a canary. */
const leaveOneOfEach = (): Promise<void> =>
  leave(async (store) => {
    const fields = { email: 'canary@b.c', tags: ['canary'] }
    await leaveQueued(store, 'canary-queued', fields)
    await leaveInBackOff(store, 'canary-backoff', fields)
    await leaveParked(store, 'canary-parked', fields)
    await put(store, 'canary-leased')
  })
const idOf = async (state: string): Promise<string> =>
  (await waiting()).find((entry) => entry.state === state)?.id ?? ''

describe('list', () => {
  test('says of each contact its state, attempts, age, due time and reason, by hashed id alone', async () => {
    await leaveOneOfEach()
    const { status, out, err } = await run('list')
    expect([status, err]).toEqual([0, ''])
    const [head, ...lines] = out.trimEnd().split('\n')
    expect(head).toMatch(/^ID +STATE +ATTEMPTS +AGE +DUE +REASON$/)
    const states = ['queued', 'backoff', 'parked', 'leased'].map((state) => lines.find((line) => line.includes(state)))
    expect(states).toEqual([
      expect.stringMatching(/^[0-9a-f]{32} {2}queued +0 +\d+s +now +-$/),
      expect.stringMatching(/^[0-9a-f]{32} {2}backoff +1 +\d+s +in 1h +503 retry$/),
      expect.stringMatching(/^[0-9a-f]{32} {2}parked +0 +\d+s +- +422 refused: external_id, email$/),
      expect.stringMatching(/^[0-9a-f]{32} {2}leased +0 +\d+s +in \d+s +-$/),
    ])
    expect(lines).toHaveLength(4)
    expect(out).not.toContain('canary')
  })

  test('is one JSON object per line for scripts, with times and the names of fields', async () => {
    await leaveOneOfEach()
    const { out } = await run('list', '--json')
    expect(out).not.toContain('canary')
    const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/)
    const id = expect.stringMatching(/^[0-9a-f]{32}$/)
    const entries = await listQueue(folder)
    const parked = { email: '422 refused', external_id: '422 refused' }
    expect(entries.sort((a, b) => (a.state < b.state ? -1 : 1))).toEqual([
      {
        id,
        state: 'backoff',
        attempts: 1,
        since: time,
        due: time,
        reason: '503 retry',
        fields: ['email', 'tags'],
        parked: {},
      },
      { id, state: 'leased', attempts: 0, since: time, due: time, reason: null, fields: [], parked: {} },
      { id, state: 'parked', attempts: 0, since: time, due: null, reason: null, fields: [], parked },
      { id, state: 'queued', attempts: 0, since: time, due: time, reason: null, fields: ['email', 'tags'], parked: {} },
    ])
  })

  test('says so when nothing waits, and prints no object then', async () => {
    await leave(async (store) => store.done(await put(store, 'u1')))
    expect(await run('list')).toEqual({ status: 0, out: 'Nothing waits.\n', err: '' })
    expect(await run('list', '--json')).toEqual({ status: 0, out: '', err: '' })
  })

  test('has each of many contacts once, in little memory', async () => {
    const fields = { metadata: { text: 'x'.repeat(15_000) } }
    await leave((store) =>
      Promise.all(
        Array.from({ length: 8_001 }, (_, i) => store.put({ externalId: `u${i}`, fields }, { claim: false })),
      ),
    )
    // All of it at once would be 120 MB.
    const { status, out, err } = await runQueue(folder, ['list'], { NODE_OPTIONS: '--max-old-space-size=64' })
    expect([status, err]).toEqual([0, ''])
    const ids = out
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.slice(0, 32))
    expect([ids.length, new Set(ids).size]).toEqual([8_001, 8_001])
  })

  test('ends when nobody reads on, without a word', async () => {
    await leave((store) =>
      Promise.all(
        Array.from({ length: 3_000 }, (_, i) => store.put({ externalId: `u${i}`, fields: {} }, { claim: false })),
      ),
    )
    const child = spawn(process.execPath, [cli, 'queue', 'list'], { cwd: folder, env: {} })
    let err = ''
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
    expect(err).toBe('')
  })
})

describe('show', () => {
  test('prints the values of one contact, undelivered and refused', async () => {
    await leave(async (store) => {
      await leaveParked(store, 'user_1', { email: 'bad@b.c', display_name: 'Jane' })
      await leaveInBackOff(store, 'user_1', { tags: ['pro'], metadata: { plan: 'pro' } })
    })
    const id = await onlyId()
    const { status, out, err } = await run('show', id)
    expect([status, err]).toEqual([0, ''])
    for (const line of [
      `id            ${id}`,
      'state         backoff',
      'external_id   "user_1"',
      'attempts      1, the last: 503 retry',
      'tags          ["pro"]',
      'metadata      {"plan":"pro"}',
      '              "bad@b.c"',
    ])
      expect(out.split('\n')).toContain(line)
    expect(out).toMatch(/^email, refused 20\S+Z \(422 refused\)$/m)
    expect(JSON.parse((await run('show', id, '--json')).out)).toMatchObject({
      externalId: 'user_1',
      fields: { tags: ['pro'], metadata: { plan: 'pro' } },
      parked: { email: { value: 'bad@b.c' } },
    })
  })

  test.each(['queued', 'backoff', 'parked', 'leased'])(
    'takes the first characters of the id of one that is %s',
    async (state) => {
      await leaveOneOfEach()
      const id = await idOf(state)
      expect((await run('show', id.slice(0, 12).toUpperCase())).out).toContain(`canary-${state}`)
    },
  )

  test('a value that would speak to the terminal is escaped, and is the same value for a script', async () => {
    const evil = '\u001b]0;owned\u0007\u009b2J\r\n\u202egnp.exe\u2028\u{e0041}\u007f'
    await leave((store) =>
      leaveQueued(store, `user_${evil}`, { display_name: evil, tags: [evil], metadata: { [evil]: evil } }),
    )
    const id = await onlyId()
    for (const args of [['show', id], ['show', id, '--json'], ['list'], ['list', '--json'], ['retry', id]]) {
      const { status, out, err } = await run(...args)
      expect([status, err]).toEqual([0, ''])
      expect(out).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u)
    }
    expect(JSON.parse((await run('show', id, '--json')).out)).toMatchObject({
      externalId: `user_${evil}`,
      fields: { display_name: evil, tags: [evil], metadata: { [evil]: evil } },
    })
  })
})

describe('retry', () => {
  const claims = async (): Promise<Claim[]> => {
    let found: Claim[] = []
    await leave(async (store) => {
      found = await store.claim(9)
    })
    return found
  }

  test('makes what waits for a back-off due now', async () => {
    await leave((store) => leaveInBackOff(store, 'u1', { email: 'a@b.c' }))
    const id = await idOf('backoff')
    expect(await run('retry', id)).toEqual({ status: 0, out: `${id} is due now; undelivered: email\n`, err: '' })
    expect(await claims()).toMatchObject([{ externalId: 'u1', fields: { email: 'a@b.c' }, attempts: 1 }])
  })

  test('takes back what was refused, but for a field whose newer value waits', async () => {
    await leave(async (store) => {
      await store.park(await put(store, 'u1', { email: 'old@b.c', tags: ['old'] }), ['email', 'tags'], '422 refused')
      await leaveQueued(store, 'u1', { email: 'new@b.c' })
    })
    const id = await idOf('queued')
    expect((await run('retry', id)).out).toBe(`${id} is due now; undelivered: email, tags\n`)
    expect(await claims()).toMatchObject([{ fields: { email: 'new@b.c', tags: ['old'] } }])
  })

  test('leaves what is being sent to who sends it', async () => {
    await leave((store) => put(store, 'u1'))
    const id = await idOf('leased')
    expect((await run('retry', id)).out).toBe(`${id} is being sent; undelivered: the id alone\n`)
    expect(await claims()).toEqual([])
  })
})

describe('drop', () => {
  test('asks for --yes where nobody can be asked, and drops nothing', async () => {
    await leave((store) => leaveQueued(store, 'u1'))
    const { status, out, err } = await run('drop', await idOf('queued'))
    expect([status, out]).toEqual([2, ''])
    expect(err).toBe('--yes: is missing, and nobody is there to be asked; give it to drop for good\n')
    expect(await waiting()).toHaveLength(1)
  })

  test('with --yes says what it removed, by the names of fields', async () => {
    await leave(async (store) => {
      await leaveParked(store, 'u1', { email: 'a@b.c' })
      await leaveQueued(store, 'u1', { tags: ['x'], display_name: null })
      await leaveQueued(store, 'u2')
    })
    const id = (await waiting()).find(({ fields }) => 'tags' in fields)?.id ?? ''
    expect(await run('drop', id, '--yes')).toEqual({
      status: 0,
      out: `${id} is dropped; undelivered: tags, display_name; refused: email\n`,
      err: '',
    })
    expect(await waiting()).toMatchObject([{ externalId: 'u2' }])
    expect((await run('drop', id, '--yes')).status).toBe(1)
  })

  // `script` gives a process a terminal.
  const hasTerminal = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
  test.skipIf(!hasTerminal).each<[answer: string, status: number, left: number]>([
    ['y\r', 0, 0],
    ['n\r', 1, 1],
    ['\r', 1, 1],
    ['\u0004', 1, 1],
    ['\u0003', 1, 1],
  ])('at a terminal asks, and the answer %j decides', async (answer, status, left) => {
    await leave((store) => leaveQueued(store, 'u1', { email: 'a@b.c' }))
    const id = await idOf('queued')
    const child = spawn('script', ['-qec', `"${process.execPath}" "${cli}" queue drop ${id}`, '/dev/null'], {
      cwd: folder,
    })
    let seen = ''
    child.stdout.on('data', (chunk) => {
      const before = seen.includes('[y/N] ')
      seen += chunk
      if (!before && seen.includes('[y/N] ')) child.stdin.write(answer)
    })
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(status)
    expect(seen).toContain(`Drop ${id} for good (undelivered: email)? [y/N] `)
    expect(seen).toContain(status === 0 ? `${id} is dropped` : 'nothing was dropped')
    expect(await waiting()).toHaveLength(left)
  })
})

describe('purge', () => {
  test('erases all that is kept of a contact, and refuses tokens of the next 30 s', async () => {
    await leave(async (store) => {
      await leaveParked(store, 'id-CANARY', { email: 'CANARY@b.c' })
      await leaveQueued(store, 'id-CANARY', { tags: ['CANARY'] })
      await leaveQueued(store, 'u2')
    })
    const start = Date.now()
    const { status, out, err } = await run('purge', 'id-CANARY')
    expect([status, err]).toEqual([0, ''])
    expect(out).not.toContain('CANARY')
    const notBefore = Date.parse(/before (\S+) are refused/.exec(out)?.[1] ?? '')
    expect(notBefore - 30_000).toBeGreaterThanOrEqual(start)
    expect(notBefore - 30_000).toBeLessThanOrEqual(Date.now())
    expect(await waiting()).toHaveLength(1)
    const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'latin1'))
    expect(files.join()).not.toContain('CANARY')
    await leave(async (store) => {
      const putWith = (issuedAt: number) =>
        store.put({ externalId: 'id-CANARY', fields: {}, issuedAt }, { claim: false })
      expect(await putWith(notBefore - 1)).toEqual({ kind: 'revoked' })
      expect(await putWith(notBefore)).toMatchObject({ kind: 'stored' })
    })
  })

  test('knows a contact of whom nothing waits, and takes an id that begins with a dash', async () => {
    await leave(async (store) => store.done(await put(store, '-u1')))
    expect((await run('purge', '--', '-u1')).status).toBe(0)
    await leave(async (store) =>
      expect(await store.put({ externalId: '-u1', fields: {}, issuedAt: Date.now() }, { claim: false })).toEqual({
        kind: 'revoked',
      }),
    )
  })
})

test('stats counts, and says for how long the oldest waits', async () => {
  await leaveOneOfEach()
  expect((await run('stats')).out).toMatch(/^undelivered {2}3, the oldest for \d+s\nrefused {6}1\n$/)
  expect(JSON.parse((await run('stats', '--json')).out)).toEqual({
    pending: 3,
    parked: 1,
    oldestPendingSince: expect.stringMatching(/Z$/),
  })
})

test('a row that is damaged is listed, and can be dropped so that the contact can be written again', async () => {
  await leave((store) => leaveQueued(store, 'u1', { email: 'canary@b.c' }))
  const database = new DatabaseSync(join(folder, 'orq.db'))
  database.exec("UPDATE contacts SET payload = 'canary'")
  database.close()
  const id = await idOf('unreadable')
  expect(await run('retry', id)).toEqual({
    status: 1,
    out: '',
    err: expect.stringMatching(/cannot be read.*queue drop/),
  })
  expect(await run('drop', id, '--yes')).toEqual({ status: 0, out: `${id} is dropped; what cannot be read\n`, err: '' })
  expect(await waiting()).toEqual([])
  await leave((store) => leaveQueued(store, 'u1', { email: 'a@b.c' }))
})

test('a contact whose row is damaged can be erased', async () => {
  await leave((store) => leaveQueued(store, 'u1', { email: 'canary@b.c' }))
  const database = new DatabaseSync(join(folder, 'orq.db'))
  database.exec("UPDATE contacts SET payload = 'canary', ledger = 'canary'")
  database.close()
  expect(await run('purge', 'u1')).toMatchObject({ status: 0, err: '' })
  expect(await waiting()).toEqual([])
})

describe('what cannot be done is one line, without a value', () => {
  const needsId = ['show', 'retry', 'drop'] as const
  const cases: [string, string[], number, RegExp][] = [
    [
      'no command',
      [],
      2,
      /^orq-identify queue: no command; give one of list, show, retry, drop, purge, stats, export, import, or --help/,
    ],
    ['another command', ['lst'], 2, /^orq-identify queue: unknown command/],
    ...needsId.flatMap((name): typeof cases => [
      [`${name} without an id`, [name], 2, new RegExp(`^orq-identify queue ${name}: Missing .*ID`)],
      [`${name} with an external id`, [name, 'canary@b.c'], 2, /^ID: is none of queue list; give at least/],
      [`${name} with three characters`, [name, 'abc'], 2, /^ID: is none of queue list; give at least/],
      [
        `${name} with another id`,
        [name, '0123456789abcdef', ...(name === 'drop' ? ['--yes'] : [])],
        1,
        /nothing waits under this id/,
      ],
      [`${name} with two ids`, [name, 'abcd', 'abcd'], 2, /^queue \w+: takes no more than 1 word/],
    ]),
    ['no external id', ['purge'], 2, /^orq-identify queue purge: Missing .*EXTERNAL_ID/],
    ['a wrong external id', ['purge', 'canary'.repeat(30)], 2, /^EXTERNAL_ID: is no external id/],
    ['a stray word', ['list', 'canary'], 2, /^queue list: takes flags only/],
    ['another flag', ['list', '--jsn'], 2, /^--jsn: is no flag of this command; see orq-identify queue list --help/],
  ]
  test.each(cases)('%s', async (_, args, expected, line) => {
    await leaveOneOfEach()
    const { status, out, err } = await run(...args)
    expect(err).toMatch(line)
    expect([status, out, err.trimEnd().split('\n').length]).toEqual([expected, '', 1])
    expect(err).not.toContain('canary')
    expect(await waiting()).toHaveLength(4)
  })

  test('the beginning of several ids', async () => {
    await leave((store) =>
      Promise.all(
        Array.from({ length: 2_000 }, (_, i) => store.put({ externalId: `u${i}`, fields: {} }, { claim: false })),
      ),
    )
    const ids = (await waiting()).map(({ id }) => id)
    const twice = ids.find((id, i) => ids[i + 1]?.startsWith(id.slice(0, 4)))?.slice(0, 4) ?? ''
    const { status, err } = await run('drop', twice, '--yes')
    expect([status, err]).toEqual([2, `ID: ${twice} is the beginning of several; give more of it\n`])
    expect(await waiting()).toHaveLength(2_000)
  })

  const store = (value: string) => ({ ORQ_STORE: value })
  test.each<[string, Record<string, string>, RegExp]>([
    ['no store here', {}, /^ORQ_STORE: .*orq\.db does not exist; name the file of your proxy/],
    ['a file that is not there', store('sqlite:no/other.db'), /^ORQ_STORE: .*other\.db does not exist/],
    ['a file of something else', store('sqlite:notes.txt'), /^ORQ_STORE: .*notes\.txt is damaged or no store/],
    ['a database of something else', store('sqlite:other.sqlite'), /^ORQ_STORE: .*other\.sqlite is no store/],
    ['a store of a later version', store('sqlite:later.db'), /^ORQ_STORE: .*later version.*; install that version/],
    ['another kind of store', store('redis://user:canary@host'), /^ORQ_STORE: is no store that this version knows/],
  ])('%s, and nothing is made or changed', async (_, environment, line) => {
    writeFileSync(join(folder, 'notes.txt'), 'canary '.repeat(200))
    const other = new DatabaseSync(join(folder, 'other.sqlite'))
    other.exec('CREATE TABLE contacts (name)')
    other.close()
    await sqlite({ path: join(folder, 'later.db') }).close()
    const later = new DatabaseSync(join(folder, 'later.db'))
    later.exec("UPDATE meta SET value = 99 WHERE name = 'schema'")
    later.close()
    const files = () => readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'base64')])
    const before = files()
    for (const args of [['list'], ['purge', 'u1']]) {
      const { status, out, err } = await runQueue(folder, args, environment)
      expect(err).toMatch(line)
      expect([status, out, err.trimEnd().split('\n').length]).toEqual([2, '', 1])
      expect(err).not.toContain('canary')
    }
    expect(files()).toEqual(before)
  })

  test('a file that another program holds for good: said after a while, and nothing is changed', async () => {
    await leaveOneOfEach()
    const other = new DatabaseSync(join(folder, 'orq.db'))
    other.exec('BEGIN IMMEDIATE')
    const id = await idOf('parked')
    const { status, out, err } = await run('drop', id, '--yes')
    other.exec('ROLLBACK')
    other.close()
    expect(err).toMatch(/^orq-identify queue drop: the store cannot be used now \(database is locked\)/)
    expect([status, out, err.trimEnd().split('\n').length]).toEqual([1, '', 1])
    expect(await waiting()).toHaveLength(4)
  })
})

test('help says what each command does, and what it takes', async () => {
  const { out: all } = await run('--help')
  for (const name of ['list', 'show', 'retry', 'drop', 'purge', 'stats', 'export', 'import'])
    expect(all).toMatch(new RegExp(`^ +${name} {2,}\\S`, 'm'))
  for (const [name, ...words] of [
    ['list', '--json'],
    ['show', '<ID>', '--json'],
    ['retry', '<ID>'],
    ['drop', '<ID>', '--yes'],
    ['purge', '<EXTERNAL_ID>'],
    ['stats', '--json'],
    ['export', '--terminal'],
    ['import', 'standard input'],
  ]) {
    const { status, out } = await run(name as string, '--help')
    expect(status).toBe(0)
    for (const word of [`orq-identify queue ${name}`, '--store', '--env-file', ...words]) expect(out).toContain(word)
  }
})

test('the store is read from the environment, a flag, or a file of settings', async () => {
  await leave((store) => leaveQueued(store, 'u1'))
  const path = join(folder, 'orq.db')
  writeFileSync(join(folder, 'app.env'), `ORQ_STORE=sqlite:${path}\n`)
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'))
  for (const [args, environment] of [
    [['stats', '--store', `sqlite:${path}`], {}],
    [['stats', '--env-file', join(folder, 'app.env')], {}],
    [['stats'], { ORQ_STORE: `sqlite:${path}` }],
  ] as const)
    expect((await runQueue(elsewhere, [...args], environment)).out).toMatch(/^undelivered {2}1/)
})
