/** In JavaScript, because TypeScript adds a helper to every `import()` of a computed URL. */
export const importUrl = (url) => import(url)
