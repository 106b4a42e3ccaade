import { OrqError } from '../core/errors.ts'
import { printable } from './printable.ts'

/** A setting that is missing or wrong. Its message is one line that names the setting and holds a hint; never a secret. */
export class SettingError extends OrqError {
  /** The class by name. */
  override readonly name = 'SettingError'
  /** The setting as the person gave it: `PORT`, or `--ttl` for what exists only as a flag. */
  readonly setting: string
  constructor(setting: string, problem: string, hint: string) {
    super('INVALID_OPTION', `${setting}: ${problem}; ${hint}`)
    this.setting = setting
  }
}

/** A given value for use inside a one-line message: quoted, control characters escaped, at most 60 characters. */
export const quote = (value: string): string =>
  printable(JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value))
