/**
 * Text that does nothing to a terminal: control characters, and those that change the direction of what follows or are
 * not seen, as `\uXXXX`. Inside JSON it stays the same value.
 */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
