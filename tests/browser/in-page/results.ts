/** What became of one case in one engine. */
export interface CaseResult {
  name: string
  ms: number
  error?: string
  /** Why this engine, or this file, has no means to show it. */
  cannot?: string
}

/** The expression that a driver awaits in the page. */
export const whenDone = 'window.whenDone'

/** One line per case that says more than "passes". */
export const describeResults = (engine: string, results: CaseResult[]): string =>
  [
    `${engine}: ${results.length} cases, ${results.filter(({ error }) => error).length} fail`,
    ...results.flatMap(({ name, cannot }) => (cannot ? [`  not shown: ${name}: ${cannot}`] : [])),
    // A second try hides what the first one threw.
    ...results.flatMap(({ name, error }) => (error ? [`  fails: ${name}: ${error}`] : [])),
  ].join('\n')
