// The code table against the rest: the generated document is in step, every code is raised, every code is tested.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorsDocument } from '../../scripts/errors-doc.js'
import { errorProse } from '../../src/error-prose.js'
import { type ErrorCode, errorRows } from '../../src/errors-node.js'
import { projectRoot, sourceFiles, withoutComments } from './source.js'

/** Codes in the table that nothing raises yet, each with its reason. */
const unraised: Partial<Record<ErrorCode, string>> = {
  ERR_CONFIG_CHUNK: 'raised beside the table, by `loaded`',
}

/** Codes that no test asserts, each with its reason. */
const untested: Partial<Record<ErrorCode, string>> = {}

const codes = errorRows().map(({ code }) => code)

describe('the code table', () => {
  it('is what docs/errors.md says (npm run docs)', () => {
    expect(readFileSync(join(projectRoot, 'docs/errors.md'), 'utf8')).toBe(errorsDocument())
  })

  it('has every code once in the document', () => {
    const listed = [...errorsDocument().matchAll(/^\| `(ERR_\w+)`/gm)].map((match) => match[1])
    expect([...listed].sort()).toEqual([...codes].sort())
  })

  it('has no code that nothing raises', () => {
    const raised = mentions(
      sourceFiles('src').filter(({ path }) => !/^src\/(errors|error-rows-node|error-prose)\.ts$/.test(path)),
    )
    const idle = codes.filter((code) => !raised.has(code) && code !== 'ERR_INTERNAL')
    expect(idle.sort()).toEqual(Object.keys(unraised).sort())
  })

  it('has no code that no test asserts', () => {
    const asserted = mentions(sourceFiles('test').filter(({ path }) => !path.startsWith('test/structure/')))
    const unasserted = codes.filter((code) => !asserted.has(code) && unraised[code] === undefined)
    expect(unasserted.sort()).toEqual(Object.keys(untested).sort())
  })

  it('says sentences, and tells the user what to try', () => {
    const broken = codes.filter((code) => {
      const { what, hint } = errorProse[code]
      return !/^[A-Z].*\.$/.test(what) || !/^[A-Z].*\.?\)?$/.test(hint)
    })
    expect(broken).toEqual([])
  })

  it('gives every exit status a meaning of design §9', () => {
    expect(errorRows().filter(({ exitStatus }) => ![2, 3, 4, 5, 6, 7, 70, 130].includes(exitStatus))).toEqual(
      [],
    )
  })
})

function mentions(sources: ReturnType<typeof sourceFiles>): Set<string> {
  return new Set(sources.flatMap(({ text }) => withoutComments(text).match(/\bERR_[A-Z0-9_]+\b/g) ?? []))
}
