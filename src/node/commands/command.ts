import type { ArgDef, ArgsDef, CommandDef } from 'citty'
import type { Setting } from '../proxy-settings.ts'
import { SettingError } from '../setting-error.ts'
import { flagOf } from '../settings.ts'

/** What a command may touch of its process. */
export interface CommandContext {
  environment: Record<string, string | undefined>
  /** Of this package. */
  version: string
  /** The folder of the built files. */
  distFolder: string
  /** One line to standard output. */
  print(line: string): void
  /** Resolves when what was printed has been taken; to false when nobody reads on, as behind `| head`. */
  printed(): Promise<boolean>
  /** Whether a person sees what is printed. */
  printsToTerminal: boolean
  /** The lines of standard input; absent where it is a terminal. To be called once. */
  lines?: (() => AsyncIterator<string>) | undefined
  /** One line to standard error. */
  warn(line: string): void
  /** Whether the person at the terminal says yes; absent when there is none, as in a script. */
  confirm?: ((question: string) => Promise<boolean>) | undefined
  /** Resolves at the first SIGINT or SIGTERM. */
  stopped(): Promise<void>
  /** Before the process ends by an error that nobody caught: in place of Node's own report, which prints its message. */
  onCrash(tell: (error: unknown) => void): void
}

export interface CommandOptions {
  name: string
  description: string
  args: ArgsDef
  /** Throws `SettingError` for what the person has to fix, `CommandError` for what cannot be done as things are. */
  run(flags: Record<string, unknown>, context: CommandContext): Promise<void>
}

/** What was asked for cannot be done, and no setting is wrong. Its message is one line without personal data. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** A command, made for a process. One file per command; `cli.ts` lists them. */
export type Command = (context: CommandContext) => CommandDef

/** The flag of a setting, under the setting's own name. */
export const settingFlag = (name: string, description: string, valueHint: string): Record<string, ArgDef> => ({
  [flagOf(name)]: { type: 'string', description: `${description} (${name})`, valueHint },
})

/** A flag for each setting of a table. */
export const settingFlags = (settings: readonly Setting[]): ArgsDef =>
  Object.assign(
    {},
    ...settings.map(({ name, description, otherwise, valueHint }) =>
      settingFlag(
        name,
        otherwise === undefined ? description : `${description}, ${otherwise} when not given`,
        valueHint,
      ),
    ),
  )

export const envFileFlag: ArgsDef = {
  'env-file': { type: 'string', description: 'Reads settings from a file of NAME=value lines', valueHint: 'FILE' },
}

/** The parser takes any flag; one that we do not know is a typing mistake, and silence would hide it. */
const refuseUnknown = (flags: Record<string, unknown>, args: ArgsDef, name: string): void => {
  const known = (flag: string): boolean => flag in args || kebab(flag) in args
  for (const flag of Object.keys(flags))
    if (flag !== '_' && !known(flag))
      throw new SettingError(
        `--${flag.slice(0, 60).replace(/\p{Cc}/gu, '?')}`,
        'is no flag of this command',
        `see orq-identify ${name} --help`,
      )
  const words = (flags['_'] as string[] | undefined) ?? []
  const most = Object.values(args).filter(({ type }) => type === 'positional').length
  if (words.length <= most) return
  throw new SettingError(
    name,
    most ? `takes no more than ${most} word` : 'takes flags only',
    `see orq-identify ${name} --help`,
  )
}

// The parser lists `data-dir` as `dataDir` too.
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

export const createCommand =
  ({ name, description, args, run }: CommandOptions): Command =>
  (context) => ({
    meta: { name, description },
    args,
    run: async ({ args: flags }) => {
      refuseUnknown(flags, args, name)
      await run(flags, context)
    },
  })

export const createAll = (commands: Record<string, Command>, context: CommandContext): Record<string, CommandDef> =>
  Object.fromEntries(Object.entries(commands).map(([key, command]) => [key, command(context)]))

/** Several commands under one name. */
export const createGroup =
  ({
    name,
    description,
    commands,
  }: {
    name: string
    description: string
    commands: Record<string, Command>
  }): Command =>
  (context) => ({
    meta: { name, description },
    subCommands: createAll(commands, context),
  })
