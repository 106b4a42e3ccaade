import { createClient } from '../../src/client/orq.ts'
import type { ClientOptions, Orq } from '../../src/index.ts'
import { delivered, type World } from './harness.ts'

/** A page whose chunk cannot be loaded: updates go by the bare `fetch`. */
export const openBare = (world: World, options: ClientOptions = {}): Orq => {
  const orq = createClient({ load: () => Promise.reject(new Error('blocked')) })
  orq.init({
    proxyUrl: 'https://app.example/orq',
    storage: world.storage,
    clock: world.clock,
    token: () => {
      world.tokenCalls++
      return world.tokens()
    },
    fetch: async (input, init) => {
      const request = new Request(input, init)
      const posted = {
        body: (await request.json()) as Record<string, unknown>,
        keepalive: request.keepalive,
        number: Number(request.headers.get('orq-update-id')?.split('.')[1]),
      } as World['posts'][number]
      world.posts.push(posted)
      const answer = world.replies.shift()?.(posted) ?? delivered()
      if (answer instanceof Error) throw answer
      return answer as Response
    },
    ...options,
  })
  return orq
}

/** Lets time pass in steps: what an answer brings takes turns of its own. */
export const later = async ({ clock }: World, ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 250) await clock.advance(Math.min(left, 250))
}
