import { setTimeout as sleep } from 'node:timers/promises'
import { closed, traitsOf } from './scenarios.mjs'
import { createSite } from './site.mjs'

/** The same call again and again, 1000 times or for half a second: that spares those whose calls get slower. */
const repeat = async ({ given: [id, traits], most }) => {
  const start = performance.now()
  let calls = 0
  while (calls < most && performance.now() - start < 500)
    for (let left = 20; left > 0; left--, calls++) window.identify(id, { ...traits })
  const returned = performance.now()
  // What the calls left to do before the page can react to anything else.
  await new Promise((resolve) => setTimeout(resolve))
  const perCall = (end) => ((end - start) * 1_000) / calls
  return { calls, callUs: perCall(returned), freeUs: perCall(performance.now()) }
}

/**
 * What a task gives in the page, and the CPU time of the page's main thread meanwhile, less that of the same task with
 * nothing to do: other programs on the machine do not count in it, as they do on the clock.
 */
const withCpu = async (page, task, { idle, real }) => {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  const cpuMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'ThreadTime').value * 1_000
  }
  await page.evaluate(task, idle) // the first one costs more than the next
  const first = await cpuMs()
  await page.evaluate(task, idle)
  const start = await cpuMs()
  const result = await page.evaluate(task, real)
  const end = await cpuMs()
  return { ...result, cpuMs: Math.max(0, end - start - (start - first)) }
}

const openPage = async (context, url) => {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** A page per library on which the person is identified already, or soon: Mixpanel sends every 5 s. */
const openIdentified = (sites, newContext, given) =>
  Promise.all(
    sites.map(async (site) => {
      const context = await newContext(site)
      const page = await openPage(context, `${site.origin}/?person=${given[0]}`)
      await page.evaluate(([id, traits]) => void window.identify(id, traits), given)
      return { site, context, page }
    }),
  )

const acknowledged = async (sites, [person, { name }]) => {
  const deadline = Date.now() + 15_000
  while (!sites.every((site) => site.has(person, name))) {
    if (Date.now() > deadline) throw new Error('an identify did not arrive')
    await sleep(50)
  }
  await sleep(300)
}

/**
 * Times of all libraries in turns, so that a slow minute of the machine meets all of them, and one page at a time.
 * Nine rounds; fewer, but at least three, when the time is up.
 */
export const repeatsOf = async (libraries, newContext, deadline) => {
  const sites = await Promise.all(libraries.map((library) => createSite(library)))
  const times = Object.fromEntries(libraries.map(({ id }) => [id, []]))
  for (let round = 0; round < 9 && (round < 3 || Date.now() < deadline); round++) {
    // Another person each time: the proxy would answer for a known one without asking upstream.
    const given = [`ada-${round}`, traitsOf('Ada')]
    const order = [...sites.slice(round % sites.length), ...sites.slice(0, round % sites.length)]
    const opened = await openIdentified(order, newContext, given)
    await sleep(500)
    await acknowledged(sites, given)
    for (const { site, context, page } of opened) {
      times[site.library.id].push(
        await withCpu(page, repeat, { idle: { given, most: 0 }, real: { given, most: 1_000 } }),
      )
      await closed(context)
      await sleep(200) // for the server, which still answers what the last one sent
    }
  }
  await Promise.all(sites.map((site) => site.close()))
  return times
}
