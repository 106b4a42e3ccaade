/** True in `npm run test:all`, which runs what `npm test` leaves out. */
export const isAll: boolean = process.env.ORQ_TEST_ALL === '1'

/** For a test that takes long, or needs the tools of tests/package.json: `npm run test:all` alone runs it. */
export const heavy: { tags: string[] } = { tags: ['heavy'] }

/** For a test that `npm test` runs shortly, and `npm run test:all` for longer. */
export const alsoInAll: { tags: string[] } = isAll ? heavy : { tags: [] }
