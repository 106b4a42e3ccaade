import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from './command.ts'

/** What the package says of itself. @param entry URL of the built program, in `dist` */
export const readOwnPackage = (entry: string): { version: string; description: string } =>
  JSON.parse(readFileSync(new URL('../package.json', entry), 'utf8'))

/** This process as a command sees it. @param entry URL of the built program, in `dist` */
export const processContext = (entry: string): CommandContext => ({
  environment: process.env,
  distFolder: fileURLToPath(new URL('.', entry)),
  print: (line) => console.log(line),
  warn: (line) => console.error(line),
  // `once`: a second Ctrl+C ends the process at once, as it does without us.
  stopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve())
    }),
})
