// SECURITY.md promises nothing that no test holds: each guarantee links to test files, and these exist and test something.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from './source.js'

const text = readFileSync(join(projectRoot, 'SECURITY.md'), 'utf8')
const section = /^## Guarantees\n(.*?)^## /ms.exec(text)![1]!
const guarantees = section.split(/^(?=\d+\. )/m).slice(1)
const linksOf = (part: string) => [...part.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!)

describe('SECURITY.md', () => {
  it.each([
    'Reporting',
    'Threat model',
    'Assumptions',
    'Guarantees',
    'Not guaranteed',
    'Not a vulnerability',
  ])('has the section %s', (name) => {
    expect(text).toMatch(new RegExp(`^## ${name}$`, 'm'))
  })

  it('numbers its guarantees without a gap', () => {
    expect(guarantees.length).toBeGreaterThan(10)
    expect(guarantees.map((each) => Number.parseInt(each, 10))).toEqual(guarantees.map((_, at) => at + 1))
  })

  it.each(guarantees.map((each) => [each.slice(0, 60).replace(/\s+/g, ' '), each]))(
    '%s… has its tests',
    (_, guarantee) => {
      const links = linksOf(guarantee)
      expect(links.length).toBeGreaterThan(0)
      for (const link of links) {
        expect(link).toMatch(/^test\/.*\.test\.ts$/)
        expect([link, existsSync(join(projectRoot, link))]).toEqual([link, true])
        expect(readFileSync(join(projectRoot, link), 'utf8')).toMatch(/\b(?:it|test)(?:\.\w+)*\(/)
      }
    },
  )

  it('links to nothing that is not there', () => {
    const local = linksOf(text).filter((link) => !/^(?:https?:|#)/.test(link))
    expect(local.filter((link) => !existsSync(join(projectRoot, link.replace(/#.*/, ''))))).toEqual([])
  })
})
