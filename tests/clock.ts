import { fakeClock as create, type FakeClock } from '../src/dev/fake-clock.ts'

export type { FakeClock }

/** A clock that moves only when told. */
export const fakeClock = (begin?: number): FakeClock => create({ begin })
