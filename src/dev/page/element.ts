/** The element with this id, which the page's HTML has. @throws when the HTML and the script do not fit together */
export const byId = <T extends HTMLElement>(id: string): T => {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no #${id}`)
  return element as T
}

/** A new element. Children are text or elements, never HTML: what people typed is shown as they typed it. */
export const make = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  ...children: (string | Node)[]
): HTMLElementTagNameMap[Name] => {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...children)
  return element
}

/** A time of day, machine-readable too. */
export const timeOf = (at: number | string): HTMLTimeElement => {
  const date = new Date(at)
  const element = make('time', '', date.toLocaleTimeString())
  element.dateTime = date.toISOString()
  return element
}

/** The page stays quick in a tab that is left open: older entries go. */
const maxEntries = 200

/** @param before what the item comes before, by default everything; null: it comes last */
export const insert = (list: HTMLElement, item: HTMLElement, before: Element | null = list.firstElementChild): void => {
  list.insertBefore(item, before)
  while (list.childElementCount > maxEntries) list.lastElementChild?.remove()
}

/** A name and what it stands for, for a `dl`. */
export const pair = (name: string, ...content: (string | Node)[]): Node[] => [
  make('dt', '', name),
  make('dd', '', ...content),
]

let lastId = 0

/** An id that no other element of the page has. */
export const nextId = (prefix: string): string => `${prefix}-${++lastId}`
