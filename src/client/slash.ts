/**
 * Makes a request once more where the answer is a redirect: with a slash behind its path, or without the one that worked before.
 * Many frameworks redirect so, and a redirected POST would become a GET. What has worked is remembered for the page.
 */
export const trySlash = <Args extends unknown[]>(
  send: (slash: string, ...args: Args) => Promise<Response>,
): ((...args: Args) => Promise<Response>) => {
  let known = ''
  return async (...args) => {
    const response = await send(known, ...args)
    if (response.type !== 'opaqueredirect') return response
    const other = known ? '' : '/'
    const again = await send(other, ...args)
    // Nothing is there: the redirect says more, to a sign-in page for example.
    if (again.type === 'opaqueredirect' || again.status === 404) return response
    known = other
    return again
  }
}
