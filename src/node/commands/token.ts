import { isExternalId } from '../../core/contact.ts'
import { mintToken } from '../../proxy/mint.ts'
import { parseFields, parseTokenKeys } from '../config.ts'
import { quote, SettingError } from '../setting-error.ts'
import { missing, openSettings } from '../settings.ts'
import { type Command, createCommand, envFileFlag, settingFlag } from './command.ts'

const text = (flags: Record<string, unknown>, name: string): string | undefined => {
  const value = flags[name]
  if (value === '') throw new SettingError(`--${name}`, 'has no value', 'give one, or leave the flag out')
  return typeof value === 'string' ? value : undefined
}

const readSubject = (value: string | undefined): string => {
  if (value === undefined) throw new SettingError('--sub', 'is missing', 'give the external id, such as --sub user_1')
  if (isExternalId(value)) return value
  throw new SettingError('--sub', `${quote(value)} is no external id`, 'give 1 to 120 characters, not "." or ".."')
}

const readLifetime = (value: string): string => {
  const [, amount, unit = 's'] = /^(\d{1,4})(s|m)?$/.exec(value) ?? []
  const seconds = Number(amount) * (unit === 'm' ? 60 : 1)
  if (seconds >= 1 && seconds <= 900) return `${amount}${unit}`
  throw new SettingError('--ttl', `${quote(value)} is no lifetime`, 'give 1s to 15m, such as 5m')
}

const readOrigin = (value: string): string => {
  if (URL.canParse(value) && new URL(value).origin === value) return value
  throw new SettingError(
    '--origin',
    `${quote(value)} is no origin`,
    'give scheme and host, such as https://app.example',
  )
}

/** Prints a token for one contact, as an app's backend would mint it: to try a deployment with curl. */
export const tokenCommand: Command = createCommand({
  name: 'token',
  description: 'Prints a token that lets a page write one contact',
  args: {
    sub: { type: 'string', description: 'The external id of the contact', valueHint: 'ID' },
    ttl: { type: 'string', description: 'Lifetime, at most 15m; 5m when not given', valueHint: '5m' },
    fields: { type: 'string', description: 'The only fields that may be written', valueHint: 'email,tags' },
    origin: { type: 'string', description: 'The only origin that may use it', valueHint: 'https://app.example' },
    ...settingFlag('ORQ_TOKEN_SECRET', 'secret, or kid:secret; the first of several signs', 'SECRET'),
    ...envFileFlag,
  },
  run: async (flags, { environment, print }) => {
    const subject = readSubject(text(flags, 'sub'))
    const expiresIn = readLifetime(text(flags, 'ttl') ?? '5m')
    const fields = text(flags, 'fields')
    const origin = text(flags, 'origin')
    const claims = {
      subject,
      expiresIn,
      ...(fields === undefined ? {} : { fields: parseFields(fields, '--fields') }),
      ...(origin === undefined ? {} : { origin: readOrigin(origin) }),
    }
    const settings = openSettings({ flags, environment })
    const value = settings.get('ORQ_TOKEN_SECRET')
    if (value === undefined)
      throw missing(settings, 'ORQ_TOKEN_SECRET', 'give the secret of your proxy, in the environment or by --env-file')
    print(await mintToken(claims, parseTokenKeys(value).signing))
  },
})
