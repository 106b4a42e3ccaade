import { startTap, withoutBackground } from '../../store/postgres-tap.ts'
import { nextRequest } from '../proxy/load.mjs'
import { startProxy } from '../proxy/processes.mjs'

const soon = () => new Promise((resolve) => setTimeout(resolve, 1))

/** `{ 1: 99, 2: 1 }`: 99 times one, once two. */
const countEach = (values) => {
  const counts = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

/**
 * One update at a time, its transactions counted on the wire between proxy and PostgreSQL. Those during which the proxy
 * looked for what has come due are counted apart.
 */
export const measureUndisturbed = async (database, upstream, count) => {
  const tap = await startTap(database.url)
  const proxy = await startProxy(upstream, { ORQ_STORE: tap.url })
  const { transactions } = tap
  const costs = []
  let disturbed = 0
  while (costs.length < count) {
    const from = transactions.length
    const { path, ...request } = nextRequest('/orq/v2/contacts')
    const response = await fetch(proxy.started.url + path, request)
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`answered ${response.status}`)
    const beforeAnswer = withoutBackground(transactions.slice(from)).length
    while (withoutBackground(transactions.slice(from)).length < 2) await soon()
    const all = transactions.slice(from)
    if (withoutBackground(all).length < all.length) disturbed++
    else costs.push({ beforeAnswer, all: all.length })
  }
  await proxy.stop()
  tap.stop()
  return {
    updates: costs.length,
    disturbed,
    beforeAnswer: countEach(costs.map((cost) => cost.beforeAnswer)),
    all: countEach(costs.map((cost) => cost.all)),
  }
}
