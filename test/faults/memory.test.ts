// A part of the fault matrix, the same each time: every shape of tunnel, faults at some bytes of its exchange. All bytes are
// broken at by `npm run faults`.
import { expect, it } from 'vitest'
import { runMatrix } from './matrix.js'
import { runStalls } from './stalls.js'
import { shapes } from './tunnel.js'

it('a broken path never makes a tunnel lie, and leaves nothing behind', async () => {
  const matrix = await runMatrix({ stride: 97, silenceStride: 241, offset: 11 })
  expect(matrix.violations).toEqual([])
  expect(matrix.cases).toBeGreaterThan(1000)
  expect(matrix.ends.whole).toBeGreaterThan(0)
}, 120_000)

it('who does not read is not written to without bound', async () => {
  const stalls = await runStalls()
  expect(stalls.filter(({ violation }) => violation !== undefined)).toEqual([])
  expect(stalls).toHaveLength(4 * shapes.length)
}, 120_000)
