import { describe, expect, test } from 'vitest'
import { startRecorder } from '../faults/recorder.ts'
import { heavy } from '../is-all.ts'
import { installForAll, runInShell, startProxyInShell } from './shell.ts'
import { snippet } from './snippets.ts'

/** What was typed, and what was printed then. */
const steps = snippet('queue')
  .split(/^\$ /m)
  .slice(1)
  .map((step) => {
    const [command = '', ...lines] = step.split('\n')
    return { command, printed: lines.join('\n') }
  })

/** The ids of the rows that a list has, by their state. */
const idsOf = (list: string): Record<string, string> =>
  Object.fromEntries([...list.matchAll(/^([0-9a-f]{32}) +(\w+)/gm)].map(([, id, state]) => [state, id]))

/** Without what differs each time; columns keep their width. Rows stand in the order of their ids, which are hashes. */
const comparable = (text: string): string =>
  text
    .replace(/\b\d+[smhd]$/gm, 'AGE')
    .replace(/ *\b(in )?\d+[smhd]\b */g, (column) => '~'.repeat(column.length))
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/(^[0-9a-f]{32} .*\n)+/gm, (rows) => rows.split(/^/m).sort().join(''))

describe('beside the proxy that the package starts', heavy, () => {
  const installed = installForAll()

  test('every command of the transcript prints what stands below it', async () => {
    const recorder = await startRecorder()
    recorder.script = ({ id, fields }) => {
      if (id === 'user_2') return { status: 500, headers: { 'retry-after': '840' } }
      return 'email' in fields ? { status: 422 } : undefined
    }
    const proxy = await startProxyInShell('npx orq-identify proxy', {
      folder: installed(),
      env: { ORQ_SERVER_URL: recorder.url },
    })
    expect(await proxy.post({ external_id: 'user_2', email: 'omar@example.com', tags: ['7'] })).toBe(202)
    // Where one field alone is given and refused, nobody knows whether there is a contact.
    expect(await proxy.post({ external_id: 'user_1', email: 'jane@localhost', display_name: 'Jane' })).toBe(202)

    const list = async () => (await runInShell('npx orq-identify queue list', { folder: installed() })).output
    await expect.poll(async () => Object.keys(idsOf(await list())).sort()).toEqual(['backoff', 'parked'])
    const [theirs, ours] = [idsOf(steps[0]?.printed ?? ''), idsOf(await list())]
    const pairs = Object.entries(theirs).map(([state, id]) => [id, ours[state] as string] as const)
    const named = (text: string): string =>
      pairs.reduce((result, [id, own]) => result.replaceAll(id, own).replaceAll(id.slice(0, 6), own.slice(0, 6)), text)

    recorder.script = () => undefined
    for (const { command, printed } of steps) {
      const { status, output } = await runInShell(named(command), { folder: installed() })
      expect([command, comparable(output), status]).toEqual([command, comparable(named(printed)), 0])
      // Whoever reads it takes longer than the proxy, which sends what is due.
      if (command.includes('retry')) await expect.poll(() => recorder.callsOf('user_2')).toBe(2)
    }
    expect(steps).toHaveLength(5)
    await proxy.stop()
  })
})
