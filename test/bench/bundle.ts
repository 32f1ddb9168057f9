// What a browser or a Worker has to load: gzipped bytes of the entry points, with everything that is not lazy inside.
import { entryPoints, sizeOf } from '../../scripts/bundle.js'
import type { Bar, Benchmark } from './row.js'

const bars: Readonly<Record<string, Bar>> = {
  'underpass/browser': { of: 'value', must: 40, aim: 32 },
  'underpass/workerd': { of: 'value', must: 40, aim: 32 },
  'portable core': { of: 'value', must: 36, aim: 32 },
}

export const bundle: Benchmark = {
  name: 'bundle',
  async run({ say }) {
    say('sizes')
    const core = { name: 'portable core', source: 'test/bench/core-entry.ts', runtime: 'portable' } as const
    const entries = [core, ...entryPoints().filter(({ runtime }) => runtime !== 'node')]
    const sizes = await Promise.all(entries.map(sizeOf))
    return sizes.map(({ name, gzip }) => {
      const bar = bars[name]
      return {
        name: `Bundle of ${name}`,
        unit: 'kB gzipped',
        better: 'less',
        ours: [gzip / 1000],
        ...(bar && { bar }),
      }
    })
  },
}
