// Every attack is refused as it should be, counted by its code, told in clean lines, and a canary tunnel lives through all.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectRoot } from '../structure/source.js'
import { type Build, buildPackage } from '../support/build.js'
import { attacks } from './attacks.js'
import { type Result, runAttacks } from './run.js'

let build: Build
let results: readonly Result[]

beforeAll(async () => {
  build = await buildPackage(projectRoot)
  results = await runAttacks({ dist: build.folder, scale: 0.2 })
}, 300_000)

afterAll(() => build?.remove())

describe.each(attacks)('$name', ({ name, codes, sees }) => {
  const result = () => results.find(({ attack }) => attack === name)!

  it('looks from outside as it should', () => {
    expect(Object.keys(result().outcomes).filter((outcome) => !sees.test(outcome))).toEqual([])
    expect(result().attempts).toBeGreaterThan(0)
  })

  it('is counted, by its code', () => {
    const counted = Object.keys(result().counted)
    expect(counted.filter((code) => !codes.includes(code))).toEqual([])
    if (codes.length > 0) expect(counted).not.toEqual([])
  })

  it('is told in clean lines, one for each that was counted', () => {
    expect(result().dirty).toEqual([])
    expect(result().told).toEqual(result().counted)
    expect(result().lines).toBeGreaterThan(0)
  })

  it('leaves the canary alive', () => {
    const { before, during } = result()
    expect([before.alive, during.alive]).toEqual([true, true])
    expect(during.count + before.count).toBeGreaterThan(0)
  })
})
