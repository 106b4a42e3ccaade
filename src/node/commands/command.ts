import type { ArgDef, ArgsDef, CommandDef } from 'citty'
import { SettingError } from '../setting-error.ts'
import { flagOf } from '../settings.ts'

/** What a command may touch of its process. */
export interface CommandContext {
  environment: Record<string, string | undefined>
  /** The folder of the built files. */
  distFolder: string
  /** One line to standard output. */
  print(line: string): void
  /** One line to standard error. */
  warn(line: string): void
  /** Resolves at the first SIGINT or SIGTERM. */
  stopped(): Promise<void>
}

export interface CommandOptions {
  name: string
  description: string
  args: ArgsDef
  /** Throws `SettingError` for what the person has to mend. */
  run(flags: Record<string, unknown>, context: CommandContext): Promise<void>
}

/** A command, made for a process. One file per command; `cli.ts` lists them. */
export type Command = (context: CommandContext) => CommandDef

/** The flag of a setting, under the setting's own name. */
export const settingFlag = (name: string, description: string, valueHint: string): Record<string, ArgDef> => ({
  [flagOf(name)]: { type: 'string', description: `${description} (${name})`, valueHint },
})

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
  const [stray] = (flags['_'] as string[] | undefined) ?? []
  if (stray !== undefined) throw new SettingError(name, 'takes flags only', `see orq-identify ${name} --help`)
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
