/** Equal for values with equal content: most apps make objects anew at each render. */
export const textOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    // The client says what is wrong with it.
    return 'invalid'
  }
}
