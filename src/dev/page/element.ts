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
