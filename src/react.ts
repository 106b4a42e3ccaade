import {
  type ClientOptions,
  type Consent,
  createOrq,
  type IdentifiedUser,
  type MetadataOf,
  type Orq,
} from 'orq-identify'
import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { lateChanges, toLiveOptions } from './bindings/live-options.ts'

import { textOf } from './bindings/text-of.ts'
import { createUserFollower } from './bindings/user-follower.ts'
import { createWarnOnce } from './client/warn-once.ts'

/**
 * The options of `orq.init`, as props. Of `token`, `beforeSend` and `consent` the client uses the latest ones; the others
 * are read once, at the mount, and the console says when one of them changes later.
 *
 * - `token`: a text that has changed is used at the next ask. A refused one is read and sent once more, before the call is
 *   `pending: token_refused`.
 * - `token` and `beforeSend` have to be there at the mount: the console says when one appears or goes later.
 * - `consent`: a change is told to `orq.consent`; `undefined` changes nothing.
 */
export interface OrqProviderProps extends ClientOptions {
  /** What may call `useOrq` and `useIdentify`. */
  children?: ReactNode
}

/** One client, from its provider's mount to its unmount. */
interface Seat {
  orq: Orq
  isMounted: boolean
  isClosed: boolean
  /** The options of its `init`. */
  mounted?: ClientOptions
  /** The last consent that it was given. */
  consent?: Consent | undefined
}

// Without options a client does nothing, so that one may be made while rendering, thrown away, or made on a server.
const takeSeat = (): Seat => ({ orq: createOrq(), isMounted: false, isClosed: false })

const Context = createContext<Orq | undefined>(undefined)

// React 18 warns about useLayoutEffect on a server, where neither of them runs.
const useEarlyEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect

/**
 * Gives one client to everything below. Its props are the options of `orq.init`; nothing happens while rendering or on a
 * server. When it is unmounted it closes the client: what waits in the outbox goes at the next visit.
 * @throws RangeError naming the option, when it is mounted, or when `consent` changes to a wrong value
 */
export const OrqProvider = ({ children, ...options }: OrqProviderProps): ReactNode => {
  const [seat, setSeat] = useState(takeSeat)
  const [warnOnce] = useState(createWarnOnce)
  const latest = useRef<ClientOptions>(options)
  // Runs before the effects of children, and not for a rendering that is thrown away.
  useInsertionEffect(() => {
    latest.current = options
  })

  // Runs before `useIdentify` of children, so that nobody is identified under a consent that has ended.
  useEarlyEffect(() => {
    const { consent } = options
    if (!seat.mounted || seat.isClosed || !consent || consent === seat.consent) return
    seat.consent = consent
    seat.orq.consent(consent)
  }, [seat, options.consent])

  useEffect(() => {
    // Mounted again long after, as <Activity> does: what is closed stays so.
    if (seat.isClosed) return setSeat(takeSeat())
    seat.isMounted = true
    if (!seat.mounted) {
      seat.mounted = latest.current
      seat.consent = latest.current.consent
      seat.orq.init(toLiveOptions(latest))
    }
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

  useEffect(() => {
    if (!seat.mounted || seat.isClosed) return
    for (const line of lateChanges(seat.mounted, options)) warnOnce(line, 'warn')
  })
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
