import type { EngineContext } from '../engine-context.ts'
import type { Token } from '../tokens.ts'

/**
 * The token at hand, unless it has expired: then it is discarded. It ends half a minute early, but at half its life at the
 * earliest: it still has to travel. A string cannot be renewed, so it lives on.
 */
export const freshToken = ({ settings, tokens }: EngineContext): Token | undefined => {
  const { held } = tokens
  if (!held || typeof settings.token === 'string') return held
  const lifeMs = (Number(held.claims['exp']) - Number(held.claims['iat'])) * 1e3
  const ageMs = settings.clock.monotonic() - held.arrivedAt
  if (lifeMs > 0 && ageMs >= Math.max(lifeMs / 2, lifeMs - 3e4)) tokens.discard()
  return tokens.held
}
