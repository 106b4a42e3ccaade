/** True for `npm run soak` alone: what takes hours. */
export const isLong: boolean = process.env.ORQ_SOAK === '1'

/** Says, in a soak alone, what begins and how long it goes on: nobody watches a silent process for hours. */
export const announce = (what: string, ms?: number): void => {
  if (isLong) console.log(`${what}${ms === undefined ? '' : `, for ${Math.round(ms / 6_000) / 10} min`}`)
}
