import { type ClientOptions, createOrq, type IdentifiedUser, type MetadataOf, type Orq } from 'orq-identify'
import { createContext, createElement, type ReactNode, useContext, useEffect, useState } from 'react'
import { textOf } from './bindings/text-of.ts'
import { createUserFollower } from './bindings/user-follower.ts'

/** The options of `orq.init`, as props. Read once, at the mount: later values change nothing. */
export interface OrqProviderProps extends ClientOptions {
  /** What may call `useOrq` and `useIdentify`. */
  children?: ReactNode
}

/** One client, from its provider's mount to its unmount. */
interface Seat {
  orq: Orq
  isMounted: boolean
  isClosed: boolean
}

// Without options a client does nothing, so that one may be made while rendering, thrown away, or made on a server.
const takeSeat = (): Seat => ({ orq: createOrq(), isMounted: false, isClosed: false })

const Context = createContext<Orq | undefined>(undefined)

/**
 * Gives one client to everything below. Its props are the options of `orq.init`, read once, when it is mounted; nothing
 * happens while rendering or on a server. When it is unmounted it closes the client: what waits in the outbox goes at
 * the next visit.
 * @throws RangeError naming the option, when it is mounted
 */
export const OrqProvider = ({ children, ...options }: OrqProviderProps): ReactNode => {
  const [seat, setSeat] = useState(takeSeat)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the options of later renders are not read
  useEffect(() => {
    // Mounted again long after, as <Activity> does: what is closed stays so.
    if (seat.isClosed) return setSeat(takeSeat())
    seat.isMounted = true
    seat.orq.init(options)
    return () => {
      seat.isMounted = false
      // Later, as StrictMode mounts again in the same task.
      queueMicrotask(() => {
        if (seat.isMounted) return
        seat.isClosed = true
        seat.orq.close()
      })
    }
  }, [seat])
  return createElement(Context.Provider, { value: seat.orq }, children)
}

/** The client of the `OrqProvider` above, the same at each render. @throws Error when there is none */
export const useOrq = (): Orq => {
  const orq = useContext(Context)
  if (!orq) throw new Error('orq: put an <OrqProvider> above the component that uses it')
  return orq
}

/** What `useIdentify` takes beside the user. */
export interface UseIdentifyOptions {
  /**
   * Whether the app still loads its session. While `true`, nothing happens. With `false`, `undefined` means signed out too.
   * @defaultValue not told: `undefined` means not known yet, until there has been a user
   */
  loading?: boolean | undefined
}

/**
 * Identifies the signed-in user, at the mount and whenever something in the object changes; another user is simply
 * identified. `null` and `false` mean signed out: `orq.reset()` forgets who was here before, at the mount too. While
 * you do not know yet, give `{ loading: true }`, or `undefined`. `undefined` after a user resets, and the console says so
 * unless you give `loading`. The unmount of the component forgets nobody.
 */
export const useIdentify = <Metadata extends object = Record<string, unknown>>(
  user: IdentifiedUser<MetadataOf<Metadata>> | null | false | undefined,
  { loading }: UseIdentifyOptions = {},
): void => {
  const orq = useOrq()
  const [follow] = useState(createUserFollower)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the user
  useEffect(() => follow(orq, { user, loading }), [orq, follow, textOf(user), loading])
}
