// Rows made a report: figures, verdicts, the machine and the versions; as JSON, as text.
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { best, judge, median, type Row, ratio, spread } from './row.js'

export interface ReportedRow extends Row {
  readonly median: number
  readonly best: number
  readonly spread: number
  readonly yardstickMedian?: number
  readonly yardstickBest?: number
  readonly yardstickSpread?: number
  readonly ratio?: number
  readonly verdict: 'aim' | 'must' | 'short' | 'record'
}

export interface Report {
  readonly schema: 'underpass/bench/1'
  readonly at: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly versions: Readonly<Record<string, string>>
  readonly benchmarks: Readonly<Record<string, readonly ReportedRow[]>>
}

export function report(results: Readonly<Record<string, readonly Row[]>>): Report {
  return {
    schema: 'underpass/bench/1',
    at: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      system: `${process.platform} ${release()} ${process.arch}`,
    },
    versions: {
      node: process.version,
      openssl: process.versions.openssl,
      v8: process.versions.v8,
      ...packages(),
    },
    benchmarks: Object.fromEntries(Object.entries(results).map(([name, rows]) => [name, rows.map(reported)])),
  }
}

function reported(row: Row): ReportedRow {
  const { yardstick } = row
  const figure = ratio(row)
  return {
    ...row,
    median: median(row.ours),
    best: best(row, row.ours),
    spread: spread(row.ours),
    ...(yardstick && {
      yardstickMedian: median(yardstick),
      yardstickBest: best(row, yardstick),
      yardstickSpread: spread(yardstick),
    }),
    ...(figure !== undefined && { ratio: figure }),
    verdict: judge(row).verdict,
  }
}

function packages(): Record<string, string> {
  return Object.fromEntries(
    ['subtls', '@reclaimprotocol/tls', 'lemon-tls', 'node-forge'].map((name) => {
      const manifest = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as {
        version: string
      }
      return [name, manifest.version]
    }),
  )
}

export function textOf({ benchmarks }: Report): string {
  return Object.entries(benchmarks)
    .map(([name, rows]) => `${name}\n${rows.map((row) => `  ${line(row)}\n`).join('')}`)
    .join('\n')
}

function line(row: ReportedRow): string {
  const ours = `${figure(row.median)} (best ${figure(row.best)}, ±${Math.round(100 * row.spread)}%)`
  const other = row.yardstickMedian === undefined ? '' : ` vs ${figure(row.yardstickMedian)}`
  const ratioText = row.ratio === undefined ? '' : ` = ${row.ratio.toFixed(2)}`
  return `${row.verdict.padEnd(6)} ${row.name}: ${ours}${other} ${row.unit}${ratioText}${barText(row)}`
}

export function barText({ bar, better, unit }: Row): string {
  if (bar === undefined) return ''
  const sign = bar.of === 'speed' || (bar.of === 'value' && better === 'more') ? '≥' : '≤'
  const tail = bar.of === 'value' ? ` ${unit}` : ''
  const aim = bar.aim === undefined ? '' : `, aim ${sign} ${bar.aim}`
  return ` [must ${sign} ${bar.must}${aim}${tail}]`
}

export function figure(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3)
}

export async function update(made: Report): Promise<void> {
  const { writeDocument } = await import('./document.js')
  writeDocument(made)
}
