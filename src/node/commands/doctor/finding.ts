/** `note`: it works, and could be better. `wrong`: something does not work, or lets in what it should not. */
export type Level = 'ok' | 'note' | 'wrong'

export interface Finding {
  level: Level
  /** What was looked at, in a word or two. */
  about: string
  /** What was seen and, unless all is well, how to fix it. Holds no token, cookie or personal data. */
  text: string
}

export const ok = (about: string, text: string): Finding => ({ level: 'ok', about, text })

export const note = (about: string, seen: string, hint: string): Finding => ({
  level: 'note',
  about,
  text: `${seen}; ${hint}`,
})

export const wrong = (about: string, seen: string, hint: string): Finding => ({
  level: 'wrong',
  about,
  text: `${seen}; ${hint}`,
})

/** What is wrong, or the one sentence that says that nothing is. */
export const orOk = (troubles: Finding[], about: string, text: string): Finding[] =>
  troubles.length ? troubles : [ok(about, text)]
