// The pool that runs the suite in workerd turns nodejs_compat on for itself. Here the same suite runs in the bare runtime,
// without nodejs_compat and with it.
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { bundleModule, startWorkerd } from '../support/workerd.js'
import type { Outcome } from './bare-suite.js'

// A whole suite is one test here.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

it.each([
  ['without nodejs_compat', false],
  ['with nodejs_compat', true],
])('the conformance suite holds in workerd %s', async (_, nodejsCompat) => {
  const module = join(import.meta.dirname, 'bare-suite.ts')
  const alias = { vitest: join(import.meta.dirname, 'bare-vitest.ts') }
  await using worker = await startWorkerd({ script: await bundleModule(module, alias), nodejsCompat })
  const outcomes = await worker.call<Outcome[]>({})
  expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
  expect(outcomes.length).toBeGreaterThanOrEqual(67)
})
