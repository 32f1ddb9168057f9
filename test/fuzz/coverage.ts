// Which code an execution reached that none before it had: counters of an instrumented bundle (scripts/instrument.ts), each
// execution's counts taken by their order of magnitude, so that a loop run eight times is news after one run twice.

/** istanbul's record of one file: counts of statements, functions and the arms of branches. */
export interface FileCounters {
  s: Record<number, number>
  f: Record<number, number>
  b: Record<number, number[]>
}

export interface Coverage {
  /** Forget what was counted since the last call: an execution begins. */
  begin(): void
  /** Whether something was reached since then for the first time, or more often than ever before. */
  news(): boolean
  /** Counters that were reached at all, of how many. */
  reached(): { readonly counters: number; readonly of: number }
}

/** Coverage of this program; undefined when it is not instrumented. */
export function coverageHere(): Coverage | undefined {
  const { __coverage__: files } = globalThis as { __coverage__?: Record<string, FileCounters> }
  return files && coverageOf(Object.values(files))
}

/** Of these files, whose counters become one array: reading ten thousand of them after each execution has to cost microseconds. */
export function coverageOf(files: readonly FileCounters[]): Coverage {
  const sizes = files.map(
    ({ s, f, b }) =>
      Object.keys(s).length +
      Object.keys(f).length +
      Object.values(b).reduce((sum, arms) => sum + arms.length, 0),
  )
  const counts = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0))
  const most = new Uint8Array(counts.length)
  let at = 0
  const taken = (size: number) => {
    at += size
    return counts.subarray(at - size, at) as unknown as number[]
  }
  for (const file of files) {
    file.s = taken(Object.keys(file.s).length)
    file.f = taken(Object.keys(file.f).length)
    for (const [branch, arms] of Object.entries(file.b)) file.b[Number(branch)] = taken(arms.length)
  }
  return {
    begin: () => void counts.fill(0),
    news() {
      let news = false
      for (let i = 0; i < counts.length; i++) {
        const count = counts[i]!
        if (count === 0) continue
        // 1, 2, 3 to 4, 5 to 8 and so on; from 128 on all the same.
        const magnitude = 1 + Math.min(8, 32 - Math.clz32(count - 1))
        if (magnitude <= most[i]!) continue
        most[i] = magnitude
        news = true
      }
      return news
    },
    reached: () => ({
      counters: most.reduce((sum, magnitude) => sum + Math.min(1, magnitude), 0),
      of: most.length,
    }),
  }
}
