// Forms of a token that neither one of our own nor an identity provider's may have.

type Case<Text = string> = [what: string, text: Text]

/** The same bytes, but for the bits that the last character does not need. */
const withStrayBits = (part: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) as string) + 1]
}

const partsOf = (good: string): string[] => good.split('.')
const fill = (part: string, rest: number, by: string): string => by.repeat((4 + rest - (part.length % 4)) % 4)

/** Characters that one of two readers would skip. */
export const skippedCharacters = (good: string): Case[] => {
  const [head = '', payload = '', signature = ''] = partsOf(good)
  return [
    ['padding', `${head}=.${payload}.${signature}`],
    ['padding at the end', good + fill(signature, 0, '=')],
    ['a space inside', `${head} .${payload}.${signature}`],
    ['a tab inside', `${head}.${payload}\t.${signature}`],
    ['a non-canonical end of the signature', `${head}.${payload}.${withStrayBits(signature)}`],
    ['the alphabet of plain base64', `${head}.${payload}.${signature.slice(0, -1)}+`],
    ['a length that no bytes have', good + fill(signature, 1, 'A')],
  ]
}

export const otherThanThreeParts = (good: string): Case[] => {
  const [head = '', payload = '', signature = ''] = partsOf(good)
  return [
    ['two parts', `${head}.${payload}`],
    ['four parts', `${good}.AAAA`],
    ['one part', 'secret'],
    ['three empty parts', '..'],
    ['JSON', JSON.stringify({ payload, signatures: [{ protected: head, signature }] })],
  ]
}

/** A payload with more text at its end. */
export const claimsWith = (claims: object, text: string): string => `${JSON.stringify(claims).slice(0, -1)},${text}}`

/** @param levels as many as fit into a token */
export const badPayloads = (claims: object, levels: number): Case<string | Buffer>[] => [
  ['invalid UTF-8', Buffer.concat([Buffer.from(claimsWith(claims, '"x":"')), Buffer.from([0xff]), Buffer.from('"}')])],
  ['a list', JSON.stringify([claims])],
  ['null', 'null'],
  ['a text', '"x"'],
  ['a BOM', `\ufeff${JSON.stringify(claims)}`],
  ['no JSON', '{'],
  ['nothing', ''],
  [`${levels} levels`, claimsWith(claims, `"x":${'['.repeat(levels)}${']'.repeat(levels - 1)}`)],
  ['a prototype that has the claims', `{"__proto__":${JSON.stringify(claims)}}`],
]

export const badHeaders = (header: object): Case[] => [
  ['a list', JSON.stringify([header])],
  ['null', 'null'],
  ['a BOM', `\ufeff${JSON.stringify(header)}`],
  ['a prototype that has the parameters', `{"__proto__":${JSON.stringify(header)}}`],
]
