// Chromium and workerd, one after the other.
import type { Benchmark, Row } from './row.js'

export const platforms: Benchmark = {
  name: 'platforms',
  async run(options) {
    const rows: Row[] = []
    // `workerd` before `workerd-start`: whom miniflare trusts is settled when it is loaded (test/support/workerd.ts).
    for (const load of [
      async () => (await import('./chromium.js')).chromium,
      async () => (await import('./workerd.js')).workerd,
      async () => (await import('./workerd-start.js')).workerdStart,
    ])
      rows.push(...(await (await load()).run(options)))
    return rows
  },
}
