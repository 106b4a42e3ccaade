#!/usr/bin/env node
import { devCommand } from './dev/command.ts'
import { runProgram } from './node/commands/main.ts'
import { processContext, readOwnPackage } from './node/commands/process.ts'
import { tokenCommand } from './node/commands/token.ts'

process.exitCode = await runProgram(
  {
    name: 'orq-identify',
    ...readOwnPackage(import.meta.url),
    commands: { dev: devCommand, token: tokenCommand },
    colours: process.stdout.isTTY,
  },
  process.argv.slice(2),
  processContext(import.meta.url),
)
