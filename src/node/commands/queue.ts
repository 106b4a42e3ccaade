import { type Command, createGroup } from './command.ts'
import { dropCommand } from './queue/drop.ts'
import { exportCommand } from './queue/export.ts'
import { importCommand } from './queue/import.ts'
import { listCommand } from './queue/list.ts'
import { purgeCommand } from './queue/purge.ts'
import { retryCommand } from './queue/retry.ts'
import { showCommand } from './queue/show.ts'
import { statsCommand } from './queue/stats.ts'

/** Looks into the store of a proxy and mends what waits in it, also while the proxy runs. */
export const queueCommand: Command = createGroup({
  name: 'queue',
  description: 'Shows and mends what waits for the contacts API',
  commands: {
    list: listCommand,
    show: showCommand,
    retry: retryCommand,
    drop: dropCommand,
    purge: purgeCommand,
    stats: statsCommand,
    export: exportCommand,
    import: importCommand,
  },
})
