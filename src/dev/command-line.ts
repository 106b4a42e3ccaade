import { doctorCommand } from '../node/commands/doctor.ts'
import { runProgram } from '../node/commands/main.ts'
import { processContext } from '../node/commands/process.ts'
import { proxyCommand } from '../node/commands/proxy.ts'
import { queueCommand } from '../node/commands/queue.ts'
import { tokenCommand } from '../node/commands/token.ts'
import { readOwnPackage } from '../node/own-package.ts'
import { devCommand } from './command.ts'

/**
 * Runs the command that this process was started for.
 * @param entry URL of the built program, in `dist`
 * @returns the exit status
 */
export const runCommandLine = (entry: string): Promise<number> =>
  runProgram(
    {
      name: 'orq-identify',
      ...readOwnPackage(entry),
      commands: {
        dev: devCommand,
        proxy: proxyCommand,
        token: tokenCommand,
        queue: queueCommand,
        doctor: doctorCommand,
      },
      colours: process.stdout.isTTY,
    },
    process.argv.slice(2),
    processContext(entry),
  )
