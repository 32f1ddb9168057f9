// `node scripts/run.mjs attack-doc [--scale N]`: runs every attack of test/attacks against a fresh build and writes the table
// of docs/hardening.md between its marks.
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Result } from '../test/attacks/run.js'
import type { Told } from '../test/attacks/thread.js'
import { program } from './thread.js'

const file = 'docs/hardening.md'
const [begin, end] = ['<!-- attacks: generated -->', '<!-- /attacks -->']

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { scale: { type: 'string', default: '1' } } })
  const results = await inThread(Number(values.scale))
  const text = readFileSync(file, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has no place for the table`)
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n${table(results)}\n${text.slice(to)}`)
  return 0
}

async function inThread(scale: number): Promise<readonly Result[]> {
  using thread = await program('test/attacks/thread.ts')
  const worker = thread.start({ scale })
  return await new Promise((resolve, reject) => {
    worker.on('message', (told: Told) => {
      if ('results' in told) resolve(told.results)
      else process.stderr.write(`${told.line}\n`)
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the attacks ended without results')))
  })
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ attack, attempts, outcomes, counted, lines, dirty, before, during }) => [
    attack,
    attempts,
    counts(outcomes),
    counts(counted) || 'nothing refused',
    `${lines}, ${dirty.length === 0 ? 'all clean' : `${dirty.length} not clean`}`,
    `${before.median.toFixed(1)} → ${during.median.toFixed(1)} ms of ${during.count}, at most ${during.worst.toFixed(0)} ms${during.alive ? '' : ': cut'}`,
  ])
  const heads = [
    'attack',
    'times',
    'what it saw',
    'what was counted',
    'log lines',
    'canary: median before → during, of so many waits',
  ]
  return ['', line(heads), line(heads.map(() => '---')), ...rows.map(line), ''].join('\n')
}

function counts(each: Readonly<Record<string, number>>): string {
  return Object.entries(each)
    .map(([what, count]) => `${what.startsWith('ERR_') ? `\`${what}\`` : what} × ${count}`)
    .join(', ')
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}
