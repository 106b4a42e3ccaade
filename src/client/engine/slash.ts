/**
 * Makes a request once more with a slash behind its path, where the first answer is a redirect: many frameworks redirect so, and a
 * redirected POST would become a GET. What has worked is remembered for the page.
 */
export const trySlash = <Args extends unknown[]>(
  send: (slash: string, ...args: Args) => Promise<Response>,
): ((...args: Args) => Promise<Response>) => {
  let known = ''
  return async (...args) => {
    const response = await send(known, ...args)
    if (response.type !== 'opaqueredirect' || known) return response
    const again = await send('/', ...args)
    if (again.type === 'opaqueredirect') return response
    known = '/'
    return again
  }
}
