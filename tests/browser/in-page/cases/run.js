import { Cannot } from './expect.js'
import { createTools } from './tools.js'

const files = [
  'arguments',
  'queue',
  'joining',
  'duplicates',
  'reset',
  'retries',
  'answers',
  'tokens',
  'network',
  'leaving',
  'storage',
  'tabs',
  'consent',
  'policy',
  'hostile',
]
const query = new URLSearchParams(location.search)
const door = query.get('door') ?? 'orq.js'
const only = new RegExp(query.get('only') ?? '.')

const limit = (ms) =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(`still running after ${ms} ms`)), ms))

/** `defect` names what the client does wrong there today: told, but no failure of the suite. */
const runCase = async ({ name, run, defect }) => {
  const [number] = name.split(' ')
  const tools = createTools(number.toLowerCase(), door)
  const start = performance.now()
  const result = { name, ms: 0 }
  try {
    await Promise.race([run(tools), limit(15_000)])
  } catch (error) {
    if (error instanceof Cannot) result.cannot = error.message
    else result.error = String(error)
  }
  const problems = tools.close()
  if (problems.length && !result.error) result.error = problems.join('; ')
  if (defect && result.error) {
    result.defect = `${defect} (${result.error})`
    delete result.error
  } else if (defect && !result.cannot) result.isMended = true
  result.ms = Math.round(performance.now() - start)
  return result
}

const results = []
for (const file of files) {
  const { cases } = await import(`/cases/${file}.js`)
  for (const one of cases.filter(({ name }) => only.test(name))) {
    results.push(await runCase(one))
    document.querySelector('#results').append(`${JSON.stringify(results.at(-1))}\n`)
  }
}
document.title = 'Done'
window.finish(results)
