import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CasesServer, startCasesServer } from '../browser/in-page/server.ts'
import { launch } from '../browser/page.ts'
import { createVisits, type Visits } from '../browser/visits.ts'
import { heavy } from '../is-all.ts'

// A browser start more, for a rare place: with the other runtimes, in `npm run test:all`.
describe('a service worker', heavy, () => {
  let server: CasesServer
  let browser: Browser
  beforeAll(async () => {
    server = await startCasesServer()
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  const identifyIn = async (visits: Visits, file: string, type: WorkerType): Promise<unknown> => {
    const page = await visits.open()
    return page.evaluate(
      async ([url, type, user]) => {
        const registration = await navigator.serviceWorker.register(url, { type })
        const worker = (registration.active ?? registration.waiting ?? registration.installing) as ServiceWorker
        const answered = new Promise((resolve) => {
          navigator.serviceWorker.onmessage = ({ data }) => resolve(data)
        })
        worker.postMessage(user)
        return answered
      },
      [`/at/${visits.id}/${file}`, type, { externalId: visits.id, metadata: { from: 'worker' } }] as const,
    )
  }

  test('delivers by the file that has everything in it', async () => {
    const visits = await createVisits(server, browser, 'worker')
    expect(await identifyIn(visits, 'service-worker.js', 'classic')).toEqual({ status: 'delivered' })
    expect(visits.contact()).toEqual({ external_id: visits.id, metadata: { from: 'worker' } })
    await visits.context.close()
  })

  test('delivers by the bare fetch from the module, as import() is forbidden there', async () => {
    const visits = await createVisits(server, browser, 'worker')
    const outcome = await identifyIn(visits, 'service-worker-module.js', 'module')
    expect(outcome).toEqual({ status: 'delivered' })
    expect(visits.contact()).toEqual({ external_id: visits.id, metadata: { from: 'worker' } })
    await visits.context.close()
  })
})
