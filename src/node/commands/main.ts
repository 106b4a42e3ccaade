import { stripVTControlCharacters } from 'node:util'
import { type CommandDef, renderUsage, runCommand } from 'citty'
import { SettingError } from '../setting-error.ts'
import type { Command, CommandContext } from './command.ts'

export interface Program {
  name: string
  version: string
  description: string
  commands: Record<string, Command>
  /** Whether help may be coloured. */
  colours: boolean
}

// The parser's own errors are recognised by name: it does not export their class.
const isUsageError = (error: unknown): error is Error => error instanceof Error && error.name === 'CLIError'

/**
 * Runs one command.
 * @returns the exit status: 0 done, 2 a setting or the usage is wrong, said in one line; 1 a failure of ours
 */
export const runProgram = async (program: Program, argv: string[], context: CommandContext): Promise<number> => {
  const { name, version, description, commands, colours } = program
  const subCommands = Object.fromEntries(Object.entries(commands).map(([key, command]) => [key, command(context)]))
  const root: CommandDef = { meta: { name, version, description }, subCommands }
  const [first, ...rest] = argv

  if (first === '--version' || first === '-v') {
    context.print(version)
    return 0
  }
  const chosen = first !== undefined && Object.hasOwn(subCommands, first) ? subCommands[first] : undefined
  const wantsHelp = [first, ...(chosen ? rest : [])].some((argument) => argument === '--help' || argument === '-h')
  if (wantsHelp) {
    const usage = await renderUsage(chosen ?? root, chosen && root)
    context.print(colours ? usage : stripVTControlCharacters(usage))
    return 0
  }
  if (!chosen) {
    context.warn(
      `${name}: ${first === undefined ? 'no' : 'unknown'} command; give one of ${Object.keys(commands).join(', ')}, or --help`,
    )
    return 2
  }
  try {
    await runCommand(chosen, { rawArgs: rest })
    return 0
  } catch (error) {
    if (error instanceof SettingError) context.warn(error.message)
    else if (isUsageError(error)) context.warn(`${name} ${first}: ${stripVTControlCharacters(error.message)}`)
    else {
      context.warn(`${name} ${first}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      return 1
    }
    return 2
  }
}
