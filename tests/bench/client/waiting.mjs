import { setTimeout as sleep } from 'node:timers/promises'
import { closed, traitsOf, until } from './scenarios.mjs'
import { createWaitingSite, states } from './waiting-states.mjs'

const pairs = 5
const [fewCalls, manyCalls, people] = [100, 3_000, 2_000]

/**
 * In the page: calls, and the time until they have returned and their microtasks are over. Equal ones go in one task, others in
 * tasks of a hundred, of which the first and the last are told.
 */
const callInPage = async ({ kind, person, traits, count }) => {
  const call = {
    equal: () => window.identify(person, { ...traits }),
    people: (n) => window.identify(`${person}-${n}`, { ...traits }),
    changed: (n) => window.identify(person, { ...traits, name: `Ada ${n}` }),
  }[kind]
  const time = async (from, to) => {
    const start = performance.now()
    for (let n = from; n < to; n++) call(n)
    // The next task there is: before timers and answers.
    await new Promise((resolve) => scheduler.postTask(resolve, { priority: 'user-blocking' }))
    return performance.now() - start
  }
  const step = kind === 'equal' ? count : 100
  const times = []
  for (let from = 0; from < count; from += step) times.push(await time(from, from + step))
  return { ms: times.reduce((sum, ms) => sum + ms), firstMs: times[0], lastMs: times.at(-1) }
}

/** In the page: how many contacts the outbox stores, and the bytes of all that the client stores. */
const lookAtStorage = () => {
  const stored = Object.entries(localStorage).filter(([key]) => key.startsWith('orq.'))
  const [, outbox] = stored.find(([key]) => key.includes('.outbox.')) ?? []
  // A checksum of 16 characters comes first.
  const entries = outbox ? JSON.parse(outbox.slice(16)).unsent.length : 0
  return { entries, bytes: new Blob(stored.flat()).size }
}

/** A fresh page that waits, its calls, and what they store. */
const measurePage = async (scene, state, { kind, count, isFollowed }) => {
  const { site, page, person } = scene
  state.before?.(scene)
  await page.goto(`${site.origin}${state.path ?? '/'}?person=${person}`)
  await sleep(150)
  await state.enter?.(scene)
  const times = await page.evaluate(callInPage, { kind, person, traits: traitsOf('Ada'), count })
  const whileWaiting = await page.evaluate(lookAtStorage)
  if (!state.storesLater && !isFollowed) return { ...times, stored: whileWaiting }
  const before = site.carried().length
  await state.leave(scene)
  await sleep(100)
  const stored = state.storesLater ? await page.evaluate(lookAtStorage) : whileWaiting
  if (!isFollowed) return { ...times, stored }
  site.releaseChunk()
  await until(10_000, () => site.has(person, 'Ada'))
  // Anything that follows the one request comes within the debounce.
  await sleep(1_000)
  const arrived = site.has(person, 'Ada')
  return { ...times, stored, arrived, requests: site.carried().length - before }
}

const measureState = async (state, newContext) => {
  const site = await createWaitingSite(state)
  const results = { name: state.name, few: [], many: [], people: [], changed: [] }
  let number = 0
  const measure = async (key, task) => {
    const context = await newContext(site)
    const scene = { site, context, page: await context.newPage(), person: `ada-${number++}` }
    results[key].push(await measurePage(scene, state, task))
    site.releaseChunk()
    await closed(context)
  }
  for (let pair = 0; pair < pairs; pair++) {
    await measure('few', { kind: 'equal', count: fewCalls })
    await measure('many', { kind: 'equal', count: manyCalls, isFollowed: pair === 0 })
  }
  for (let times = 3; times > 0; times--) {
    await measure('people', { kind: 'people', count: people })
    await measure('changed', { kind: 'changed', count: manyCalls })
  }
  await site.close()
  return results
}

/** What calls cost that have to wait, in each of the states in which they do. */
export const waitingOf = async (newContext) => {
  const results = []
  for (const state of states) results.push(await measureState(state, newContext))
  return results
}
