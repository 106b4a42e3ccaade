import { setTimeout as sleep } from 'node:timers/promises'
import { ownFile } from './libraries/files.mjs'
import { orq } from './libraries/orq.mjs'
import { traitsOf, until } from './scenarios.mjs'
import { createSite } from './site.mjs'

/** A name of this machine that the client does not take for a loopback address, which is never offline. Chromium trusts it too. */
export const waitingHost = 'app.localhost'

/** Our client alone. The site can hold back the chunk, and its proxy can answer 503. */
export const createWaitingSite = async ({ init = () => '', attributes }) => {
  let release = () => {}
  let chunk = Promise.resolve()
  const site = await createSite({
    ...orq,
    init,
    attributes,
    files: { [orq.path]: orq.files[orq.path] },
    backend: async (upstream) => {
      const backend = await orq.backend(upstream)
      const answer = async (incoming) => {
        if (incoming.path === '/orq/transport.js') {
          await chunk
          return { type: 'text/javascript', body: ownFile('transport.js') }
        }
        if (incoming.path === '/orq/v2/contacts' && upstream.isUnavailable())
          return { status: 503, body: '{"code":"store_unavailable"}' }
        return backend.answer(incoming)
      }
      return { ...backend, answer }
    },
  })
  return {
    ...site,
    origin: site.origin.replace('127.0.0.1', waitingHost),
    holdChunk: () => {
      chunk = new Promise((resolve) => {
        release = resolve
      })
    },
    releaseChunk: () => release(),
  }
}

const options = (person) => ({ tokenUrl: `/token?person=${person}` })
const initByCall = (more) => (person) => `orq.init(${JSON.stringify({ ...options(person), ...more })})`

/** A call of another value, which loads the chunk. */
const callBefore = (page, person) =>
  page.evaluate(([id, traits]) => void window.identify(id, traits), [person, traitsOf('Before')])

/** Imported it has no tag of its own, and so nothing calls `init`. */
const loadWithoutTag = (page) =>
  page.evaluate(async (path) => {
    await import(path)
    window.identify = (id, traits) => window.orq.identify(id, traits)
  }, orq.path)

/**
 * How a page gets into each state in which calls wait, and out of it: `before` the page is opened, `enter` on the page, and
 * `leave`. In those with `storesLater` nothing is stored before they end. They hold the chunk back, so that one can see what is
 * stored then.
 */
export const states = [
  {
    name: 'before the chunk',
    init: initByCall(),
    before: ({ site }) => site.holdChunk(),
    leave: ({ site }) => site.releaseChunk(),
  },
  {
    name: 'offline',
    init: initByCall(),
    enter: async ({ site, page, context, person }) => {
      await callBefore(page, person)
      await until(5_000, () => site.has(person, 'Before'))
      await sleep(200)
      await context.setOffline(true)
    },
    leave: ({ context }) => context.setOffline(false),
  },
  {
    name: 'while consent is pending',
    init: initByCall({ consent: 'pending' }),
    storesLater: true,
    before: ({ site }) => site.holdChunk(),
    leave: ({ page }) => page.evaluate(() => window.orq.consent('granted')),
  },
  {
    name: 'before `init`',
    path: '/blank',
    storesLater: true,
    before: ({ site }) => site.holdChunk(),
    enter: ({ page }) => loadWithoutTag(page),
    leave: ({ page, person }) => page.evaluate((given) => window.orq.init(given), options(person)),
  },
  {
    name: 'in the first task after a tag',
    attributes: orq.attributes,
    storesLater: true,
    before: ({ site }) => site.holdChunk(),
    leave: () => {},
  },
  {
    name: 'during an outage',
    init: initByCall(),
    before: ({ site }) => site.fail(true),
    enter: async ({ site, page, person }) => {
      const before = site.carried().length
      await callBefore(page, person)
      await until(5_000, () => site.carried().length > before)
      await sleep(200)
    },
    leave: ({ site }) => site.fail(false),
  },
]
