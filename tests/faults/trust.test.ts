// @module-tag heavy
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, type ExpectStatic, test } from 'vitest'
import { listQueue } from '../node/run-queue.ts'
import { createAuthority, noCertificates } from './certificates.ts'
import { createMachine, type Machine, type Running } from './machine.ts'
import { startRecorder } from './recorder.ts'

/** One alarm says what is wrong, however many wait, and nothing of them; each of them says it in the queue. */
const expectAlarm = async (expect: ExpectStatic, machine: Machine, proxy: Running, why: 'dns' | 'tls') => {
  const alarms = () =>
    proxy
      .output()
      .split('\n')
      .filter((line) => line.includes('"event":"unreachable"'))
      .map((line) => JSON.parse(line))
  await expect.poll(() => alarms()).not.toEqual([])
  expect(alarms()).toEqual([
    {
      level: 'error',
      time: expect.any(String),
      event: 'unreachable',
      why,
      msg: expect.stringMatching(/; updates are kept\. Check ORQ_SERVER_URL/),
    },
  ])
  const reasons = async () => [...new Set((await listQueue(machine.folder)).map(({ reason }) => reason))]
  await expect.poll(reasons).toContain(`no answer: ${why}`)
  expect(proxy.output()).not.toMatch(/"u\d"|CANARY/)
}

test.concurrent('F11: a name that nobody resolves: an alarm, 202 and ready; with the right name all arrive', async ({
  expect,
  onTestFinished,
}) => {
  const recorder = await startRecorder(onTestFinished)
  const machine = createMachine(recorder, onTestFinished)
  const lost = await machine.start({ env: { ORQ_SERVER_URL: 'https://contacts.invalid' } })
  for (let i = 0; i < 6; i++) expect(await machine.send(lost, `u${i}`)).toMatchObject({ status: 202 })
  expect((await fetch(`${lost.adminUrl}/readyz`)).status).toBe(200)
  await expectAlarm(expect, machine, lost, 'dns')
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
      '%s gets nothing, not even the key; an alarm, 202, tried again, and with a good one all arrive',
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
        await expectAlarm(expect, machine, proxy, 'tls')
        recorder.present(authority.issue('localhost'))
        await machine.expectDelivered(20_000)
      },
    )
  },
)
