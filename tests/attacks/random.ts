/** Chance that a seed repeats. */
export interface Random {
  /** From 0 to `below` − 1. */
  int(below: number): number
  pick<T>(from: readonly T[]): T
  /** True in one of `n` cases. */
  oneIn(n: number): boolean
  /** As many results of `make`, at most `max`. */
  list<T>(max: number, make: () => T): T[]
}

/** Mulberry32: small, fast, and good enough to choose what to break. */
export const createRandom = (seed: number): Random => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    int,
    pick: (from) => from[int(from.length)] as (typeof from)[number],
    oneIn: (n) => int(n) === 0,
    list: (max, make) => Array.from({ length: int(max + 1) }, make),
  }
}
