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
/** `2/3`: the second of three pages that share the cases. */
const [page, pages] = (query.get('share') ?? '1/1').split('/').map(Number)

const limit = (ms) =>
  new Promise((_, reject) => setTimeout(() => reject(new Error(`still running after ${ms} ms`)), ms))

const runCase = async ({ name, run }) => {
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
  result.ms = Math.round(performance.now() - start)
  return result
}

const all = (await Promise.all(files.map((file) => import(`/cases/${file}.js`)))).flatMap(({ cases }) => cases)
const mine = all.filter(({ name }, index) => only.test(name) && index % pages === page - 1)
const results = []
for (const one of mine) {
  results.push(await runCase(one))
  document.querySelector('#results').append(`${JSON.stringify(results.at(-1))}\n`)
}
document.title = 'Done'
window.finish(results)
