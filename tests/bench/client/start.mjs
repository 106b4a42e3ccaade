import { setTimeout as sleep } from 'node:timers/promises'
import { closed, traitsOf } from './scenarios.mjs'
import { createSite } from './site.mjs'

/** How many pages of each kind. */
const pages = 15

/** How long after the load event the counter is read, in milliseconds. */
const readAfterMs = 250

/**
 * The milliseconds of script that Chromium counts for a page, from its first byte until a quarter of a second after its load
 * event. The profile is fresh: no cache, and the first access to its storage.
 */
const scriptMsOf = async (newContext, { site, path }) => {
  const context = await newContext(site)
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable')
  await page.goto(site.origin + path)
  await sleep(readAfterMs)
  const { metrics } = await session.send('Performance.getMetrics')
  await closed(context)
  return metrics.find(({ name }) => name === 'ScriptDuration').value * 1_000
}

/** Many pages of each, in turns, so that a slow minute of the machine meets all of them. */
const inTurns = async (newContext, sites, pathOf) => {
  const values = sites.map(() => [])
  for (let round = 0; round < pages; round++)
    for (let turn = 0; turn < sites.length; turn++) {
      const index = (round + turn) % sites.length
      values[index].push(await scriptMsOf(newContext, { site: sites[index], path: pathOf(round) }))
    }
  return values
}

/** The start of a page: an empty one, one with the tag and its init alone, and one with a call right behind the init. */
export const startsOf = async (libraries, newContext) => {
  const sites = await Promise.all(libraries.map((library) => createSite(library)))
  const traits = encodeURIComponent(JSON.stringify(traitsOf('Ada')))
  const [emptyPage] = await inTurns(newContext, sites.slice(0, 1), () => '/blank')
  const alone = await inTurns(newContext, sites, (round) => `/?person=start-${round}`)
  const withCall = await inTurns(newContext, sites, (round) => `/?person=call-${round}&traits=${traits}`)
  await Promise.all(sites.map((site) => site.close()))
  const byLibrary = libraries.map(({ id }, index) => [id, { alone: alone[index], withCall: withCall[index] }])
  return { emptyPage, ...Object.fromEntries(byLibrary) }
}
