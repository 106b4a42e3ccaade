import { createCourier } from './courier.ts'
import type { Intake, Shared } from './intake.ts'
import { hasUnsent } from './line.ts'
import { createLines } from './lines.ts'
import type { DroppedReason } from './outcome.ts'
import { isOffline } from './page.ts'

/** All that happens to a call which is no duplicate. Its own chunk, with ky: loaded when something is to be sent. */
export interface Engine {
  take(intake: Intake): void
  /** Takes up what is stored, and tries all that waits. News end a back-off that no server ordered. */
  resume(isNews?: boolean): void
  /** Sends at once what the token at hand speaks for; synchronous until `fetch` has been called. */
  sendNow(): void
  flush(): Promise<void>
  forget(reason: DroppedReason): void
  /** True when anything waits or is on the wire. */
  isBusy(): boolean
}

export { contractVersion } from './contract.ts'

export const createEngine = (shared: Shared): Engine => {
  const { store, speaksFor, proxyUrl } = shared
  const lines = createLines(shared)
  const courier = createCourier(shared, lines)
  return {
    take: (intake) => {
      const taken = lines.take(intake)
      if (!taken) return
      if (intake.post) courier.land({ ...taken, ...intake.post })
      else courier.wait(taken.line)
    },
    resume: (isNews) => {
      if (isNews) lines.quietUntil = store.recall().pause[1] = 0
      else lines.takeUp()
      courier.sendAll()
    },
    sendNow: () => {
      const token = courier.goodToken()
      if (!token || isOffline(proxyUrl) || courier.waitMs() > 0) return
      const { epoch } = store.recall()
      for (const line of lines.all.values()) {
        if (!speaksFor(token, line.id) || line.epoch !== epoch || !hasUnsent(line)) continue
        lines.refresh(line)
        const flight = hasUnsent(line) && lines.launch(line, token)
        if (flight) courier.land(flight)
      }
    },
    flush: courier.flush,
    forget: (reason) => {
      courier.halt()
      for (const line of lines.all.values()) lines.drop(line, reason)
    },
    isBusy: () => !!lines.all.size,
  }
}
