import type { IdentifiedUser, MetadataOf, Orq } from 'orq-identify'
import { createWarnOnce } from '../client/warn-once.ts'
import { textOf } from './text-of.ts'

/** What an app knows of its session. */
export interface Session<Metadata extends object> {
  /** `undefined` means signed out too, once `loading` is given. */
  user: IdentifiedUser<MetadataOf<Metadata>> | null | false | undefined
  loading: boolean | undefined
}

export type UserFollower = <Metadata extends object>(orq: Orq, session: Session<Metadata>) => void

const ambiguous =
  'useIdentify got undefined after a user, and resets. Give null when signed out, or the second argument { loading }'

/** Tells a client who is signed in, each time that changes. */
export const createUserFollower = (): UserFollower => {
  const warnOnce = createWarnOnce()
  /** What was told last, and to which client. Signed out without a text. */
  let told: { orq: Orq; text: string | undefined } | undefined

  return <Metadata extends object>(orq: Orq, { user, loading }: Session<Metadata>): void => {
    if (loading) return
    if (user === undefined && loading === undefined) {
      if (!told) return
      if (told.text) warnOnce(ambiguous, 'warn')
    }
    const text = user ? textOf(user) : undefined
    if (told?.orq === orq && told.text === text) return
    told = { orq, text }
    if (user) void orq.identify<Metadata>(user)
    else orq.reset()
  }
}
