import { readFileSync } from 'node:fs'

/** What this package's own package.json says. */
export interface OwnPackage {
  version: string
  description: string
  engines: { node: string }
}

/** @param entry URL of the built program, in `dist` */
export const readOwnPackage = (entry: string): OwnPackage =>
  JSON.parse(readFileSync(new URL('../package.json', entry), 'utf8'))
