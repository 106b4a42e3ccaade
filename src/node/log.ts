import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import pino, { type DestinationStream, type Logger } from 'pino'
import { type Clock, systemClock } from '../core/ports.ts'
import type { ProxyEvent } from '../proxy/events.ts'
import { createLogOutput, type LogOutput } from './log-output.ts'
import type { LogLevel } from './proxy-config.ts'

/** All that a line may hold besides level, time and message. No field's value, token, key or text of upstream has a place. */
interface Line {
  event: string
  /** A hash of the external id with a key that nobody else has. */
  subject?: string | undefined
  status?: number | undefined
  code?: string | undefined
  result?: string | undefined
  why?: string | undefined
  /** Names of fields. */
  fields?: readonly string[] | undefined
  reason?: string | undefined
  ms?: number | undefined
  where?: string | undefined
  /** What a person has to fix, in words of ours. */
  problem?: string | undefined
  /** How many of the kind were not logged since the last one that was. */
  unlogged?: number | undefined
  version?: string | undefined
  url?: string | undefined
  adminUrl?: string | undefined
  /** The path of the file that settings were read from. */
  envFile?: string | undefined
  settings?: Readonly<Record<string, string>> | undefined
}

export interface LogOptions {
  /** @defaultValue 'info' */
  level?: LogLevel | undefined
  /** What stands for a contact, such as `pseudonym` of the store. @defaultValue a hash with a key of this process alone */
  pseudonym?: ((externalId: string) => string | undefined) | undefined
  /** @defaultValue standard output, see `createLogOutput` */
  destination?: (DestinationStream & Partial<LogOutput>) | undefined
  clock?: Pick<Clock, 'monotonic'> | undefined
}

export interface Log {
  /** Writes what is noteworthy, and at level debug everything. */
  onEvent(event: ProxyEvent): void
  started(line: {
    version: string
    url: string
    adminUrl: string
    envFile: string | undefined
    settings: Readonly<Record<string, string>>
  }): void
  stopping(): void
  /** Resolves when the line is written, or finds no reader. */
  stopped(): Promise<void>
  /** The process ends by a defect of ours; see `nameError`. */
  crashed(where: string): void
  /** A text of ours, which holds nothing that a request brought. */
  warn(message: string): void
}

/** Of what may come with every request, one line of a kind in this time. */
const quietMs = 60_000

/** A hash that is worthless outside this process: ids are few, so one without a key would be found by trying them. */
const processPseudonym = (): ((externalId: string) => string) => {
  const key = createSecretKey(randomBytes(32))
  return (externalId) => createHmac('sha256', key).update(externalId).digest('hex').slice(0, 32)
}

const open = (level: LogLevel, destination: DestinationStream): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )

/** JSON lines of what the proxy does. */
export const createLog = (options: LogOptions = {}): Log => {
  const { level = 'info', pseudonym = processPseudonym(), clock = systemClock } = options
  const destination = options.destination ?? createLogOutput()
  const logger = open(level, destination)
  // Asked once: per request a look at it is all that a level which is off costs.
  const isDebug = logger.isLevelEnabled('debug')
  const write = (at: 'debug' | 'info' | 'warn' | 'error', line: Line, message: string): void =>
    logger[at](line, message)

  /** By kind; kinds are codes and texts of ours, and therefore few. */
  const quiet = new Map<string, { until: number; unlogged: number }>()
  const writeOnce = (at: 'warn' | 'error', line: Line, message: string): void => {
    const kind = `${line.event} ${line.code ?? line.why ?? ''} ${line.problem ?? ''}`
    const now = clock.monotonic()
    const last = quiet.get(kind)
    if (last && now < last.until) {
      last.unlogged++
      return
    }
    quiet.set(kind, { until: now + quietMs, unlogged: 0 })
    write(at, { ...line, ...(last?.unlogged && { unlogged: last.unlogged }) }, message)
  }

  const paused = (why: 'retry_after' | 'failing' | 'blocked', ms: number): void => {
    if (why === 'blocked')
      write(
        'error',
        { event: 'paused', why, ms },
        'the contacts API turns updates away; they are kept. Check ORQ_API_KEY, ORQ_SERVER_URL and ORQ_UPSTREAM_PATH',
      )
    else if (why === 'failing')
      write('warn', { event: 'paused', why, ms }, 'the contacts API fails; one call at a time until one passes')
    else write('warn', { event: 'paused', why, ms }, 'the contacts API asked for a pause')
  }

  const unreachable = (why: 'dns' | 'tls'): void => {
    const problem =
      why === 'dns'
        ? 'the name of the contacts API cannot be resolved; updates are kept. Check ORQ_SERVER_URL and the DNS of this machine'
        : 'the contacts API shows no certificate that is trusted here, and is sent nothing; updates are kept. Check ORQ_SERVER_URL, its certificate, and the authorities and clock of this machine'
    writeOnce('error', { event: 'unreachable', why }, problem)
  }

  const subject = (externalId: string | undefined): string | undefined =>
    externalId === undefined ? undefined : pseudonym(externalId)

  return {
    onEvent: (event) => {
      switch (event.type) {
        case 'paused':
          return paused(event.why, Math.round(event.ms))
        case 'resumed':
          return write('info', { event: 'resumed' }, 'the contacts API takes calls again')
        case 'parked': {
          const { externalId, fields, reason } = event
          return write(
            'warn',
            { event: 'parked', subject: subject(externalId), fields, reason },
            'the contacts API refuses fields of a contact for good; they are kept aside',
          )
        }
        case 'refused':
          return writeOnce('warn', { event: 'token_refused', code: event.code }, 'a request had no valid token')
        case 'limited':
          return writeOnce('warn', { event: 'limited', why: event.by }, 'a limit of requests was exceeded')
        case 'failed':
          return writeOnce('error', { event: 'failed', where: event.where }, 'a request failed unexpectedly')
        case 'put':
          if (event.result !== 'failed') return
          return writeOnce(
            'error',
            { event: 'store_failed', why: 'put', problem: event.problem },
            'the store takes no updates; pages were told to try again',
          )
        case 'store_failed':
          return writeOnce(
            'error',
            { event: 'store_failed', why: event.operation, problem: event.problem },
            event.operation === 'upkeep'
              ? 'the store does not mend lost jobs or remove what is old; it tries again'
              : 'the store does not hand out or record deliveries; it is asked again, and some may be repeated',
          )
        case 'unverifiable':
          return writeOnce(
            'error',
            { event: 'unverifiable' },
            'the keys of the identity provider cannot be read, so tokens cannot be checked; pages were told to try again. Check ORQ_JWKS_URL and the way to it',
          )
        case 'call': {
          const { result, status, trouble, ms, externalId } = event
          if (trouble === 'dns' || trouble === 'tls') unreachable(trouble)
          if (!isDebug) return
          return write(
            'debug',
            { event: 'called', subject: subject(externalId), status, result, why: trouble, ms },
            'called upstream',
          )
        }
        case 'answered': {
          if (!isDebug) return
          const { status, code, ms, externalId } = event
          return write('debug', { event: 'answered', subject: subject(externalId), status, code, ms }, 'answered')
        }
      }
    },
    started: (line) => write('info', { event: 'started', ...line }, 'started'),
    stopping: () => write('info', { event: 'stopping' }, 'stopping'),
    stopped: async () => {
      write('info', { event: 'stopped' }, 'stopped')
      await destination.end?.()
    },
    crashed: (where) => {
      write('error', { event: 'crashed', where }, 'ended by a defect')
      destination.endNow?.()
    },
    warn: (message) => write('warn', { event: 'warning' }, message),
  }
}
