// A short run of every fuzz target, the same each time: committed seeds, then a fixed number of inputs of a fixed generator.
// The long run is `npm run fuzz -- --seconds 300`.
import { describe, expect, it } from 'vitest'
import { runTarget } from './run.js'
import { seedsOf } from './seeds.js'
import { targets } from './targets/index.js'

describe('fuzzing', () => {
  it.each(targets.map((target) => ({ ...target, target })))(
    '$name: $what',
    async ({ target }) => {
      const report = await runTarget(target, seedsOf(target.name), { time: 1200, executions: 3000, seed: 7 })
      expect(report.findings).toEqual([])
      expect(report.executions).toBeGreaterThan(0)
    },
    60_000,
  )
})
