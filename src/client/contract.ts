/**
 * What core and chunk expect of each other, as one number. Raise it with every change of what they hand over
 * (`EngineContext`, `Engine`): during a deploy, a rollback or from a cache, the two of different builds meet in one page.
 */
export const contractVersion = 3
