import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { heavy } from '../is-all.ts'
import { requireTools, toolsFolder } from '../tools.ts'

requireTools('yaml')
const root = join(import.meta.dirname, '../..')
const folder = join(root, '.github/workflows')
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const files = readdirSync(folder)
const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts as Record<string, string>

interface Step {
  uses?: string
  run?: string
  with?: Record<string, unknown>
}
interface Job {
  permissions?: Record<string, string>
  needs?: string
  'timeout-minutes'?: number
  steps: Step[]
}
interface Workflow {
  name: string
  on: Record<string, unknown>
  permissions?: Record<string, string>
  jobs: Record<string, Job>
}

test.each(files)('%s names each action by the commit of a release', (file) => {
  const lines = read(file).split('\n')
  const used = lines.filter((line) => /\buses:/.test(line))
  expect(used.length).toBeGreaterThan(0)
  for (const line of used) expect(line).toMatch(/^ +- uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
})

test('one release of an action is used everywhere', () => {
  const used = files.flatMap((file) => [...read(file).matchAll(/uses: (.+)/g)].map(([, action]) => action as string))
  const actions = used.map((action) => action.split('@')[0])
  expect(new Set(used).size).toBe(new Set(actions).size)
})

// The parser comes with tests/package.json.
describe('the workflows', heavy, () => {
  const workflows: Record<string, Workflow> = {}
  beforeAll(async () => {
    // Named by a variable: `npm run check` has to pass where it is not installed.
    const name = pathToFileURL(join(toolsFolder, 'yaml/dist/index.js')).href
    const { parse } = (await import(name)) as { parse: (text: string) => unknown }
    for (const file of files) workflows[file] = parse(read(file)) as Workflow
  })
  const jobsOf = (file: string): [string, Job][] => Object.entries(workflows[file]?.jobs ?? {})
  const runsOf = ({ steps }: Job): string[] => steps.flatMap(({ run }) => run ?? [])

  test.each(files)('%s gives no right but to read, and every job an end', (file) => {
    expect(workflows[file]?.permissions).toEqual({})
    expect(jobsOf(file).length).toBeGreaterThan(0)
    for (const [name, job] of jobsOf(file)) {
      const mayPublish = file === 'release.yml' && name === 'publish'
      expect(job.permissions).toEqual({ contents: 'read', ...(mayPublish && { 'id-token': 'write' }) })
      expect(job['timeout-minutes']).toBeGreaterThan(0)
    }
  })

  test.each(files)('%s runs what is there, and no text from outside', (file) => {
    for (const run of jobsOf(file).flatMap(([, job]) => runsOf(job))) {
      expect(run).not.toContain('${{')
      const [, script] = /npm run ([\w:]+)/.exec(run) ?? []
      if (script) expect(Object.keys(scripts)).toContain(script)
      if (run.startsWith('.ci/')) accessSync(join(root, run), constants.X_OK)
    }
  })

  test.each(files)('%s leaves no credentials of its checkout for what runs later', (file) => {
    const checkouts = jobsOf(file).flatMap(([, { steps }]) => steps.filter(({ uses }) => uses?.includes('/checkout@')))
    expect(checkouts).toHaveLength(jobsOf(file).length)
    for (const checkout of checkouts) expect(checkout.with).toEqual({ 'persist-credentials': false })
  })

  test('a release is tested first, is the version of its tag, and is published with provenance and no token', () => {
    const { on, jobs } = workflows['release.yml'] as Workflow
    expect(on).toEqual({ push: { tags: ['v*.*.*'] } })
    expect(runsOf(jobs['test'] as Job)).toContain('.ci/run')
    const publish = jobs['publish'] as Job
    expect(publish.needs).toBe('test')
    const runs = runsOf(publish)
    expect(runs.findIndex((run) => run.includes('GITHUB_REF_NAME'))).toBe(0)
    expect(runs.at(-1)).toMatch(/^npm publish .*--provenance/)
    expect(read('release.yml')).not.toContain('secrets.')
  })

  test('what users install is audited once a week', () => {
    const { on, jobs } = workflows['audit.yml'] as Workflow
    const [{ cron }] = on['schedule'] as [{ cron: string }]
    expect(cron).toMatch(/^\d+ \d+ \* \* [0-6]$/)
    expect(Object.values(jobs).flatMap(runsOf)).toContain('npm audit --omit=dev')
  })

  test('every change is tested', () => {
    const { on, jobs } = workflows['ci.yml'] as Workflow
    expect(Object.keys(on)).toEqual(['push', 'pull_request'])
    expect(Object.values(jobs).flatMap(runsOf)).toContain('.ci/run')
  })
})
