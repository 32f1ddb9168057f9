// `npm run docs`: writes the generated documents. A structure test fails while they differ from the sources.
import { writeFileSync } from 'node:fs'
import { errorsDocument } from './errors-doc.js'

export function main(): number {
  writeFileSync('docs/errors.md', errorsDocument())
  process.stdout.write('docs/errors.md\n')
  return 0
}
