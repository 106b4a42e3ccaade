/** A key of the caller's, as the console may show it: what is no name may be somebody's address. */
export const shownKey = (key: string): string => (/^[\w$.-]+$/.test(key) ? key : 'a key')
