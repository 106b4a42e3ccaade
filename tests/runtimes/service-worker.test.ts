import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CasesServer, startCasesServer } from '../browser/in-page/server.ts'
import { launch } from '../browser/page.ts'
import { createVisits } from '../browser/visits.ts'
import { isAll } from '../is-all.ts'

// A browser start more, for a rare place: with the other runtimes, in `npm run test:all`.
describe.skipIf(!isAll)('a service worker', () => {
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

  // As DESIGN section 2 wants it; the core would have to read answers itself, and has no bytes left for that.
  test.todo('delivers, and says so')

  // Without its chunk nobody reads the answer: the contact arrives, and the outcome is no more than what is known.
  test('sends by the bare fetch, as import() is forbidden there', async () => {
    const visits = await createVisits(server, browser, 'worker')
    const page = await visits.open()
    const outcome = await page.evaluate(
      async ([url, user]) => {
        const registration = await navigator.serviceWorker.register(url, { type: 'module' })
        const worker = (registration.active ?? registration.waiting ?? registration.installing) as ServiceWorker
        const answered = new Promise((resolve) => {
          navigator.serviceWorker.onmessage = ({ data }) => resolve(data)
        })
        worker.postMessage(user)
        return answered
      },
      [`/at/${visits.id}/service-worker.js`, { externalId: visits.id, metadata: { from: 'worker' } }] as const,
    )
    expect(outcome).toEqual({ status: 'pending', reason: 'unreachable' })
    expect(visits.contact()).toEqual({ external_id: visits.id, metadata: { from: 'worker' } })
    await visits.context.close()
  })
})
