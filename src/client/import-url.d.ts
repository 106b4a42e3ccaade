/** Loads a module from a URL that only the page knows. */
export declare const importUrl: (url: string) => Promise<unknown>
