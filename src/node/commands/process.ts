import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { readOwnPackage } from '../own-package.ts'
import type { CommandContext } from './command.ts'

const confirm = (question: string): Promise<boolean> =>
  new Promise((resolve) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr })
    reader.question(`${question} [y/N] `, (answer) => {
      resolve(/^\s*y(es)?\s*$/i.test(answer))
      reader.close()
    })
    // Ctrl+C and Ctrl+D answer nothing.
    reader.once('close', () => resolve(false))
  })

/** `console.log` says nothing of a reader that is slow or gone. */
const printed = (): Promise<boolean> =>
  new Promise((resolve) => {
    process.stdout.write('', (error) => resolve(!error))
  })

/** This process as a command sees it. @param entry URL of the built program, in `dist` */
export const processContext = (entry: string): CommandContext => ({
  environment: process.env,
  version: readOwnPackage(entry).version,
  distFolder: fileURLToPath(new URL('.', entry)),
  print: (line) => console.log(line),
  printed,
  printsToTerminal: !!process.stdout.isTTY,
  ...(!process.stdin.isTTY && { lines: () => createInterface({ input: process.stdin })[Symbol.asyncIterator]() }),
  warn: (line) => console.error(line),
  ...(process.stdin.isTTY && process.stderr.isTTY && { confirm }),
  // `once`: a second Ctrl+C ends the process at once, as it does without us.
  stopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve())
    }),
  onCrash: (tell) => {
    process.once('uncaughtException', (error) => {
      tell(error)
      process.exit(1)
    })
  },
})
