// As much of vitest's face as the conformance suite uses, for runtimes that vitest itself cannot run in: tests are gathered
// and then run by who gathered them. The matchers are vitest's own.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from '@vitest/expect'
import * as chai from 'chai'

export interface Gathered {
  readonly name: string
  run(): unknown
}

const gathered: Gathered[] = []
const path: string[] = []

/** What a suite holds. */
export function gather(suite: () => void): readonly Gathered[] {
  gathered.length = 0
  suite()
  return [...gathered]
}

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)
export const expect: typeof chai.expect = Object.assign(
  chai.expect,
  (globalThis as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT],
)

export const describe = withEach((name: string, body: (...given: never[]) => void, ...given: never[]) => {
  path.push(name)
  body(...given)
  path.pop()
})

export const it = withEach((name: string, body: (...given: never[]) => unknown, ...given: never[]) => {
  gathered.push({ name: [...path, name].join(' > '), run: () => body(...given) })
})

type Register = (name: string, body: (...given: never[]) => unknown, ...given: never[]) => void

function withEach(register: Register): Register & {
  each(cases: readonly unknown[]): (name: string, body: (...given: never[]) => unknown) => void
} {
  const each = (cases: readonly unknown[]) => (name: string, body: (...given: never[]) => unknown) => {
    for (const one of cases) {
      const given = (Array.isArray(one) ? one : [one]) as never[]
      register(`${name} ${told(given[0])}`, body, ...given)
    }
  }
  return Object.assign(register, { each })
}

function told(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.values(value)
    .filter((field) => typeof field === 'string')
    .join(' ')
}
