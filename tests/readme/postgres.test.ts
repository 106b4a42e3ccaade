import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createAuthority, noCertificates } from '../faults/certificates.ts'
import { startRecorder } from '../faults/recorder.ts'
import { heavy } from '../is-all.ts'
import { startPostgres } from '../store/postgres-server.ts'
import { installForAll, runInShell, startProxyInShell } from './shell.ts'
import { replaced, snippet } from './snippets.ts'

describe('with a PostgreSQL', heavy, () => {
  const installed = installForAll()

  test.skipIf(noCertificates)(
    `several machines share a queue by these lines, over TLS${noCertificates ? ` (${noCertificates})` : ''}`,
    async () => {
      const authority = createAuthority(onTestFinished)
      const server = await startPostgres([], authority.issue('localhost'))
      onTestFinished(() => server.stop())
      const database = await server.createDatabase()
      const recorder = await startRecorder()
      const text = replaced(snippet('several machines'), {
        'USER:PASSWORD@HOST/DATABASE': database.slice('postgres://'.length).replace('127.0.0.1', 'localhost'),
        // A server with a certificate of a public authority needs no more than the README says.
        'sslmode=verify-full': `sslmode=verify-full&sslrootcert=${authority.path}`,
      })
      const start = () => startProxyInShell(text, { folder: installed(), env: { ORQ_SERVER_URL: recorder.url } })
      const first = await start()
      const second = await start()
      expect([
        await first.post({ external_id: 'u1', tags: ['1'] }),
        await second.post({ external_id: 'u2', tags: ['1'] }),
      ]).toEqual([200, 200])

      const admin = new pg.Client({ connectionString: database })
      await admin.connect()
      onTestFinished(() => admin.end())
      const others = 'pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE datname = current_database()'
      const { rows } = await admin.query(`SELECT DISTINCT ssl FROM ${others} AND pid <> pg_backend_pid()`)
      expect(rows).toEqual([{ ssl: true }])

      recorder.mode = 'down'
      expect(await first.post({ external_id: 'u3', tags: ['1'] })).toBe(202)
      expect(await first.stop()).toContain('"event":"stopped"')
      recorder.mode = 'ok'
      await expect.poll(() => recorder.numbers.has('u3.tags'), { timeout: 20_000 }).toBe(true)
      expect(await second.stop()).toContain('"event":"stopped"')
    },
  )

  test('what waits in SQLite moves by these lines, and is delivered from there', async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const ORQ_STORE = await server.createDatabase()
    const recorder = await startRecorder()
    const env = { ORQ_SERVER_URL: recorder.url }
    const [install = ''] = snippet('several machines').split('\n')
    expect((await runInShell(install, { folder: installed() })).status).toBe(0)

    const old = await startProxyInShell('npx orq-identify proxy', { folder: installed(), env })
    recorder.mode = 'down'
    expect([
      await old.post({ external_id: 'u1', tags: ['1'] }),
      await old.post({ external_id: 'u2', tags: ['1'] }),
    ]).toEqual([202, 202])
    await old.stop()
    const moved = await runInShell(replaced(snippet('moving'), { 'postgres://…': ORQ_STORE }), { folder: installed() })
    expect(moved).toEqual({ status: 0, output: expect.stringMatching(/^2 contacts taken over/m) })
    recorder.mode = 'ok'
    const next = await startProxyInShell('npx orq-identify proxy', { folder: installed(), env: { ...env, ORQ_STORE } })
    await expect.poll(() => [...recorder.numbers.keys()].sort(), { timeout: 20_000 }).toEqual(['u1.tags', 'u2.tags'])
    await next.stop()
  })
})
