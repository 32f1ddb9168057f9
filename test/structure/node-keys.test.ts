// Node 20 exports a JWK under the key's lock. A garbage collection in that moment that takes away the job which generated the
// key waits for the same lock: the process stands still, for ever. A stress of it would pass on most days; this cannot.
import { expect, it } from 'vitest'
import { sourceFiles, withoutComments } from './source.js'

it('no key of node:crypto is exported as a JWK', () => {
  const exporting = sourceFiles('src').filter(({ text }) =>
    /\.export\(\s*\{[^}]*format:\s*'jwk'/.test(withoutComments(text)),
  )
  expect(exporting.map(({ path }) => path)).toEqual([])
})
