import { systemClock } from '../../../core/ports.ts'
import type { Moved, Moving, TakeResult } from '../../../store/moving.ts'
import { SettingError } from '../../setting-error.ts'
import { openSettings } from '../../settings.ts'
import { readStoreConfig } from '../../store-config.ts'
import { type Command, type CommandContext, CommandError, createCommand } from '../command.ts'
import { type End, type Head, LineError, parseHead, parseLine } from './moved-line.ts'
import { storeFlags, withStore } from './store-command.ts'

/** One transaction each: a proxy on the same store is held up for no longer than that. */
const batchRows = 100
const progressRows = 10_000
/** As long as a store remembers what was delivered: an older copy could bring back an older value. */
const oldestMs = 7 * 86_400_000
const skewMs = 60_000
const mostShown = 20

const readHead = (line: string | undefined): Head => {
  if (line === undefined)
    throw new SettingError('standard input', 'is empty', 'pipe into it what orq-identify queue export prints')
  try {
    const head = parseHead(line)
    const ageMs = systemClock.now() - head.at
    if (ageMs > oldestMs) throw new LineError('is of an export older than 7 days: make a new one')
    if (ageMs < -skewMs) throw new LineError('is of a machine whose clock is ahead of this one: set both by NTP')
    return head
  } catch (error) {
    if (!(error instanceof LineError)) throw error
    const [problem, ...hint] = error.message.split(': ')
    throw new SettingError('line 1', problem as string, hint.join(': '))
  }
}

const takeAll = async (
  moving: Moving,
  lines: AsyncIterator<string>,
  options: { hasSameKey: boolean },
  { print, warn }: Pick<CommandContext, 'print' | 'warn'>,
): Promise<void> => {
  const counts: Record<TakeResult, number> = { taken: 0, known: 0, nameless: 0 }
  let batch: { number: number; moved: Moved }[] = []
  let bad = 0
  let end: End | undefined
  const refuse = (number: number, problem: string): void => {
    if (++bad <= mostShown) warn(`line ${number}: ${problem}`)
  }
  const take = async ({ number, moved }: (typeof batch)[number]): Promise<void> => {
    try {
      counts[await moving.take(moved, options)]++
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      refuse(number, 'the row of this contact cannot be read in this store; see orq-identify queue list')
    }
  }
  const flush = async (): Promise<void> => {
    const taking = batch
    batch = []
    await Promise.all(taking.map(take))
  }
  let number = 1
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    number++
    if (next.value === '') continue
    try {
      const parsed = parseLine(next.value)
      if ('contacts' in parsed) end = parsed
      else batch.push({ number, moved: parsed })
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      refuse(number, `${error.message}; fix the line and import it again`)
    }
    if (batch.length === batchRows) await flush()
    if (number % progressRows === 0) warn(`${number} lines`)
  }
  await flush()
  print(`${counts.taken} contacts taken over, ${counts.known} known already or newer here.`)
  if (counts.nameless)
    print(
      `${counts.nameless} of which nothing waits are left out: this store was not made by this import, so that its hashes have another key.`,
    )
  if (end?.unreadable) warn(`${end.unreadable} rows could not be read by the export and are not in it.`)
  if (bad) throw new CommandError(`${bad} lines were not taken; fix them and import again`)
  if (!end) throw new CommandError('the export ended early; what came of it is taken over, run both again')
}

export const importCommand: Command = createCommand({
  name: 'queue import',
  description: 'Takes over what queue export printed, from standard input; newer values here stay',
  args: storeFlags,
  run: async (flags, context) => {
    const { lines: open, environment } = context
    const settings = openSettings({ flags, environment })
    // Not the default: a file that nobody meant would take it all, and nobody would deliver it.
    if (settings.get('ORQ_STORE') === undefined)
      throw new SettingError('ORQ_STORE', 'is missing', 'name the store that takes over, such as postgres://…')
    const config = readStoreConfig(settings)
    if (!open)
      throw new SettingError(
        'standard input',
        'is a terminal',
        'pipe an export into it: orq-identify queue export | orq-identify queue import',
      )
    const lines = open()
    const first = await lines.next()
    const head = readHead(first.done ? undefined : first.value)
    const hint = 'what was taken over so far is stored, import again'
    await withStore(config, { create: true, key: head.key, hint }, async ({ moving }) => {
      if (!moving) throw new CommandError('this store keeps nothing')
      const hasSameKey = Buffer.from(moving.key()).equals(head.key)
      await takeAll(moving, lines, { hasSameKey }, context)
    })
  },
})
