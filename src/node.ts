export { type ServeOptions, type Serving, serve } from './node/serve.ts'
export { SettingError } from './node/setting-error.ts'
export { type PostgresOptions, postgres } from './store/postgres.ts'
export { type SqliteOptions, sqlite } from './store/sqlite.ts'
