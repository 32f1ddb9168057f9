// That guidance leads somewhere: a fault behind eight half bytes, each checked after the one before, which nobody guesses at once.
// And that the instrumented program runs: `npm run fuzz -- --guided` in short.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverageOf, type FileCounters } from './coverage.js'
import { runGuided } from './guided.js'
import { mutation, randomFrom } from './mutation.js'
import { runTarget } from './run.js'
import { target, Violation } from './target.js'

const secret = [0x1, 0xa, 0x0, 0xc, 0x7, 0x3, 0xe, 0x5]
const executions = 60_000

function lock() {
  const counters: FileCounters = { s: Object.fromEntries(secret.map((_, i) => [i, 0])), f: {}, b: {} }
  const opened = target('lock', 'half bytes in a row', () => ({
    input: fc.uint8Array({ minLength: 10, maxLength: 16 }),
    execute(bytes: Uint8Array) {
      for (const [i, byte] of secret.entries()) {
        if (i >= bytes.length || bytes[i]! >> 4 !== byte) return
        counters.s[i]!++
      }
      throw new Violation('opened')
    },
  }))
  return { opened, counters }
}

describe('guided fuzzing', () => {
  it('finds what lies behind one step after another, which chance does not', async () => {
    const { opened, counters } = lock()
    const blind = await runTarget(opened, [], { executions, seed: 11 })
    expect(blind.findings).toEqual([])
    const led = await runGuided(opened, [], coverageOf([counters]), { executions, seed: 11 })
    expect(led.findings.map(({ message }) => message)).toEqual(['opened'])
    expect(led.reached).toEqual({ counters: secret.length, of: secret.length })
    expect(led.corpus).toBeGreaterThanOrEqual(secret.length)
    const { hex } = JSON.parse(led.findings[0]!.input) as { hex: string }
    expect(hex.slice(0, 16).replace(/(.)./g, '$1')).toBe('1a0c73e5')
  })

  it('keeps the shape of an input, so that its target still understands it', () => {
    const inputs = [
      { kind: 'a', cuts: [1, 2], bytes: new Uint8Array([1, 2, 3]), items: [{ do: 'x', n: 1 }] },
      { kind: 'b', cuts: [9], bytes: new Uint8Array(0), items: [{ do: 'y', data: new Uint8Array(4) }] },
    ]
    const random = randomFrom(3)
    for (let i = 0; i < 2000; i++) {
      const made = mutation(inputs[i % 2], inputs[random(2)], random) as (typeof inputs)[0]
      expect(['a', 'b']).toContain(made.kind)
      expect(made.cuts.length).toBeGreaterThan(0)
      expect(made.bytes).toBeInstanceOf(Uint8Array)
      for (const item of made.items)
        expect(Object.keys(item)).toEqual(item.do === 'x' ? ['do', 'n'] : ['do', 'data'])
    }
    expect(inputs[0]!.bytes).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('counts what our sources do, from the command', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[
        'scripts/run.mjs',
        'fuzz',
        '--guided',
        '--target',
        'ping',
        '--seconds',
        '2',
        '--seed',
        '1',
        '--json',
      ],
    ])
    const { findings, targets } = JSON.parse(stdout) as {
      findings: number
      targets: { corpus: number; reached: { counters: number; of: number } }[]
    }
    expect(findings).toBe(0)
    expect(targets[0]!.corpus).toBeGreaterThan(3)
    expect(targets[0]!.reached.counters).toBeGreaterThan(50)
    expect(targets[0]!.reached.of).toBeGreaterThan(targets[0]!.reached.counters)
  }, 120_000)
})
