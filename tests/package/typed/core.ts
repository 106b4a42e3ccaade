// Compiled by several compilers against the packed package, never run.
import { createOrq, type Decision, type KeyValueStore, type Orq, type Outcome, orq } from 'orq-identify'
import { type BrowserFiles, createBrowserFiles, serve, sqlite } from 'orq-identify/node'
import { createContacts, createProxy, jwt, memory, mintToken, type Store, type Verify } from 'orq-identify/server'
import { createContactsApi, createTestBackend, fakeClock, type StoredContact } from 'orq-identify/testing'

interface Plan {
  plan: 'pro' | 'team'
}

const storage: KeyValueStore = { get: () => undefined, set: () => {} }
const client: Orq = createOrq({ proxyUrl: '/orq', tokenUrl: new URL('https://app.example/token'), storage })
const outcome: Outcome = await orq.identify<Plan>({ externalId: 'u', email: null, metadata: { plan: 'pro' } })
if (outcome.status === 'pending')
  outcome.reason satisfies
    | 'offline'
    | 'no_token'
    | 'other_person'
    | 'token_refused'
    | 'token_source'
    | 'unreachable'
    | 'rate_limited'
    | 'server'
    | 'timeout'
// @ts-expect-error no such outcome
if (outcome.status === 'done') console.debug('never')
// @ts-expect-error what is delivered needs no reason
if (outcome.status === 'delivered') outcome.reason satisfies string
client.on('decision', (decision: Decision) => console.debug(decision.kind))
// @ts-expect-error no such kind
client.on('decision', ({ kind }) => kind === 'lost')
// @ts-expect-error no such plan
orq.identify<Plan>({ externalId: 'u', metadata: { plan: 'free' } })
// @ts-expect-error metadata is an object
orq.identify({ externalId: 'u', metadata: 'pro' })
interface Profile {
  name: string
  plan: 'free' | 'pro'
}
const identify = (...args: Parameters<Orq['identify']>): Promise<Outcome> => orq.identify(...args)
const profile: Profile = { name: 'Jane', plan: 'pro' }
identify('u', profile)
orq.identify('u', profile)
// @ts-expect-error JSON has no maps
orq.identify({ externalId: 'u', metadata: new Map() })
// @ts-expect-error JSON has no functions
orq.identify('u', { plan: () => 'pro' })
// @ts-expect-error no such state
orq.consent('yes')
// @ts-expect-error an id is required
orq.identify({ email: 'a@example.com' })
// @ts-expect-error no such option
createOrq({ debounce: 5 })

const verify: Verify = jwt({ secret: 'a secret' })
const store: Store = memory()
const proxy = createProxy({ verify, store, upstream: { apiKey: 'key' } })
const response: Response = await proxy.fetch(new Request('https://app.example/orq/v2/contacts'))
const files: BrowserFiles = createBrowserFiles({ basePath: '/static/orq' })
files(new Request('https://app.example/static/orq/orq.js')) satisfies Promise<Response | undefined>
const token: string = await mintToken({ subject: 'u', fields: ['email'] }, { secret: 'a secret' })
const stored: { external_id: string } = await createContacts({ apiKey: 'key' }).create({ external_id: 'u' })
// @ts-expect-error a proxy has a contacts API
createProxy({ verify })
// @ts-expect-error a scope has a subject
createProxy({ verify: () => ({ fields: ['email'] }), upstream: { apiKey: 'key' } })
// @ts-expect-error a contact has an id
createContacts({ apiKey: 'key' }).create({ email: 'a@example.com' })
// @ts-expect-error a server is told where to keep updates
serve({ verify, upstream: { apiKey: 'key' } })
// @ts-expect-error no such field
mintToken({ subject: 'u', fields: ['phone'] }, { secret: 'a secret' })

const backend = createTestBackend('u')
const contacts: StoredContact[] = backend.contacts()
createOrq(backend.options)
await fakeClock().advance(5)
createContactsApi({ apiKey: 'key' }).setFault('down')
// @ts-expect-error no such fault
backend.setFault('broken')
// @ts-expect-error the row of a contact has an id
contacts.push({ external_id: 'u', created: '', updated: '' })

export { contacts, response, serve, sqlite, stored, token }
