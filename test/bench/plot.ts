// Plots as SVG, written by hand: a bar for each contender, the best sample as a tick, readable on light and dark pages.
import { figure } from './report.js'

export interface PlotBar {
  readonly label: string
  readonly median: number
  readonly best: number
  readonly own: boolean
}

export interface Plot {
  readonly title: string
  readonly unit: string
  /** 'more' or 'less is better', said under the title. */
  readonly better: 'more' | 'less'
  readonly bars: readonly PlotBar[]
}

const LINE = 26
const LABEL = 150
const WIDTH = 720
const HEAD = 52

export function svg({ title, unit, better, bars }: Plot): string {
  const most = Math.max(...bars.flatMap(({ median, best }) => [median, best]))
  const scale = (WIDTH - LABEL - 90) / most
  const height = HEAD + LINE * bars.length + 10
  const rows = bars.map(({ label, median, best, own }, at) => {
    const y = HEAD + LINE * at
    const middle = y + LINE / 2 + 4
    return [
      text(LABEL - 8, middle, label, 'end'),
      `<rect x="${LABEL}" y="${y + 4}" width="${round(median * scale)}" height="${LINE - 8}" rx="2" fill="${own ? '#2f7d5b' : '#8a93a3'}"/>`,
      `<path d="M${round(LABEL + best * scale)} ${y + 2}v${LINE - 4}" stroke="#c7782a" stroke-width="2"/>`,
      text(LABEL + Math.max(median, best) * scale + 8, middle, figure(median), 'start'),
    ].join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="13" fill="#5b6472">
<text x="8" y="20" font-size="15" font-weight="600">${escaped(title)}</text>
${text(8, 38, `${unit}, median; tick: best round; ${better} is better`, 'start')}
${rows.join('\n')}
</svg>
`
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${round(x)}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (symbol) => `&#${symbol.charCodeAt(0)};`)
}
