import { printable } from '../printable.ts'
import { type Command, CommandError, createCommand, envFileFlag, settingFlag } from './command.ts'
import { examine } from './doctor/examine.ts'
import { openLine } from './doctor/line.ts'
import { readRequest } from './doctor/request.ts'

/** Examines a deployment from outside, as the browser of somebody who uses it would meet it. */
export const doctorCommand: Command = createCommand({
  name: 'doctor',
  description:
    'Checks a deployment from outside: exit status 1 when something is wrong. Writes nothing unless --write is given',
  args: {
    url: {
      type: 'positional',
      description: 'Folder of the proxy, such as https://app.example/orq; of a site alone its /orq',
      required: true,
    },
    'token-url': {
      type: 'string',
      description: 'Route that gives pages their token, such as /token',
      valueHint: 'URL',
    },
    origin: {
      type: 'string',
      description: 'Origin of the pages, where it is not that of the proxy',
      valueHint: 'https://app.example',
    },
    csp: { type: 'string', description: 'Content-Security-Policy of the pages', valueHint: 'POLICY' },
    ...settingFlag('ORQ_TOKEN', 'A token to try; without --write nothing is written with it', 'TOKEN'),
    ...settingFlag('ORQ_COOKIE', 'Cookie of a signed-in person, for the token route', 'NAME=VALUE'),
    write: {
      type: 'boolean',
      description: 'Writes the contact of the token too, by its id alone; wrong unless it is delivered',
    },
    ...envFileFlag,
  },
  run: async (flags, { environment, print }) => {
    const request = readRequest({ flags, environment })
    const line = openLine()
    const count = { ok: 0, note: 0, wrong: 0 }
    try {
      for await (const findings of examine(line, request))
        for (const { level, about, text } of findings) {
          count[level]++
          print(printable(`${level.padEnd(5)}  ${about}: ${text}`))
        }
    } finally {
      await line.close()
    }
    if (count.wrong) throw new CommandError(`${count.wrong} wrong, ${count.note} to note, ${count.ok} good`)
    print(`All is well: ${count.ok} good, ${count.note} to note.`)
  },
})
