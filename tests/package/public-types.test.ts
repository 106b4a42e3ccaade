import { expect, test } from 'vitest'
import { shownByDoors, typesByDoor } from './public-types.ts'

const shown = shownByDoors()

test('every symbol that users see, and every member of it, has a doc comment', () => {
  expect(shown.length).toBeGreaterThan(200)
  expect(shown.filter(({ text }) => !text).map(({ name }) => name)).toEqual([])
})

test('every option that may be left out says what holds then', () => {
  const options = shown.filter(({ name, isOptional }) => isOptional && /(Options|Info|Grant|Query|Config)\./.test(name))
  expect(options.length).toBeGreaterThan(50)
  expect(options.filter(({ otherwise }) => !otherwise).map(({ name }) => name)).toEqual([])
})

// The values are listed in published.test.ts, from the files as they run.
const types = {
  index: `ClientOptions Clock Consent Contact Decision DroppedReason Fetch Fields IdentifiedUser IdentifyArguments
    IdentifyOptions Json KeyValueStore MetadataOf Orq Outcome PendingReason Register RetryConfig TokenSource Traits User`,
  window: 'Command ScriptOrq',
  react: 'OrqProviderProps UseIdentifyOptions',
  vue: 'UseIdentifyOptions',
  segment: 'SegmentAnalytics SegmentContext SegmentPlugin',
  analytics: 'AnalyticsPlugin',
  server: `Claim Clock Contact Contacts ContactsOptions Entry EventListener Fetch FieldName Fields Hmac Json JwksOptions
    JwtOptions ListQuery MemoryOptions OrqErrorCode Proxy ProxyEvent ProxyOptions PutResult RequestInfo RetryConfig Scope
    SigningKey Store StoreStats StoredContact TokenGrant Update UpstreamOptions Verify`,
  node: 'BrowserFiles BrowserFilesOptions PostgresOptions ServeOptions Serving SqliteOptions',
  testing: `Contact ContactsApi ContactsApiOptions FakeClock FakeClockOptions FaultMode StoredContact TestBackend`,
  script: '',
}

test('a door exports these types and no other', () => {
  expect(typesByDoor()).toEqual(
    Object.fromEntries(Object.entries(types).map(([door, names]) => [door, names.match(/\w+/g) ?? []])),
  )
})
