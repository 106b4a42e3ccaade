import type { StoredContact } from './backend.ts'
import { make, pair, timeOf } from './element.ts'
import { shownAs } from './words.ts'

/** A contact on the page. Its element stays the same, so that focus and what is unfolded stay, too. */
export interface ContactCard {
  element: HTMLLIElement
  show(contact: StoredContact): void
}

/** Two letters in place of a picture: what `avatar_url` names is never fetched. */
const initialsOf = (name: string): string => {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  const [first = '?', last] = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => word && [...word][0],
  )
  return (first + (last ?? '')).toUpperCase()
}

const chips = (tags: string[]): HTMLElement => make('ul', 'chips', ...tags.map((tag) => make('li', '', tag)))

export const createContactCard = (): ContactCard => {
  const initials = make('span', 'initials')
  initials.ariaHidden = 'true'
  const name = make('h3', '')
  const email = make('p', 'what')
  const facts = make('dl', '')
  const json = make('pre', '', '')
  // What scrolls must be reachable by keyboard.
  json.tabIndex = 0
  const whole = make('details', '', make('summary', '', 'As the API answers it'), json)
  const head = make('div', 'person', initials, make('div', '', name, email))
  const element = make('li', '', head, facts, whole)
  element.dataset['testid'] = 'contact'

  const show = (contact: StoredContact): void => {
    const { _id, external_id, display_name, avatar_url, tags, metadata, created, updated } = contact
    const title = display_name || external_id
    element.dataset['externalId'] = external_id
    initials.textContent = initialsOf(title)
    name.textContent = title
    email.textContent = contact.email || 'no e-mail'
    facts.replaceChildren(
      ...pair('External id', external_id),
      ...pair('Orq id', make('code', '', _id)),
      ...(avatar_url === undefined ? [] : pair('Avatar', shownAs(avatar_url))),
      ...(tags === undefined ? [] : pair('Tags', tags.length ? chips(tags) : 'cleared')),
      ...(metadata === undefined
        ? []
        : Object.keys(metadata).length
          ? Object.entries(metadata).flatMap(([key, value]) => pair(key, shownAs(value)))
          : pair('Metadata', 'cleared')),
      ...pair('Created', timeOf(created)),
      ...pair('Updated', timeOf(updated)),
    )
    json.textContent = JSON.stringify(contact, null, 2)
    json.ariaLabel = `Contact ${external_id} as JSON`
  }
  return { element, show }
}
