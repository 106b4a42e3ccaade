import { stripVTControlCharacters } from 'node:util'
import { type CommandDef, renderUsage, runCommand } from 'citty'
import { SettingError } from '../setting-error.ts'
import { type Command, type CommandContext, CommandError, createAll } from './command.ts'

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

/** As far as the words name commands. */
const choose = (root: CommandDef, argv: string[]): { chosen: CommandDef; words: string[]; rest: string[] } => {
  let chosen = root
  let depth = 0
  for (; ; depth++) {
    const below = chosen.subCommands as Record<string, CommandDef> | undefined
    const word = argv[depth]
    if (!below || word === undefined || !Object.hasOwn(below, word)) break
    chosen = below[word] as CommandDef
  }
  return { chosen, words: argv.slice(0, depth), rest: argv.slice(depth) }
}

/**
 * Runs one command.
 * @returns the exit status: 0 done, 2 a setting or the usage is wrong, said in one line; 1 it could not be done
 */
export const runProgram = async (program: Program, argv: string[], context: CommandContext): Promise<number> => {
  const { name, version, description, commands, colours } = program
  const root: CommandDef = { meta: { name, version, description }, subCommands: createAll(commands, context) }
  if (argv[0] === '--version' || argv[0] === '-v') {
    context.print(version)
    return 0
  }
  const { chosen, words, rest } = choose(root, argv)
  const said = [name, ...words].join(' ')
  const { subCommands } = chosen
  const wantsHelp = (subCommands ? rest.slice(0, 1) : rest).some((word) => word === '--help' || word === '-h')
  if (wantsHelp) {
    const usage = await renderUsage(chosen, chosen === root ? undefined : root)
    context.print(colours ? usage : stripVTControlCharacters(usage))
    return 0
  }
  if (subCommands) {
    const names = Object.keys(subCommands).join(', ')
    context.warn(`${said}: ${rest.length ? 'unknown' : 'no'} command; give one of ${names}, or --help`)
    return 2
  }
  try {
    await runCommand(chosen, { rawArgs: rest })
    return 0
  } catch (error) {
    if (error instanceof SettingError) context.warn(error.message)
    else if (isUsageError(error)) context.warn(`${said}: ${stripVTControlCharacters(error.message)}`)
    else {
      const isExpected = error instanceof CommandError || !(error instanceof Error)
      context.warn(`${said}: ${isExpected ? String(error instanceof Error ? error.message : error) : error.stack}`)
      return 1
    }
    return 2
  }
}
