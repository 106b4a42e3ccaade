import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'

const root = join(import.meta.dirname, '../..')
const types = join(root, 'dist/types/')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types?: string } | string>
}

/** The built declarations of each door, and of the script tag's, which no import names. */
const doorFiles: string[] = [
  ...Object.values(exports).flatMap((door) => (typeof door === 'object' && door.types ? door.types : [])),
  'dist/types/script.d.ts',
].map((file) => join(root, file))

/** Something that a user of the package sees: a symbol, or a member of one. */
export interface Shown {
  /** Like `client/options ClientOptions.debounceMs`. */
  name: string
  /** What its comment says before the first tag, in one line. */
  text: string
  /** What stands behind `@defaultValue`. */
  otherwise: string | undefined
  isOptional: boolean
}

const oneLine = (comment: ts.JSDoc['comment']): string =>
  (ts.getTextOfJSDocComment(comment) ?? '').trim().replace(/\s+/g, ' ')

const show = (node: ts.Node, name: string): Shown => {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)
  const tag = ts.getJSDocTags(node).find(({ tagName }) => tagName.text === 'defaultValue')
  return {
    name,
    text: docs.map(({ comment }) => oneLine(comment)).join(' '),
    otherwise: tag && oneLine(tag.comment),
    isOptional: !!(node as ts.PropertySignature).questionToken,
  }
}

type Member = ts.ClassElement | ts.TypeElement

const isPublic = (member: Member): boolean =>
  !ts.isConstructorDeclaration(member) &&
  !(ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected))

const nameOf = (member: Member): string =>
  member.name?.getText() ?? (ts.isIndexSignatureDeclaration(member) ? '[key]' : '()')

const isObject = (type: ts.TypeNode): type is ts.TypeLiteralNode => ts.isTypeLiteralNode(type)

/** The comment before one alternative of a union: it is no declaration, so TypeScript keeps it with no node. */
const isExplained = (alternative: ts.TypeNode): boolean =>
  /\*\/\s*(\|\s*)?$/.test(alternative.getSourceFile().text.slice(0, alternative.getStart()))

/** What is written out in a type. Each alternative of a union may be explained as a whole. */
const shownIn = (type: ts.TypeNode | undefined, owner: string): Shown[] => {
  if (!type) return []
  if (isObject(type)) return membersOf(type.members, owner)
  if (ts.isParenthesizedTypeNode(type)) return shownIn(type.type, owner)
  if (ts.isIntersectionTypeNode(type)) return type.types.flatMap((part) => shownIn(part, owner))
  if (!ts.isUnionTypeNode(type)) return []
  const alternatives = type.types.filter(isObject)
  return type.types.flatMap((part) => (alternatives.length > 1 && isExplained(part) ? [] : shownIn(part, owner)))
}

const membersOf = (members: readonly Member[], owner: string): Shown[] =>
  members.filter(isPublic).flatMap((member) => {
    const name = `${owner}.${nameOf(member)}`
    return [show(member, name), ...shownIn((member as ts.PropertySignature).type, name)]
  })

const shownBy = (declaration: ts.Declaration): Shown[] => {
  const file = declaration.getSourceFile().fileName.slice(types.length).replace('.d.ts', '')
  const name = `${file} ${(declaration as ts.InterfaceDeclaration).name?.getText()}`
  const inside =
    ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)
      ? membersOf(declaration.members, name)
      : ts.isTypeAliasDeclaration(declaration)
        ? shownIn(declaration.type, name)
        : []
  return [show(declaration, name), ...inside]
}

/** Of this package, and a symbol of its file: members are looked at with their owners. */
const isOurs = (declaration: ts.Declaration): boolean =>
  declaration.getSourceFile().fileName.startsWith(types) &&
  (ts.isInterfaceDeclaration(declaration) ||
    ts.isClassDeclaration(declaration) ||
    ts.isTypeAliasDeclaration(declaration) ||
    ts.isVariableDeclaration(declaration))

const program = ts.createProgram(doorFiles, { skipLibCheck: true, types: [] })
const checker = program.getTypeChecker()

const exportsOf = (file: string): ts.Symbol[] => {
  const door = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile)
  return door ? checker.getExportsOfModule(door) : []
}

/** What an export or import stands for. */
const targetOf = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

/** The names of the types that each door exports, in order. */
export const typesByDoor = (): Record<string, string[]> =>
  Object.fromEntries(
    doorFiles.map((file) => {
      const types = exportsOf(file).filter((symbol) => !(targetOf(symbol).flags & ts.SymbolFlags.Value))
      return [basename(file, '.d.ts'), types.map(({ name }) => name).sort()]
    }),
  )

/** Every symbol that a door exports, every type of ours that these name, and so on, each with its members. */
export const shownByDoors = (): Shown[] => {
  const seen = new Set<ts.Declaration>()
  const add = (symbol: ts.Symbol | undefined): void => {
    for (const declaration of (symbol && targetOf(symbol).declarations) ?? []) {
      if (!isOurs(declaration) || seen.has(declaration)) continue
      seen.add(declaration)
      follow(declaration)
    }
  }
  const follow = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) add(checker.getSymbolAtLocation(node))
    ts.forEachChild(node, follow)
  }
  for (const file of doorFiles) for (const symbol of exportsOf(file)) add(symbol)
  return [...seen].flatMap(shownBy)
}
