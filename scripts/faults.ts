// `npm run faults -- [--stride 1] [--offset 0] [--json]`: the fault matrix, at every byte of every shape of tunnel or at every
// so many; stalled readers and writers; and samples through real load balancers. Status 1 on violations.
import { parseArgs } from 'node:util'
import type { FaultsReport, Told } from '../test/faults/thread.js'
import { program } from './thread.js'

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      stride: { type: 'string', default: '1' },
      offset: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
    },
  })
  using threads = await program('test/faults/thread.ts')
  const worker = threads.start({ stride: Number(values.stride), offset: Number(values.offset) })
  const report = await new Promise<FaultsReport>((resolve, reject) => {
    worker.on('message', (told: Told) => {
      if ('report' in told) resolve(told.report)
      else if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${told.done} of ${told.of} cases`)
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the matrix ended early, with status ${code}`)))
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  await worker.terminate()
  const { memory, stalls, proxies } = report
  const through = Object.values(proxies).flat()
  const violations = [
    ...memory.violations,
    ...[...stalls, ...through].filter(({ violation }) => violation !== undefined),
  ]
  const cases = memory.cases + stalls.length + through.length
  if (values.json) {
    const whole = {
      schema: 'underpass/faults/1',
      cases,
      violations: violations.length,
      stride: Number(values.stride),
      ...report,
    }
    process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`)
    return violations.length === 0 ? 0 : 1
  }
  const say = (text: string) => void process.stdout.write(`${text}\n`)
  say(
    `in memory, at every ${values.stride === '1' ? 'byte' : `${values.stride} bytes`}: ${memory.cases} cases (${listed(memory.byKind)})`,
  )
  say(`  ended as ${listed(memory.ends)}`)
  say(
    `  ${memory.kept} of ${memory.watched} objects kept, heap ${mebibytes(memory.heap.first)} MiB, at the end ${mebibytes(memory.heap.last)} MiB`,
  )
  say(
    `stalled readers and writers: ${stalls.length} cases, at most ${mebibytes(Math.max(...stalls.map(({ held }) => held)))} MiB under way`,
  )
  for (const [peer, results] of Object.entries(proxies)) say(`around ${peer}: ${results.length} cases`)
  for (const violation of violations.slice(0, 20)) say(JSON.stringify(violation))
  say(`${cases} cases, ${violations.length} violations`)
  return violations.length === 0 ? 0 : 1
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
