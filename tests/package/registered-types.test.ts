import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { createApp } from '../readme/app-folder.ts'

/** What the compiler says of an app with this one file. */
const complaintsOf = (text: string): string[] => {
  const folder = createApp({ 'app.ts': text })
  const program = ts.createProgram([join(folder, 'app.ts')], {
    noEmit: true,
    strict: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  })
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ').split('.')[0] as string)
}

test('metadata and traits that an app has registered are what each call is checked by', () => {
  const complaints = complaintsOf(`import { orq, type IdentifiedUser } from 'orq-identify'
    interface Plan { plan: 'free' | 'pro'; seats?: number }
    declare module 'orq-identify' {
      interface Register { metadata: Plan; traits: { name?: string; plan: 'free' | 'pro' } }
    }
    orq.identify({ externalId: 'u', metadata: { plan: 'pro' } })
    orq.identify({ externalId: 'u' })
    orq.identify('u', { plan: 'free' })
    // @ts-expect-error no such plan
    orq.identify({ externalId: 'u', metadata: { plan: 'gold' } })
    // @ts-expect-error no such key
    orq.identify({ externalId: 'u', metadata: { plan: 'pro', other: 1 } })
    // @ts-expect-error no such trait
    orq.identify('u', { plan: 'pro', other: 1 })
    // @ts-expect-error the plan is missing
    orq.identify('u', { name: 'Jane' })`)
  expect(complaints).toEqual([])
})

test('window.orq is typed for who uses the script tag, and only then', () => {
  const use = `window.orq.identify('u', { plan: 'pro' })
    window.orq.push((orq) => orq.reset(), ['identify', 'u'])
    export {}`
  expect(complaintsOf(`import type {} from 'orq-identify/window'\n${use}`)).toEqual([])
  expect(complaintsOf(`/// <reference types="orq-identify/window" />\n${use}`)).toEqual([])
  expect(complaintsOf(`import 'orq-identify'\n${use}`)).not.toEqual([])
})
