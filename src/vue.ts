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

const key: InjectionKey<Orq> = Symbol('orq')

/**
 * `app.use(orqPlugin, options)` gives one client to the whole app, with the options of `orq.init`. On a server nothing
 * happens. When the app is unmounted the client is closed: what waits in the outbox goes at the next visit.
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

/**
 * Identifies the signed-in user, once the component is mounted and whenever something in the object changes; another user
 * is simply identified. `undefined` means not known yet and does nothing. `null` means signed out: it resets when it
 * follows a user, and does nothing before one. The unmount of the component forgets nobody.
 */
export const useIdentify = <Metadata extends object = Record<string, unknown>>(
  user: MaybeRefOrGetter<IdentifiedUser<MetadataOf<Metadata>> | null | undefined>,
): void => {
  const orq = useOrq()
  let isIdentified = false
  const follow = (now: IdentifiedUser<MetadataOf<Metadata>> | null | undefined): void => {
    if (now) void orq.identify<Metadata>(now)
    else if (now === null && isIdentified) orq.reset()
    if (now !== undefined) isIdentified = !!now
  }
  // Not in setup, which also runs on servers.
  onMounted(() => watch(() => toValue(user), follow, { immediate: true, deep: true }))
}
