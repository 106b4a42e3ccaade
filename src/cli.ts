#!/usr/bin/env node
import { devCommand } from './dev/command.ts'
import { doctorCommand } from './node/commands/doctor.ts'
import { runProgram } from './node/commands/main.ts'
import { processContext, readOwnPackage } from './node/commands/process.ts'
import { proxyCommand } from './node/commands/proxy.ts'
import { queueCommand } from './node/commands/queue.ts'
import { tokenCommand } from './node/commands/token.ts'

process.exitCode = await runProgram(
  {
    name: 'orq-identify',
    ...readOwnPackage(import.meta.url),
    commands: { dev: devCommand, proxy: proxyCommand, token: tokenCommand, queue: queueCommand, doctor: doctorCommand },
    colours: process.stdout.isTTY,
  },
  process.argv.slice(2),
  processContext(import.meta.url),
)
