/** True for `npm run test:all`: what takes long, or needs the tools of tests/package.json, runs only then. */
export const isAll: boolean = process.env.ORQ_TEST_ALL === '1'
