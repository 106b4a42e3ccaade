#!/usr/bin/env node
import { tellOldNode } from './node/old-node.ts'
import { readOwnPackage } from './node/own-package.ts'

const complaint = tellOldNode(process.versions.node, readOwnPackage(import.meta.url).engines.node)
if (complaint) {
  console.error(complaint)
  process.exitCode = 2
} else {
  // Not before: what the commands are made of fails on an older Node, by a stack trace that does not say why.
  const { runCommandLine } = await import('./dev/command-line.ts')
  process.exitCode = await runCommandLine(import.meta.url)
}
