// docs/benchmarks.md from a report: what was run on, a table for each benchmark, plots; what falls short is explained by
// hand below a line that this file keeps as it finds it. A partial run replaces only the benchmarks that it made.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plot, svg } from './plot.js'
import { barText, figure, type Report, type ReportedRow } from './report.js'

const DOCUMENT = join('docs', 'benchmarks.md')
const FOLDER = join('docs', 'benchmarks')
/** All samples of the last runs, from which the document is made again. */
const KEPT = join(FOLDER, 'report.json')
const BY_HAND = '<!-- Below this line by hand. -->'

export function writeDocument(made: Report): void {
  mkdirSync(FOLDER, { recursive: true })
  const before = existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, 'utf8')) as Report) : undefined
  const report: Report = { ...made, benchmarks: { ...before?.benchmarks, ...made.benchmarks } }
  writeFileSync(KEPT, `${JSON.stringify(rounded(report), null, 1)}\n`)
  const plots = plotsOf(report)
  for (const [name, plot] of plots) writeFileSync(join(FOLDER, `${name}.svg`), svg(plot))
  const old = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : ''
  const byHand = old.includes(BY_HAND) ? old.slice(old.indexOf(BY_HAND)) : `${BY_HAND}\n`
  writeFileSync(DOCUMENT, `${generated(report, plots)}\n${byHand}`)
}

function generated({ at, machine, versions, benchmarks }: Report, plots: ReadonlyMap<string, Plot>): string {
  const list = (facts: Readonly<Record<string, string | number>>) =>
    Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')
  return `# Benchmarks

Made by \`npm run bench -- --update\`; do not edit above the line at the end. Everybody runs in a process of its own, in
turns, several rounds; the far end is another process. A ratio is the median of the rounds' own ratios, so that what disturbs
the machine disturbs both sides. CPU is all threads of the client's process. \`speed\` bars compare how fast we are with how
fast the yardstick is (1 is as fast), \`times\` bars divide ours by the yardstick.

Last run ${at.slice(0, 10)}. Machine: ${list(machine)}. Versions: ${list(versions)}.

${[...plots].map(([name, { title }]) => `![${title}](benchmarks/${name}.svg)`).join('\n\n')}

${Object.entries(benchmarks)
  .map(([name, rows]) => `## ${name}\n\n${table(rows)}`)
  .join('\n')}`
}

const verdicts = { aim: 'reaches the aim', must: 'holds', short: '**falls short**', record: '' }

function table(rows: readonly ReportedRow[]): string {
  const lines = rows.map((row) => {
    const { name, median, best, spread, unit, yardstickMedian, ratio, bar, verdict, note } = row
    const held = bar?.of === 'value' ? '' : (ratio?.toFixed(2) ?? '')
    const bars = barText(row).replace(/^ \[|\]$/g, '')
    const ours = `${figure(median)} (${figure(best)})${spread > 0 ? ` ±${Math.round(100 * spread)} %` : ''}`
    const other = yardstickMedian === undefined ? '' : figure(yardstickMedian)
    const cells = [name, ours, other, unit, held, bars, verdicts[verdict], note ?? '']
    return `| ${cells.join(' | ')} |\n`
  })
  return `| what | ours: median (best) | yardstick | unit | ratio | bar | | |
|---|---|---|---|---|---|---|---|
${lines.join('')}`
}

/** One plot for each thing that was measured against several. */
function plotsOf({ benchmarks }: Report): Map<string, Plot> {
  const plots = new Map<string, Plot>()
  for (const row of Object.values(benchmarks).flat()) {
    const { against, yardstickMedian, yardstickBest } = row
    const [title] = row.name.split(' vs ')
    if (against === undefined || yardstickMedian === undefined || yardstickBest === undefined) continue
    if (title === undefined || title === row.name || against.startsWith('underpass')) continue
    const name = title.toLowerCase().replace(/[^a-z0-9]+/g, '-')
    const known = plots.get(name)?.bars ?? [
      { label: 'Underpass', median: row.median, best: row.best, own: true },
    ]
    const bars = [...known, { label: against, median: yardstickMedian, best: yardstickBest, own: false }]
    plots.set(name, { title, unit: row.unit, better: row.better, bars })
  }
  for (const [name, { bars }] of plots) if (bars.length < 3) plots.delete(name)
  return plots
}

/** Five digits say all that a sample has to say. */
function rounded(report: Report): Report {
  return JSON.parse(
    JSON.stringify(report, (_, value: unknown) =>
      typeof value === 'number' ? Number(value.toPrecision(5)) : value,
    ),
  ) as Report
}
