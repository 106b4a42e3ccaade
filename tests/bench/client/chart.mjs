import { chartStyle } from '../chart-style.mjs'

const panelWidth = 340
const rowHeight = 20
const barsFrom = 96
const barsWidth = 180

const sum = ({ tenCalls, fiveLoads, fiveTabs }) => tenCalls.requests + fiveLoads.requests + fiveTabs.requests

const panels = [
  { title: 'Script, kB brotli', pick: ({ bytes }) => bytes.script / 1_000 },
  { title: 'Requests: 10 same calls + 5 loads + 5 tabs', pick: ({ requests }) => sum(requests) },
  { title: 'µs per repeated call (log scale)', pick: ({ repeatedCall }) => repeatedCall.callUs.median, isLog: true },
  { title: 'ms of script at page start, with a call', pick: ({ start }) => start.withCallMs.median },
]

const short = (label) => label.replace(/ .*/, '')
const format = (value) => (value < 100 ? String(Number(value.toFixed(1))) : String(Math.round(value)))

const drawBar = (library, { y, share, value }) => {
  const width = Math.max(2, share * barsWidth)
  const kind = library.id === 'orq' ? 'ours' : 'other'
  return `<text x="${barsFrom - 6}" y="${y + 13}" text-anchor="end">${short(library.label)}</text>
<rect class="${kind}" x="${barsFrom}" y="${y + 3}" width="${width.toFixed(1)}" height="13" rx="2"/>
<text x="${(barsFrom + width + 5).toFixed(1)}" y="${y + 13}">${format(value)}</text>`
}

const drawPanel = (libraries, { title, pick, isLog }, index) => {
  const scale = (value) => (isLog ? Math.log10(1 + value) : value)
  const longest = Math.max(...libraries.map((library) => scale(pick(library))))
  const height = (libraries.length + 2) * rowHeight
  const bars = libraries.map((library, row) => {
    const value = pick(library)
    return drawBar(library, { y: (row + 1) * rowHeight + 4, share: scale(value) / longest, value })
  })
  return `<g transform="translate(${(index % 2) * panelWidth + 8} ${Math.floor(index / 2) * height + 4})">
<text class="title" x="8" y="15">${title}</text>
${bars.join('\n')}
</g>`
}

/** Four small bar charts. */
export const toChart = ({ machine, libraries }) => {
  const width = panelWidth * 2 + 8
  const height = (libraries.length + 2) * rowHeight * 2 + 20
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="orq-identify beside other libraries: size, requests, time per call, time to start; shorter is better">
${chartStyle}
${panels.map((panel, index) => drawPanel(libraries, panel, index)).join('\n')}
<text x="8" y="${height - 6}" style="font-size: 10px">Shorter is better. ${machine.date.slice(0, 10)}, Chromium ${machine.chromium.split('.')[0]}, ${machine.cores} cores.</text>
</svg>
`
}
