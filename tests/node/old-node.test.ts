import { expect, test } from 'vitest'
import { tellOldNode } from '../../src/node/old-node.ts'

test.each(['22.19.0', '22.19.1', '22.20.0', '23.0.0', '24.1.0', '22.19.0-nightly'])(
  'Node %s is new enough',
  (version) => expect(tellOldNode(version, '>=22.19')).toBeUndefined(),
)

test.each(['22.18.9', '22.9.0', '21.99.0', '8.17.0'])(
  'Node %s is too old, which is said with both versions',
  (version) =>
    expect(tellOldNode(version, '>=22.19')).toBe(`orq-identify: Node 22.19 or newer is needed, this one is ${version}`),
)
