import { setTimeout as sleep } from 'node:timers/promises'
import { describe, test } from 'vitest'
import { createAuthority, noCertificates } from './certificates.ts'
import { createMachine } from './machine.ts'
import { startRecorder } from './recorder.ts'

test.concurrent('F11: a name that nobody resolves: 202 and ready; with the right name all arrive', async ({
  expect,
  onTestFinished,
}) => {
  const recorder = await startRecorder(onTestFinished)
  const machine = createMachine(recorder, onTestFinished)
  const lost = await machine.start({ env: { ORQ_SERVER_URL: 'https://contacts.invalid' } })
  for (let i = 0; i < 6; i++) expect(await machine.send(lost, `u${i}`)).toMatchObject({ status: 202 })
  expect((await fetch(`${lost.adminUrl}/readyz`)).status).toBe(200)
  lost.kill('SIGTERM')
  expect(await lost.ended).toBe(0)
  await machine.start()
  // A start knows no pause of the one before; only the back-off of each contact goes on.
  await machine.expectDelivered(20_000)
})

describe.skipIf(noCertificates)(
  `F11: upstream whose certificate${noCertificates ? ` (${noCertificates})` : ''}`,
  { concurrent: true },
  () => {
    test.for<[string, { name?: string; validity?: [string, string]; isStranger?: boolean }]>([
      ['has expired', { validity: ['20200101000000Z', '20210101000000Z'] }],
      ['is not valid yet', { validity: ['20480101000000Z', '20490101000000Z'] }],
      ['is of another host', { name: 'other.example' }],
      ['is of an authority that nobody knows', { isStranger: true }],
    ])(
      '%s gets nothing, not even the key; 202, tried again, and with a good one all arrive',
      async ([, wrong], { expect, onTestFinished }) => {
        const authority = createAuthority(onTestFinished)
        const issuer = wrong.isStranger ? createAuthority(onTestFinished) : authority
        const recorder = await startRecorder(onTestFinished, issuer.issue(wrong.name ?? 'localhost', wrong.validity))
        const machine = createMachine(recorder, onTestFinished)
        const proxy = await machine.start({ env: { NODE_EXTRA_CA_CERTS: authority.path } })
        for (let i = 0; i < 6; i++) expect(await machine.send(proxy, `u${i}`)).toMatchObject({ status: 202 })
        await sleep(1_500)
        expect(recorder.calls).toBe(0)
        expect(recorder.connections).toBeGreaterThan(2)
        recorder.present(authority.issue('localhost'))
        await machine.expectDelivered(20_000)
      },
    )
  },
)
