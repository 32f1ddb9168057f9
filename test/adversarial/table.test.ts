// The table of docs/hardening.md is that of the cases.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { hardeningDocument } from '../../scripts/bad-servers-doc.js'

it('of bad servers is what docs/hardening.md says (npm run docs)', () => {
  const document = readFileSync('docs/hardening.md', 'utf8')
  expect(hardeningDocument(document)).toBe(document)
})
