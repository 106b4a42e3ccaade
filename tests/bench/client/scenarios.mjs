import { setTimeout as sleep } from 'node:timers/promises'
import { createSite } from './site.mjs'

const person = 'ada'
export const traitsOf = (name) => ({ name, email: 'ada@example.com', plan: 'pro' })

export const until = async (limitMs, isTrue) => {
  const start = Date.now()
  while (!isTrue() && Date.now() - start < limitMs) await sleep(50)
  return isTrue()
}

/** Nothing asked for this long: longer than the slowest of them (5 s) saves up its calls. */
const quiet = async ({ log }, quietMs = 6_000) => {
  let [length, since] = [-1, Date.now()]
  while (Date.now() - since < quietMs) {
    if (log.length !== length) [length, since] = [log.length, Date.now()]
    await sleep(50)
  }
}

const openPage = async (context, site) => {
  const page = await context.newPage()
  await page.goto(`${site.origin}/?person=${person}`)
  return page
}

/** As often as asked, in one go; the answer of the call is nobody's business here. */
const call = (page, { name = 'Ada', times = 1 } = {}) =>
  page.evaluate(
    ([id, traits, count]) => {
      for (let left = count; left > 0; left--) window.identify(id, { ...traits })
    },
    [person, traitsOf(name), times],
  )

const isKnown = (site, name = 'Ada') => site.has(person, name)

const counted = (site) => ({
  requests: site.carried().length,
  updates: site.carried().flatMap(({ updates }) => updates).length,
})

const tenCalls = async (site, context) => {
  await call(await openPage(context, site), { times: 10 })
  await quiet(site)
  const carriers = [...new Set(site.carried().map(({ method, path }) => `${method} ${path}`))]
  return { ...counted(site), arrived: isKnown(site), carriers }
}

/** Bytes on the wire without the document itself: answers as Chromium counts them, and the bodies sent. */
const visit = async (site, context) => {
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  const documents = new Set()
  let received = 0
  session.on('Network.requestWillBeSent', ({ requestId, type }) => type === 'Document' && documents.add(requestId))
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (!documents.has(requestId)) received += encodedDataLength
  })
  await session.send('Network.enable')
  const before = site.log.length
  await page.goto(`${site.origin}/?person=${person}`)
  await call(page)
  await quiet(site)
  await page.close()
  const asked = site.log.slice(before)
  const sent = asked.reduce((sum, request) => sum + request.sent, 0)
  return { requests: asked.length, bytes: received + sent, paths: asked.map(({ method, path }) => `${method} ${path}`) }
}

const fiveVisits = async (site, context) => {
  const visits = []
  for (let left = 5; left > 0; left--) visits.push(await visit(site, context))
  return { ...counted(site), first: visits[0], second: visits[1] }
}

const fiveQuickLoads = async (site, context) => {
  const page = await context.newPage()
  for (let left = 5; left > 0; left--) {
    await page.goto(`${site.origin}/?person=${person}`)
    await call(page)
    await sleep(1_000)
  }
  await quiet(site)
  return counted(site)
}

const fiveTabs = async (site, context) => {
  const tabs = await Promise.all([1, 2, 3, 4, 5].map(() => openPage(context, site)))
  await Promise.all(tabs.map((tab) => call(tab)))
  await quiet(site)
  return counted(site)
}

/** Whether the update comes by itself; else whether a later visit brings it, without another call. */
const fate = async (site, context, { name, limitMs }) => {
  if (await until(limitMs, () => isKnown(site, name))) return 'delivered'
  await openPage(context, site)
  // Mixpanel takes up what another page left behind after 10 s, RudderStack after a little more.
  return (await until(25_000, () => isKnown(site, name))) ? 'next visit' : 'lost'
}

const leave = (page, name) =>
  page
    .evaluate(
      ([id, traits]) => {
        window.identify(id, traits)
        location.href = '/blank'
      },
      [person, traitsOf(name)],
    )
    .catch(() => undefined) // the page is gone before it can answer

const leaveAtOnce = async (site, context) => {
  const page = await openPage(context, site)
  await call(page)
  await quiet(site)
  if (!isKnown(site)) throw new Error(`${site.library.id}: the first identify did not arrive`)
  await leave(page, 'Changed')
  return fate(site, context, { name: 'Changed', limitMs: 4_000 })
}

const leaveAtFirstCall = async (site, context) => {
  await leave(await openPage(context, site), 'Ada')
  return fate(site, context, { name: 'Ada', limitMs: 4_000 })
}

const down = async (site, context) => {
  const page = await openPage(context, site)
  site.fail(true)
  await call(page)
  await sleep(5_000)
  const tried = site.carried().length
  await site.down()
  await sleep(3_000)
  await page.goto('about:blank')
  await page.close()
  await sleep(1_000) // what leaving has sent off meets the closed door too
  site.fail(false)
  await site.up()
  if (isKnown(site)) throw new Error(`${site.library.id}: arrived while its endpoint was down`)
  const end = await fate(site, context, { name: 'Ada', limitMs: 0 })
  return { end: end === 'next visit' ? 'delivered' : end, tried }
}

/** Chromium sometimes never says that a profile is closed whose page has been left in the middle of a request. */
export const closed = (context) => Promise.race([context.close(), sleep(5_000)])

/** A fresh site and a fresh profile for each; one that hangs fails alone. */
const fresh = async (library, newContext, scenario) => {
  const site = await createSite(library)
  const context = await newContext(site)
  try {
    const late = sleep(100_000, undefined, { ref: false }).then(() => {
      throw new Error(`${library.id}: ${scenario.name} took more than 100 s`)
    })
    return await Promise.race([scenario(site, context), late])
  } finally {
    await closed(context)
    await site.close()
  }
}

/** At most this many at once: more, and two cores would be too slow for a page to do in a second what it should. */
const createLimit = (atOnce) => {
  const waiting = []
  let running = 0
  const next = () => {
    if (running >= atOnce || !waiting.length) return
    running++
    waiting.shift()()
  }
  return async (task) => {
    await new Promise((resolve) => {
      waiting.push(resolve)
      next()
    })
    try {
      return await task()
    } finally {
      running--
      next()
    }
  }
}
const limit = createLimit(8)

/** With the token in the page, for the library that has one. */
const withToken = (library) => library.withToken && { ...library, ...library.withToken }

/**
 * By name, how often, and for which form of a library: what a race decides is done three times over. The longest come first.
 */
const scenarios = {
  visits: [fiveVisits, 1],
  downs: [down, 3],
  leaves: [leaveAtOnce, 3],
  firstLeaves: [leaveAtFirstCall, 3],
  firstLeavesWithToken: [leaveAtFirstCall, 3, withToken],
  loads: [fiveQuickLoads, 3],
  tabs: [fiveTabs, 3],
  calls: [tenCalls, 1],
}

/** What each library asks for and what arrives. None of it is a time, so they may run side by side. */
export const outcomesOf = async (libraries, newContext) => {
  const outcomes = Object.fromEntries(libraries.map(({ id }) => [id, {}]))
  const tasks = Object.entries(scenarios).flatMap(([name, [scenario, times, formOf]]) =>
    libraries.flatMap((library) => {
      const form = formOf ? formOf(library) : library
      if (!form) return []
      const results = []
      outcomes[library.id][name] = results
      const run = async () => results.push(await fresh(form, newContext, scenario))
      return Array.from({ length: times }, () => limit(run))
    }),
  )
  await Promise.all(tasks)
  return outcomes
}
