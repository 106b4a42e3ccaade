/** What became of one case in one engine. */
export interface CaseResult {
  name: string
  ms: number
  error?: string
  /** Why this engine, or this file, has no means to show it. */
  cannot?: string
  /** What the client is known to do wrong there. */
  defect?: string
  /** The defect is gone: its mark in the case can go too. */
  isMended?: boolean
}

/** The expression that a driver awaits in the page. */
export const whenDone = 'window.whenDone'

/** One line per case that says more than "passes". */
export const describeResults = (engine: string, results: CaseResult[]): string =>
  [
    `${engine}: ${results.length} cases, ${results.filter(({ error }) => error).length} fail`,
    ...results.flatMap(({ name, cannot, defect, isMended }) => [
      ...(cannot ? [`  not shown: ${name}: ${cannot}`] : []),
      ...(isMended ? [`  mended, remove the mark: ${name}`] : []),
      ...(defect ? [`  KNOWN DEFECT: ${name}: ${defect.slice(0, 300)}`] : []),
    ]),
  ].join('\n')
