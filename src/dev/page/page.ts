import { signIn, signOut, whoIsSignedIn } from './backend.ts'
import { createCalls } from './calls.ts'
import { createContactList } from './contacts.ts'
import { byId } from './element.ts'
import { createFaultSwitches } from './faults.ts'
import { listenToServer } from './live.ts'
import { loadOrq, type PageUser } from './orq.ts'
import { createPeople } from './people.ts'
import { type Profile, personOf, readProfile, showProfile, userOf } from './profile.ts'
import { createQueue } from './queue.ts'
import { createSnippetChooser } from './snippet-chooser.ts'
import { createStream } from './stream.ts'

const say = (sentence: string): void => {
  byId('notice').dataset['trouble'] = 'false'
  byId('notice').textContent = sentence
}

const complain = (error: unknown): void => {
  byId('notice').dataset['trouble'] = 'true'
  byId('notice').textContent = error instanceof Error ? error.message : String(error)
}

const onClick = (id: string, action: () => void | Promise<void>): void => {
  byId(id).addEventListener('click', () => void Promise.resolve(action()).catch(complain))
}

const start = async (): Promise<void> => {
  createSnippetChooser()
  const stream = createStream()
  const people = createPeople(stream.name)
  const contacts = createContactList()
  const queue = createQueue(say, complain)
  listenToServer({
    onOpen: () => Promise.all([contacts.refresh(), queue.refresh()]),
    onContact: contacts.change,
    onStep: (step) => {
      stream.step(step)
      queue.touch()
    },
    onFault: createFaultSwitches(complain),
    onKeeping: queue.touch,
  })

  const orq = await loadOrq()
  const calls = createCalls(people, say)
  orq.on('decision', (decision) => {
    calls.decide(decision) // first: it may learn whose decision it is
    stream.decide(decision, people)
  })

  let signedIn: string | undefined
  let before: Profile | undefined
  let last: PageUser | undefined

  const showSession = (externalId: string | undefined): void => {
    signedIn = externalId
    byId('session').textContent = externalId === undefined ? 'Signed out' : `Signed in as ${externalId}`
    byId('session').dataset['signedIn'] = String(externalId !== undefined)
    // One button stands out: what a person most likely does next.
    byId('sign-in').classList.toggle('quiet', externalId !== undefined)
    byId('save').classList.toggle('quiet', externalId === undefined)
    byId<HTMLButtonElement>('sign-out').disabled = externalId === undefined
  }

  const identify = (user: PageUser, occasion: string): void => {
    last = user
    byId<HTMLButtonElement>('again').disabled = false
    calls.add(user.externalId, occasion, () => orq.identify(user))
  }
  /** The calls come first and at once: somebody may leave the page right after the click. */
  const identifyProfile = (occasion: string, times = 1): void => {
    const profile = readProfile()
    const user = userOf(profile, before)
    before = profile
    for (let n = 0; n < times; n++) identify(user, occasion)
    if (profile.externalId === signedIn) void signIn(personOf(profile)).catch(complain)
  }

  byId<HTMLFormElement>('profile').addEventListener('submit', (event) => {
    event.preventDefault()
    const profile = readProfile()
    signIn(personOf(profile)).then(() => {
      showSession(profile.externalId)
      identifyProfile('sign-in')
    }, complain)
  })
  onClick('sign-out', async () => {
    await signOut()
    orq.reset()
    before = undefined
    showSession(undefined)
    say('Signed out. orq.reset() has forgotten the person.')
  })
  onClick('save', () => identifyProfile('profile'))
  onClick('ten', () => identifyProfile('one of ten', 10))
  onClick('again', () => {
    if (last) identify(last, 'unchanged')
  })

  const person = await whoIsSignedIn()
  if (!person) return
  showProfile(person)
  showSession(person.external_id)
  identifyProfile('page load') // as any site does on each of its pages
}

start().catch(complain)
