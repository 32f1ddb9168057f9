// The shape of a benchmark's result, and how rounds are run so that only pairs are compared: every round runs everybody
// once, in an order that turns, because the machine is never as fast twice. Nothing here knows what is measured.

/** What a row has to reach. */
export interface Bar {
  /**
   * What is held against the bar. `speed`: how fast ours is for each unit of the yardstick's speed (at least the bar).
   * `times`: ours divided by the yardstick (at most the bar). `value`: ours alone (at most, or at least when more is better).
   */
  readonly of: 'speed' | 'times' | 'value'
  readonly must: number
  readonly aim?: number
}

/** One line of the report. `ours` and `yardstick` hold one sample for each round, paired by index. */
export interface Row {
  /** Unique among all rows: 'node bulk down, CPU'. */
  readonly name: string
  readonly unit: string
  /** Whether larger samples are better (MB/s) or smaller ones (ms). */
  readonly better: 'more' | 'less'
  readonly ours: readonly number[]
  /** Who the yardstick is; absent for a bar on the value alone. */
  readonly against?: string
  readonly yardstick?: readonly number[]
  /** Absent: for the record. */
  readonly bar?: Bar
  readonly note?: string
}

/** A benchmark's file exports one of these. */
export interface Benchmark {
  readonly name: string
  run(options: BenchmarkOptions): Promise<readonly Row[]>
}

export interface BenchmarkOptions {
  readonly rounds: number
  /** Fewer repetitions: to see that everything runs. */
  readonly quick: boolean
  /** Only this yardstick, for a quick look. */
  readonly against?: string
  /** Progress, for people. */
  say(line: string): void
}

export interface Verdict {
  /** What the bar is held against; undefined when there is nothing to compare. */
  readonly figure: number | undefined
  readonly verdict: 'aim' | 'must' | 'short' | 'record'
}

/** Ourselves and the yardsticks that were asked for. */
export function chosen<Value>(
  contenders: Readonly<Record<string, Value>>,
  { against }: BenchmarkOptions,
): Record<string, Value> {
  const names = Object.keys(contenders).filter(
    (name) => against === undefined || name === against || name === 'underpass',
  )
  return Object.fromEntries(names.map((name) => [name, contenders[name]!]))
}

/** One sample from every contender in each round; the order turns with the rounds. */
export async function alternate<Name extends string, Sample>(
  rounds: number,
  contenders: Readonly<Record<Name, (round: number) => Promise<Sample>>>,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(contenders) as Name[]
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!
      samples[name].push(await contenders[name](round))
    }
  }
  return samples
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function best(row: Pick<Row, 'better'>, values: readonly number[]): number {
  return row.better === 'more' ? Math.max(...values) : Math.min(...values)
}

/** Half the distance between the quartiles, divided by the median. */
export function spread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!
  return (at(0.75) - at(0.25)) / 2 / median(values)
}

/** The median of the rounds' own ratios: what disturbs one round disturbs both sides of it. */
export function ratio({ better, ours, yardstick, bar }: Row): number | undefined {
  if (yardstick === undefined) return undefined
  const speed = bar?.of !== 'times'
  return median(
    ours.map((own, round) => {
      const other = yardstick[Math.min(round, yardstick.length - 1)]!
      return speed && better === 'less' ? other / own : own / other
    }),
  )
}

export function judge(row: Row): Verdict {
  const { bar, better, ours } = row
  const figure = bar?.of === 'value' ? median(ours) : ratio(row)
  if (bar === undefined || figure === undefined) return { figure, verdict: 'record' }
  const atLeast = bar.of === 'speed' || (bar.of === 'value' && better === 'more')
  const reaches = (limit: number) => (atLeast ? figure >= limit : figure <= limit)
  if (bar.aim !== undefined && reaches(bar.aim)) return { figure, verdict: 'aim' }
  return { figure, verdict: reaches(bar.must) ? 'must' : 'short' }
}
