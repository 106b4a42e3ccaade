import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { Pool } from 'undici'
import { secret } from './processes.mjs'

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encode({ alg: 'HS256', typ: 'orq-identify+jwt', kid: 'default' })
let people = 0
let made = 0

/** The number of a person whom no request has named yet. */
const newPerson = () => ++people

/** A sign-up's fields, with a token; what a person sends is never what was sent before. */
export const nextRequest = (path, person = newPerson()) => {
  const id = `person_${person}`
  const iat = Math.floor(Date.now() / 1_000)
  const text = `${header}.${encode({ sub: id, aud: 'orq-identify', iat, exp: iat + 900 })}`
  const token = `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
  return {
    method: 'POST',
    path,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      external_id: id,
      display_name: `Person ${person}`,
      email: `${id}@example.com`,
      metadata: { plan: 'pro', seats: ++made },
    }),
  }
}

const connections = 64
const sum = (values) => values.reduce((total, value) => total + value, 0)

const countStatuses = (results) => {
  const counts = {}
  for (const { statusCodeStats } of results)
    for (const [status, { count }] of Object.entries(statusCodeStats)) counts[status] = (counts[status] ?? 0) + count
  return counts
}

/**
 * As many connections as browsers would share a server in a busy second, each asking again when it is answered.
 * @param url one, or several that share the connections
 * @param most how many requests there can be, at most: so many are made beforehand
 * @param nextPerson whose request is next, by number
 * @returns requests per second, milliseconds of latency (of the slowest of several), and how often each status came
 */
export const load = async (url, { path = '/orq/v2/contacts', most, amount, nextPerson = newPerson, ...options }) => {
  const urls = [url].flat()
  const lists = Array.from({ length: connections }, () => [])
  // In turns, so that those who follow each other in `nextPerson` are on their way at the same time.
  for (let n = 0; n < Math.ceil(most / connections) * connections; n++)
    lists[n % connections].push(nextRequest(path, nextPerson()))
  const running = urls.map((one) =>
    autocannon({
      url: one,
      connections: connections / urls.length,
      // It runs while requests are written out, before the first is sent: on a slow machine longer than the default.
      timeout: 120,
      // The proxy ends a connection after 1 000 requests and says so; this client does not listen.
      reconnectRate: 900,
      ...(amount && { amount: amount / urls.length }),
      ...options,
      setupClient: (client) => client.setRequests(lists.pop()),
    }),
  )
  // All requests are written out by now, which takes seconds of their own.
  const start = performance.now()
  const results = await Promise.all(running)
  const total = sum(results.map(({ requests }) => requests.total))
  if (total > most) throw new Error('more requests than were made: raise `most`')
  const seconds = (performance.now() - start) / 1_000
  const statuses = countStatuses(results)
  const errors = sum(results.map((result) => result.errors))
  const bad = Object.keys(statuses).filter((status) => !['200', '202'].includes(status))
  if (bad.length || errors) throw new Error(`answers ${JSON.stringify(statuses)}, errors ${errors}`)
  const worst = (name) => Math.max(...results.map(({ latency }) => latency[name]))
  return { perSecond: total / seconds, total, seconds, p50: worst('p50'), p99: worst('p99'), statuses }
}

/**
 * Requests at an even pace, whether or not those before are answered: people do not wait for each other. The latency of
 * each counts from when it was due. (At a given rate autocannon sends a second's requests at once, then waits.)
 */
export const loadEvenly = async (url, { path = '/orq/v2/contacts', perSecond, seconds }) => {
  const requests = Array.from({ length: perSecond * seconds }, () => nextRequest(path))
  const pool = new Pool(url, { connections })
  const times = []
  const statuses = {}
  const running = []
  const start = performance.now()
  const send = async (request, due) => {
    const { statusCode, body } = await pool.request(request)
    await body.dump()
    times.push(performance.now() - due)
    statuses[statusCode] = (statuses[statusCode] ?? 0) + 1
  }
  for (let sent = 0; sent < requests.length; await sleep(1))
    for (; sent < requests.length && start + (sent / perSecond) * 1_000 <= performance.now(); sent++)
      running.push(send(requests[sent], start + (sent / perSecond) * 1_000))
  await Promise.all(running)
  await pool.close()
  times.sort((a, b) => a - b)
  const at = (share) => Math.round(times[Math.floor(times.length * share)] * 10) / 10
  return { perSecond, total: times.length, p50: at(0.5), p99: at(0.99), statuses }
}
