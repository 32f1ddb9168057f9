// The tables of docs/hardening.md are those of the cases.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { hardeningDocument } from '../../scripts/hardening-doc.js'

it('of bad servers and bad clients is what docs/hardening.md says (npm run docs)', () => {
  const document = readFileSync('docs/hardening.md', 'utf8')
  expect(hardeningDocument(document)).toBe(document)
})
