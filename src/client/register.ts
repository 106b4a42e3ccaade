/**
 * Your own types of `metadata` and traits, told once for the whole app. Then each call is checked by them:
 *
 * ```ts
 * import 'orq-identify'
 *
 * declare module 'orq-identify' {
 *   interface Register {
 *     metadata: { plan: 'free' | 'pro'; seats?: number }
 *     traits: { name?: string; plan: 'free' | 'pro' }
 *   }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: the app fills it
export interface Register {}
