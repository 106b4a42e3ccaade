#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { devCommand } from './dev/command.ts'
import { runProgram } from './node/commands/main.ts'
import { tokenCommand } from './node/commands/token.ts'

const { version, description } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

process.exitCode = await runProgram(
  {
    name: 'orq-identify',
    version,
    description,
    commands: { dev: devCommand, token: tokenCommand },
    colours: process.stdout.isTTY,
  },
  process.argv.slice(2),
  {
    environment: process.env,
    distFolder: fileURLToPath(new URL('.', import.meta.url)),
    print: (line) => console.log(line),
    warn: (line) => console.error(line),
    // `once`: a second Ctrl+C ends the process at once, as it does without us.
    stopped: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve())
      }),
  },
)
