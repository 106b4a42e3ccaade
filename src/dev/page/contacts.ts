import { listContacts, type StoredContact } from './backend.ts'
import { type ContactCard, createContactCard } from './contact-card.ts'
import { byId } from './element.ts'

/** The contacts as the API has them, newest first. */
export interface ContactList {
  /** Reads them all anew. */
  refresh(): Promise<void>
  change(contact: StoredContact): void
}

export const createContactList = (): ContactList => {
  const list = byId('contacts')
  let cards = new Map<string, ContactCard>()

  const cardOf = (contact: StoredContact): ContactCard => {
    const card = cards.get(contact.external_id) ?? createContactCard()
    card.show(contact)
    return card
  }
  const showEmpty = (): void => {
    byId('no-contacts').hidden = cards.size > 0
  }

  return {
    refresh: async () => {
      const { data, has_more } = await listContacts()
      cards = new Map(data.map((contact) => [contact.external_id, cardOf(contact)]))
      list.replaceChildren(...[...cards.values()].map(({ element }) => element))
      byId('more-contacts').hidden = !has_more
      showEmpty()
    },
    change: (contact) => {
      const card = cardOf(contact)
      const { element } = card
      if (!cards.has(contact.external_id)) list.prepend(element)
      cards.set(contact.external_id, card)
      // An animation starts anew only after a style without it was computed.
      element.classList.remove('changed')
      void element.offsetWidth
      element.classList.add('changed')
      showEmpty()
    },
  }
}
