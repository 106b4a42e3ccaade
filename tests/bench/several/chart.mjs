import { chartStyle } from '../chart-style.mjs'
import { whole } from '../proxy/table.mjs'

const barsFrom = 110
const barsWidth = 190
const panelWidth = 370
const rowHeight = 20

/** One row of bars that follow each other. */
const drawRow = ({ label, parts, kind }, row, longest) => {
  const y = row * rowHeight + 26
  let x = barsFrom
  const bars = parts.map((value, index) => {
    const width = Math.max(2, (value / longest) * barsWidth)
    const bar = `<rect class="${index ? 'other' : kind}" x="${x.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="13" rx="2"/>`
    x += width + 1
    return bar
  })
  return `<text x="${barsFrom - 6}" y="${y + 13}" text-anchor="end">${label}</text>
${bars.join('\n')}
<text x="${(x + 4).toFixed(1)}" y="${y + 13}">${parts.map(whole).join(' + ')}</text>`
}

const drawPanel = ({ title, rows }, index) => {
  const longest = Math.max(...rows.map(({ parts }) => parts.reduce((sum, value) => sum + value)))
  return `<g transform="translate(${index * panelWidth} 0)">
<text class="title" x="8" y="16">${title}</text>
${rows.map((row, at) => drawRow(row, at, longest)).join('\n')}
</g>`
}

export const toChart = ({ machine, sqlite, several, growth }) => {
  const rates = [
    { label: 'SQLite, 1', parts: [sqlite.perSecond], kind: 'other' },
    ...several.map(({ proxies, perSecond }) => ({ label: `PostgreSQL, ${proxies}`, parts: [perSecond], kind: 'ours' })),
  ]
  const costs = growth.map(({ size, proxyCpuUs, postgresCpuUs }) => ({
    label: whole(size),
    parts: [proxyCpuUs, postgresCpuUs],
    kind: 'ours',
  }))
  const panels = [
    { title: `Updates/s by proxies, all on ${machine.cores} cores`, rows: rates },
    { title: 'µs of CPU per update, proxy + PostgreSQL, by contacts', rows: costs },
  ]
  const [width, height] = [panelWidth * panels.length + 10, rates.length * rowHeight + 50]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Updates per second with SQLite and with 1, 2 and 4 proxies on PostgreSQL; processor time per update as the table grows to 1 000 000 contacts">
${chartStyle}
${panels.map(drawPanel).join('\n')}
<text x="8" y="${height - 6}" style="font-size: 10px">${machine.date.slice(0, 10)}, PostgreSQL ${machine.postgres}, Node ${machine.node}.</text>
</svg>
`
}
