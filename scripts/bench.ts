// `npm run bench -- [handshake|bulk|pingpong|tunnel|scale|bundle|platforms] [--json] [--update] [--rounds N] [--against
// YARDSTICK] [--quick]`: runs the benchmarks of test/bench side by side with their yardsticks. --update keeps the result in docs/benchmarks.md.
import { benchmarks, parts } from '../test/bench/index.js'
import { stopAll } from '../test/bench/processes.js'
import { report, textOf, update } from '../test/bench/report.js'
import type { Row } from '../test/bench/row.js'

/** Options with a value behind them. */
const valued: readonly string[] = ['--rounds', '--against']

export async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg, at) => !arg.startsWith('--') && !valued.includes(args[at - 1] ?? ''))
  const unknown = names.find((name) => !Object.hasOwn(benchmarks, name))
  if (unknown !== undefined) {
    process.stderr.write(`no benchmark ${unknown}: ${Object.keys(benchmarks).join(' ')}\n`)
    return 2
  }
  const quick = args.includes('--quick')
  const optionOf = (option: string) => (args.includes(option) ? args[args.indexOf(option) + 1] : undefined)
  const rounds = Number(optionOf('--rounds') ?? (quick ? 1 : 5))
  const against = optionOf('--against')
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const results: Record<string, readonly Row[]> = {}
  const failed: string[] = []
  const whole = Object.keys(benchmarks).filter((name) => !parts.includes(name))
  for (const name of names.length === 0 ? whole : names) {
    try {
      const { run } = await benchmarks[name]!()
      const options = { rounds, quick, ...(against && { against }) }
      results[name] = await run({ ...options, say: (line) => say(`${name}: ${line}`) })
    } catch (error) {
      // What others have measured by then took minutes.
      failed.push(name)
      say(`${name} failed: ${(error as Error).stack}`)
    } finally {
      // The next one does not share the machine with processes that have nothing left to do.
      await stopAll()
    }
  }
  const made = report(results)
  process.stdout.write(args.includes('--json') ? `${JSON.stringify(made, null, 2)}\n` : textOf(made))
  if (args.includes('--update')) await update(made)
  return failed.length === 0 ? 0 : 1
}
