import { type FaultMode, listContacts, type StoredContact } from './backend.ts'
import { byId, make, timeOf } from './element.ts'

const pair = (name: string, ...content: (string | Node)[]): Node[] => [make('dt', '', name), make('dd', '', ...content)]

const cardOf = (contact: StoredContact): HTMLLIElement => {
  const { external_id, display_name, email, tags, metadata, updated } = contact
  const facts = make('dl', '')
  facts.append(
    ...pair('Id', external_id),
    ...(email === undefined ? [] : pair('E-mail', email ?? 'cleared')),
    ...(tags === undefined ? [] : pair('Tags', tags.join(', ') || 'cleared')),
    ...(metadata === undefined
      ? []
      : pair('Metadata', Object.keys(metadata).length ? JSON.stringify(metadata) : 'cleared')),
    ...pair('Updated', timeOf(updated)),
  )
  const card = make('li', '', make('h3', '', display_name || external_id), facts)
  card.dataset['externalId'] = external_id
  card.dataset['testid'] = 'contact'
  return card
}

/** Shows the contacts as the API has them, now and after every change; newest first. */
export const watchContacts = (onFault: (mode: FaultMode) => void): void => {
  const list = byId('contacts')
  const live = byId('live')

  const showLive = (isLive: boolean): void => {
    live.textContent = isLive ? 'Live' : 'Reconnecting'
    live.dataset['live'] = String(isLive)
  }
  const showEmpty = (): void => {
    byId('no-contacts').hidden = list.childElementCount > 0
  }

  const change = (contact: StoredContact): void => {
    const card = cardOf(contact)
    card.classList.add('changed')
    const former = [...list.children].find(
      (item) => (item as HTMLElement).dataset['externalId'] === contact.external_id,
    )
    if (former) former.replaceWith(card)
    else list.prepend(card)
    showEmpty()
  }

  const events = new EventSource('/events')
  events.addEventListener('open', async () => {
    // After a break too: what changed meanwhile was told to nobody.
    try {
      const { data, has_more } = await listContacts()
      list.replaceChildren(...data.map(cardOf))
      byId('more-contacts').hidden = !has_more
      showEmpty()
      showLive(true)
    } catch {
      showLive(false)
    }
  })
  events.addEventListener('error', () => showLive(false))
  events.addEventListener('contact', (event) => change(JSON.parse(event.data)))
  events.addEventListener('fault', (event) => onFault(JSON.parse(event.data).mode))
}
