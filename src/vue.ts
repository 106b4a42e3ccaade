import { type ClientOptions, createOrq, type IdentifiedUser, type MetadataOf, type Orq } from 'orq-identify'
import {
  hasInjectionContext,
  type InjectionKey,
  inject,
  type MaybeRefOrGetter,
  onMounted,
  type Plugin,
  toValue,
  watch,
} from 'vue'
import { createUserFollower, type Session } from './bindings/user-follower.ts'

const key: InjectionKey<Orq> = Symbol('orq')

/**
 * `app.use(orqPlugin, options)` gives one client to the whole app, with the options of `orq.init`. On a server nothing
 * happens. When the app is unmounted the client is closed: what waits in the outbox goes at the next visit. The options
 * are read once: give `token` as a function, and tell later decisions to `useOrq().consent`.
 * @throws RangeError naming the option
 */
export const orqPlugin: Plugin<[options?: ClientOptions]> = {
  install: (app, options) => {
    const orq = createOrq()
    app.provide(key, orq)
    // One process renders for many people, and none of them is here.
    if (typeof document === 'undefined') return
    orq.init(options)
    app.onUnmount(orq.close)
  },
}

/** The client of the app. @throws Error outside an app that uses `orqPlugin` */
export const useOrq = (): Orq => {
  const orq = hasInjectionContext() ? inject(key, undefined) : undefined
  if (!orq) throw new Error('orq: app.use(orqPlugin, options) first, and call it in setup')
  return orq
}

/** What `useIdentify` takes beside the user. */
export interface UseIdentifyOptions {
  /**
   * Whether the app still loads its session. While `true`, nothing happens. With `false`, `undefined` means signed out too.
   * @defaultValue not told: `undefined` means not known yet, until there has been a user
   */
  loading?: MaybeRefOrGetter<boolean | undefined> | undefined
}

/**
 * Identifies the signed-in user, once the component is mounted and whenever something in the object changes; another user
 * is simply identified. `null` and `false` mean signed out: `orq.reset()` forgets who was here before, at the mount
 * too. While you do not know yet, give `{ loading: true }`, or `undefined`. `undefined` after a user resets, and the
 * console says so unless you give `loading`. The unmount of the component forgets nobody.
 */
export const useIdentify = <Metadata extends object = Record<string, unknown>>(
  user: MaybeRefOrGetter<IdentifiedUser<MetadataOf<Metadata>> | null | false | undefined>,
  { loading }: UseIdentifyOptions = {},
): void => {
  const orq = useOrq()
  const follow = createUserFollower()
  const session = (): Session<Metadata> => ({ user: toValue(user), loading: toValue(loading) })
  // Not in setup, which also runs on servers.
  onMounted(() => watch(session, (now) => follow(orq, now), { immediate: true, deep: true }))
}
