export const number = (value) => {
  const text = value < 100 ? String(Number(value.toFixed(1))) : String(Math.round(value))
  return text.replace(/\B(?=(\d{3})+$)/g, ' ')
}

/** A line of a Markdown table. */
export const line = (cells) => `| ${cells.join(' | ')} |`
