import { OrqError } from '../core/errors.ts'

/** A setting that is missing or wrong. Its message is one line that names the setting and the mend; never a secret. */
export class SettingError extends OrqError {
  override readonly name = 'SettingError'
  /** The setting as the person gave it: `PORT`, or `--ttl` for what exists only as a flag. */
  readonly setting: string
  constructor(setting: string, problem: string, mend: string) {
    super('INVALID_OPTION', `${setting}: ${problem}; ${mend}`)
    this.setting = setting
  }
}

/** A given value for use inside a one-line message: quoted, control characters escaped, at most 60 characters. */
export const quote = (value: string): string =>
  JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
